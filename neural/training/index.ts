export { openTrainer } from "./openTrainer.ts"
export type {
  FrozenWeights,
  StepFailure,
  StepReport,
  Trainer,
  TrainerOptions,
  TrainerState,
  TrainingStep,
  VectorScores,
} from "./Trainer.ts"
export { StateForeign, WeightsIncomplete } from "./TrainingError.ts"
