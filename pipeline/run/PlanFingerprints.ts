import * as Effect from "effect/Effect"
import { Fingerprint, type FingerprintError, type SourceError } from "../keys/index.ts"
import type { AnyStage, SourceNode } from "../plan/index.ts"
import type { DuckDb } from "../tables/index.ts"

type StagePart = Effect.Effect.Success<ReturnType<Fingerprint["Type"]["stage"]>>
type SourcePart = Effect.Effect.Success<ReturnType<Fingerprint["Type"]["source"]>>

/** Fingerprints, taken once for each stage and source of a plan. */
export interface PlanFingerprints {
  readonly stage: (stage: AnyStage) => Effect.Effect<StagePart, FingerprintError, DuckDb>
  readonly stageUnchanged: Fingerprint["Type"]["stageUnchanged"]
  readonly source: (node: SourceNode) => Effect.Effect<SourcePart, SourceError>
}

const once = <K, A, E, R>(known: Map<K, A>, key: K, make: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const found = known.get(key)
    return found === undefined
      ? Effect.tap(make, (made) => Effect.sync(() => known.set(key, made)))
      : Effect.succeed(found)
  })

export const planFingerprints: Effect.Effect<PlanFingerprints, never, Fingerprint> = Effect.map(
  Fingerprint,
  (fingerprint) => {
    const stages = new Map<AnyStage, StagePart>()
    const sources = new Map<SourceNode, SourcePart>()
    return {
      stage: (stage) => once(stages, stage, fingerprint.stage(stage)),
      stageUnchanged: fingerprint.stageUnchanged,
      source: (node) => once(sources, node, fingerprint.source(node)),
    }
  },
)
