export type { StepReport, Trainer, TrainerOptions, TrainerState, TrainingStep } from "./Trainer.ts"
export { StateForeign, WeightsIncomplete } from "./TrainingError.ts"
