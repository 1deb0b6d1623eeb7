export { openTrainer } from "./openTrainer.ts"
export type { StepFailure, StepReport, Trainer, TrainerOptions, TrainerState, TrainingStep } from "./Trainer.ts"
export { StateForeign, WeightsIncomplete } from "./TrainingError.ts"
