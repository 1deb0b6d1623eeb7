import * as Effect from "effect/Effect"
import { actionKey, type Fingerprint, type FingerprintError, type Reason, type SourceError } from "../keys/index.ts"
import { nodesNamed, type Plan, type StageNode, type UnknownTarget } from "../plan/index.ts"
import { ArtifactStore, type Manifest, type RemoteError, type StoreError } from "../store/index.ts"
import type { DuckDb } from "../tables/index.ts"
import { missReason } from "./missReason.ts"
import { inputsOf, nodeKey } from "./nodeKey.ts"
import { type DoneOutput, hitOutcome, sourceOutcome } from "./Outcome.ts"
import { planFingerprints } from "./PlanFingerprints.ts"
import { type PartMade, partMade, provenanceAbove } from "./provenanceAbove.ts"
import { recordedKeys } from "./RecordedKeys.ts"
import type { OutputReport } from "./RunReport.ts"

/** What a node would do. */
export interface NodePreview {
  readonly name: string
  readonly stage: string | undefined
  /** `undetermined`: it depends on what nodes that must run will make. */
  readonly status: "source" | "hit" | "run" | "undetermined"
  readonly key: string | undefined
  readonly reason: Reason
  readonly outputs: Readonly<Record<string, OutputReport>>
  /** What making the result took when it was made; of one that is yet to be made, what its nearest recorded kin took. */
  readonly seconds: number | undefined
}

/** The result as the remote has it, where there is a remote; nothing is written. */
const findShared = (store: ArtifactStore["Type"], stage: string, key: string) =>
  store.remote === undefined ? Effect.succeed(undefined) : store.remote.find(stage, key, undefined)

/**
 * What `run` would do, as far as it can be known. Nothing is written.
 *
 * @param options.force nodes or stages that would run although their results are stored.
 */
export const preview = (
  plan: Plan,
  options: { readonly force?: Iterable<string> } = {},
): Effect.Effect<
  ReadonlyArray<NodePreview>,
  RemoteError | StoreError | UnknownTarget | FingerprintError | SourceError,
  ArtifactStore | Fingerprint | DuckDb
> =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const prints = yield* planFingerprints
    const keys = recordedKeys(store)
    const forced = yield* nodesNamed(plan, options.force ?? [])
    const previews: Array<NodePreview> = []
    /** Of what reads unknown inputs the settings alone tell what it is like. */
    const secondsBefore = (node: StageNode, inputs: ReturnType<typeof inputsOf>) =>
      Effect.gen(function* () {
        const document = nodeKey(node, yield* prints.stage(node.stage), inputs, undefined)
        return (yield* keys.nearest(document))?.manifest.provenance.seconds
      })
    const known = new Map<string, Readonly<Record<string, DoneOutput>>>()
    const manifests = new Map<string, Manifest>()
    const manifestOf = (name: string) => manifests.get(name)
    const parts = new Map<string, PartMade>()
    const partOf = (name: string) => parts.get(name)
    for (const planned of plan.nodes) {
      const { node, dependencies } = planned
      if (node._tag === "SourceNode") {
        const { outputs, report } = sourceOutcome(node, yield* prints.source(node), 0)
        known.set(node.name, outputs)
        previews.push({
          name: node.name,
          stage: undefined,
          status: "source",
          key: undefined,
          reason: report.reason,
          outputs: report.outputs,
          seconds: undefined,
        })
        continue
      }
      const base = { name: node.name, stage: node.stage.name, outputs: {}, seconds: undefined }
      const unknown = dependencies.map((index) => plan.nodes[index]!.node.name).filter((name) => !known.has(name))
      if (unknown.length > 0) {
        previews.push({
          ...base,
          status: "undetermined",
          seconds: yield* secondsBefore(node, {}),
          key: undefined,
          reason: { _tag: "WaitingFor", nodes: unknown },
        })
        continue
      }
      const inputs = inputsOf(node, (name) => known.get(name) ?? {})
      const provenance = node.stage.provenance ? provenanceAbove(plan, planned, manifestOf, partOf) : undefined
      const document = nodeKey(node, yield* prints.stage(node.stage), inputs, provenance)
      const key = actionKey(document)
      const found = yield* store.lookup(node.stage.name, key, "sizes")
      const isForced = forced.has(node.name)
      const here = found._tag === "Found" && !isForced ? found.manifest : undefined
      const there = here !== undefined || isForced ? undefined : yield* findShared(store, node.stage.name, key)
      const manifest = here ?? there
      if (manifest !== undefined) {
        const { outputs, report } = hitOutcome(store, node, manifest, 0, there && store.remote?.address)
        known.set(node.name, outputs)
        if (node.shard === undefined) manifests.set(node.name, manifest)
        else parts.set(node.name, partMade(manifest))
        previews.push({
          ...base,
          status: "hit",
          key,
          reason: report.reason,
          outputs: report.outputs,
          seconds: manifest.provenance.seconds,
        })
        continue
      }
      const reason: Reason = isForced ? { _tag: "Forced" } : yield* missReason(store, keys, document, key, found)
      previews.push({ ...base, status: "run", seconds: yield* secondsBefore(node, inputs), key, reason })
    }
    return previews
  })
