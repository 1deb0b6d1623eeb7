import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import {
  decodeConfig,
  type Head,
  type HeadKind,
  type ModelGraph,
  modelGraph,
  type PretrainedConfig,
} from "../../../neural/architectures/index.ts"
import { openWeights, requireTensors } from "../../../neural/checkpoints/index.ts"
import { encodeModel, toBytes } from "../../../neural/onnx/index.ts"

/** The small random models that `test/reference/models/generate.py` makes. */
export const modelsFolder = join(import.meta.dirname, "../../reference/models")

export const modelNames = readdirSync(modelsFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort()

const Golden = Schema.Struct({
  token: Schema.optional(Schema.Number),
  yes: Schema.optional(Schema.Number),
  no: Schema.optional(Schema.Number),
  texts: Schema.Array(
    Schema.Struct({
      ids: Schema.Array(Schema.Number),
      types: Schema.Array(Schema.Number),
      /** By head: the score, or the embedding. */
      expected: Schema.Record({ key: Schema.String, value: Schema.Union(Schema.Number, Schema.Array(Schema.Number)) }),
    }),
  ),
})
export type Golden = typeof Golden.Type

export const readJson = (...path: readonly string[]): unknown => JSON.parse(readFileSync(join(...path), "utf8"))

export const readGolden = (name: string): Golden =>
  Schema.decodeUnknownSync(Golden)(readJson(modelsFolder, name, "golden.json"))

export const readConfig = (name: string): PretrainedConfig =>
  Effect.runSync(decodeConfig(readJson(modelsFolder, name, "config.json")))

/** A head of a kind, with the vocabulary entries and labels that the golden scores are for. */
export const headOfKind = (kind: string, golden: Golden, labels: number): Head => {
  const { no = 0, token = 0, yes = 0 } = golden
  const plain: readonly HeadKind[] = ["first-token", "masked-mean", "attention-pooling", "embedding"]
  if (kind === "decoder-logit") return { kind, token }
  if (kind === "decoder-choice") return { kind, yes, no }
  if (kind === "classifier") return { kind, labels, label: labels - 1 }
  if (kind === "embedding-lasttoken") return { kind: "embedding", pooling: "lasttoken" }
  const found = plain.find((each) => each === kind)
  if (found === "first-token" || found === "masked-mean" || found === "attention-pooling" || found === "embedding") {
    return { kind: found }
  }
  throw new Error(`no head is called ${kind}`)
}

export interface GoldenModel {
  readonly model: ModelGraph
  readonly bytes: Uint8Array
  /** The weights that are inside. */
  readonly floats: ReadonlyMap<string, Float32Array>
}

/** A golden model with a head as ONNX bytes, the weights inside: its own, or those that it was trained to. */
export const goldenModel = (
  name: string,
  head: Head,
  maximumTokens = 4096,
  trained?: ReadonlyMap<string, Float32Array>,
): Effect.Effect<GoldenModel, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { architecture } = readConfig(name)
    const model = yield* modelGraph({ architecture, head, maximumTokens })
    const weights = yield* openWeights(join(modelsFolder, name))
    const found = yield* requireTensors(weights, architecture.family, model.tensors, model.ignores)
    const floats = new Map<string, Float32Array>()
    for (const [tensor, place] of found) floats.set(tensor, yield* weights.floats(place.name))
    return { model, floats, bytes: toBytes(encodeModel(model.graph, { kind: "inside" }).model, trained ?? floats) }
  })

/** The largest difference of two rows of numbers; NaN where one has more. */
export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let largest = 0
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    largest = Math.max(largest, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)))
  }
  return largest
}
