export type { RunEvent } from "./RunEvent.ts"
export {
  CodeChanged,
  type NodePreview,
  OutputNotWritten,
  preview,
  type RunnerServices,
  type RunOptions,
  run,
  SourceChanged,
  StageDefect,
} from "./Runner.ts"
export { type NodeReport, type OutputReport, RunFailed, type RunReport } from "./RunReport.ts"
