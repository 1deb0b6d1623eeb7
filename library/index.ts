/**
 * Experiments from one's own program: what `rankdag --target eval` does, as a function, and its results as data.
 *
 * @packageDocumentation
 */

export { type Cell, type QueryOptions, queryResults, type Row } from "./queryResults.ts"
export {
  type CandidatesResult,
  type ExperimentOptions,
  type ExperimentResult,
  type ExperimentSettings,
  runExperiment,
  type SignificanceResult,
  type StageResult,
  type SweepResult,
  type SystemResult,
} from "./runExperiment.ts"
