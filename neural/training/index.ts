export { openTrainer } from "./openTrainer.ts"
export type {
  BaseStorage,
  FrozenWeights,
  StepFailure,
  StepReport,
  Trainer,
  TrainerOptions,
  TrainerState,
  TrainingStep,
  VectorScores,
} from "./Trainer.ts"
export { BaseUnavailable, StateForeign, WeightsIncomplete } from "./TrainingError.ts"
export {
  type MemoryRemedy,
  memoryRemedies,
  type PlannedTraining,
  type TrainingMemory,
  trainingMemory,
} from "./trainingMemory.ts"
