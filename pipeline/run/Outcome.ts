import { Kinds } from "../../schemas/index.ts"
import type { Reason } from "../keys/index.ts"
import type { PlannedNode, SourceNode, StageNode, StoredArtifact } from "../plan/index.ts"
import type { ArtifactStore, Manifest, OutputRecord } from "../store/index.ts"
import type { NodeReport, OutputReport } from "./RunReport.ts"

/** An output that is there to be read. */
export interface DoneOutput {
  readonly artifact: StoredArtifact
  /** Absent for the user's own files. */
  readonly record: OutputRecord | undefined
}

/** What became of a node. */
export type Outcome =
  | {
      readonly _tag: "Done"
      readonly outputs: Readonly<Record<string, DoneOutput>>
      readonly report: NodeReport
      /** Absent for the user's own files. */
      readonly manifest: Manifest | undefined
    }
  | { readonly _tag: "NotDone"; readonly report: NodeReport }

type Done = Extract<Outcome, { readonly _tag: "Done" }>

/** Of the user's own files. */
export const sourceOutcome = (
  node: SourceNode,
  { hash, bytes }: { readonly hash: string; readonly bytes: number },
  seconds: number,
): Done => {
  const artifact: StoredArtifact = { kind: Kinds.SourceFiles, hash, path: node.root, from: node.name }
  return {
    _tag: "Done",
    manifest: undefined,
    outputs: { files: { artifact, record: undefined } },
    report: {
      name: node.name,
      stage: undefined,
      status: "source",
      seconds,
      savedSeconds: undefined,
      key: undefined,
      reason: { _tag: "Source" },
      outputs: { files: { kind: Kinds.SourceFiles.name, hash, path: node.root, bytes, rows: undefined } },
      warnings: [],
      facts: {},
      madeBy: undefined,
    },
  }
}

/** The outputs of a result in the store, to be read and as they are told. */
export const storedOutputs = (
  store: ArtifactStore["Type"],
  node: StageNode,
  records: Manifest["outputs"],
): { readonly outputs: Done["outputs"]; readonly reports: NodeReport["outputs"] } => {
  const outputs: Record<string, DoneOutput> = {}
  const reports: Record<string, OutputReport> = {}
  for (const [name, record] of Object.entries(records)) {
    const kind = node.stage.outputs[name]
    if (kind === undefined) continue
    const path = store.objectPath(record.hash)
    outputs[name] = { artifact: { kind, hash: record.hash, path, from: node.name }, record }
    reports[name] = { kind: kind.name, hash: record.hash, path, bytes: record.bytes, rows: record.rows }
  }
  return { outputs, reports }
}

/** Of a result in the store. */
const storedOutcome = (
  store: ArtifactStore["Type"],
  node: StageNode,
  manifest: Manifest,
  how: Pick<NodeReport, "status" | "seconds" | "savedSeconds" | "reason">,
): Done => {
  const { executor, host } = manifest.provenance
  const { outputs, reports } = storedOutputs(store, node, manifest.outputs)
  return {
    _tag: "Done",
    manifest,
    outputs,
    report: {
      name: node.name,
      stage: node.stage.name,
      ...how,
      key: manifest.actionKey,
      outputs: reports,
      warnings: manifest.warnings,
      facts: manifest.facts,
      madeBy: { host, ...(executor === undefined ? {} : { executor }) },
    },
  }
}

/**
 * Of a result that was there.
 *
 * @param from the remote that has it, where it is not, or not long, in the folder.
 */
export const hitOutcome = (
  store: ArtifactStore["Type"],
  node: StageNode,
  manifest: Manifest,
  seconds: number,
  from?: string,
): Done => {
  const { run, at, seconds: savedSeconds } = manifest.provenance
  return storedOutcome(store, node, manifest, {
    status: "hit",
    seconds,
    savedSeconds,
    reason: { _tag: "Hit", run, at, ...(from === undefined ? {} : { from }) },
  })
}

/** Of a result that was made. */
export const ranOutcome = (
  store: ArtifactStore["Type"],
  node: StageNode,
  manifest: Manifest,
  seconds: number,
  reason: Reason,
  warnings: ReadonlyArray<string> = [],
): Done => {
  const done = storedOutcome(store, node, manifest, { status: "ran", seconds, savedSeconds: undefined, reason })
  return { ...done, report: { ...done.report, warnings: [...done.report.warnings, ...warnings] } }
}

/** Of a node without outputs. */
export const notDone = (
  { node }: PlannedNode,
  status: "failed" | "skipped",
  reason: Reason,
): Extract<Outcome, { readonly _tag: "NotDone" }> => ({
  _tag: "NotDone",
  report: {
    name: node.name,
    stage: node._tag === "StageNode" ? node.stage.name : undefined,
    status,
    seconds: 0,
    savedSeconds: undefined,
    key: undefined,
    reason,
    outputs: {},
    warnings: [],
    facts: {},
    madeBy: undefined,
  },
})
