import * as Data from "effect/Data"
import type { Reason } from "../keys/index.ts"
import type { Json, StageError } from "../plan/index.ts"
import { type MadeBy, storeVersion } from "../store/index.ts"

/** An output of a node, as a run found or made it. */
export interface OutputReport {
  /** Name of the artifact's kind: `run`, `scores`. */
  readonly kind: string
  readonly hash: string
  /** Absolute path of its folder. */
  readonly path: string
  readonly bytes: number
  readonly rows: number | undefined
}

/** What became of a node in a run. */
export interface NodeReport {
  readonly name: string
  /** Absent for files of the user's own. */
  readonly stage: string | undefined
  readonly status: "source" | "hit" | "ran" | "failed" | "skipped"
  /** What the node took in this run, waiting left out. */
  readonly seconds: number
  /** For a hit: what making the result had taken. */
  readonly savedSeconds: number | undefined
  readonly key: string | undefined
  readonly reason: Reason
  readonly outputs: Readonly<Record<string, OutputReport>>
  readonly warnings: ReadonlyArray<string>
  readonly facts: Readonly<Record<string, Json>>
  /** On which machine, and by which executor where it was not the run's own process; of what has no result, nothing. */
  readonly madeBy: { readonly host: string; readonly executor?: MadeBy } | undefined
}

/** A run, from beginning to end. Written to `runs/<run>.json`. */
export interface RunReport {
  readonly run: string
  /** ISO 8601. */
  readonly at: string
  readonly seconds: number
  /** `left`: nothing failed, and others go on with what was left to them. */
  readonly outcome: "succeeded" | "left" | "failed" | "interrupted"
  readonly targets: Readonly<Record<string, ReadonlyArray<string>>>
  /** The targets, asked for or not, of which the run had a node, with all their nodes. */
  readonly within: Readonly<Record<string, ReadonlyArray<string>>>
  /** In the plan's order. */
  readonly nodes: ReadonlyArray<NodeReport>
  /** What was found damaged, and dropped. */
  readonly damaged: ReadonlyArray<{ readonly node: string; readonly files: ReadonlyArray<string> }>
}

/** Some nodes failed. The others are in the report; what succeeded is kept. */
export class RunFailed extends Data.TaggedError("RunFailed")<{
  readonly report: RunReport
  readonly failures: ReadonlyArray<{ readonly node: string; readonly error: StageError }>
}> {
  override get message(): string {
    return this.failures.map(({ node, error }) => `${node}: ${error.message}`).join("\n")
  }
}

/** A report as it is written: without absolute paths, and without what is undefined. */
export const runRecord = (report: RunReport): string =>
  JSON.stringify({
    version: storeVersion,
    ...report,
    nodes: report.nodes.map((node) => ({
      ...node,
      outputs: Object.fromEntries(
        Object.entries(node.outputs).map(([name, { kind, hash, bytes, rows }]) => [name, { kind, hash, bytes, rows }]),
      ),
    })),
  })
