import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import fc from "fast-check"
import {
  decodeConfig,
  type Floats,
  headOf,
  knownModelTypes,
  modelExpression,
  modelGraph,
  Parameters,
  tokenBatch,
} from "../../../neural/architectures/index.ts"
import { relativeBucket } from "../../../neural/architectures/relativePositions.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { int64s, layerOnnxRuntime, OnnxRuntime, openScorer } from "../../../neural/runtime/index.ts"
import { goldenModel, headOfKind, modelNames, modelsFolder, readConfig, readGolden, readJson } from "./golden.ts"

/** The sizes that the published models have: reference counts of encoder parameters, embedding included. */
const t5Sizes: readonly (readonly [string, object, number])[] = [
  ["t5-small", { d_model: 512, d_ff: 2048, num_layers: 6, num_heads: 8 }, 35_330_816],
  ["t5-base", { d_model: 768, d_ff: 3072, num_layers: 12, num_heads: 12 }, 109_628_544],
  ["t5-large", { d_model: 1024, d_ff: 4096, num_layers: 24, num_heads: 16 }, 334_939_648],
  ["t5-3b", { d_model: 1024, d_ff: 16384, d_kv: 128, num_layers: 24, num_heads: 32 }, 1_240_909_824],
  [
    "t5-v1_1-small",
    { d_model: 512, d_ff: 1024, num_layers: 8, num_heads: 6, feed_forward_proj: "gated-gelu" },
    35_332_800,
  ],
  [
    "t5-v1_1-base",
    { d_model: 768, d_ff: 2048, num_layers: 12, num_heads: 12, feed_forward_proj: "gated-gelu" },
    109_628_544,
  ],
  [
    "t5-v1_1-large",
    { d_model: 1024, d_ff: 2816, num_layers: 24, num_heads: 16, feed_forward_proj: "gated-gelu" },
    341_231_104,
  ],
  [
    "t5-v1_1-xl",
    { d_model: 2048, d_ff: 5120, num_layers: 24, num_heads: 32, feed_forward_proj: "gated-gelu" },
    1_223_527_424,
  ],
  [
    "t5-v1_1-xxl",
    { d_model: 4096, d_ff: 10240, num_layers: 24, num_heads: 64, feed_forward_proj: "gated-gelu" },
    4_762_310_656,
  ],
]

const gemmaSizes: readonly (readonly [string, readonly [number, number, number, number, number, number], number])[] = [
  ["t5gemma-s", [8, 512, 1024, 8, 8, 64], 152_060_416],
  ["t5gemma-b", [12, 768, 2048, 12, 12, 64], 281_580_288],
  ["t5gemma-l", [24, 1024, 2816, 16, 16, 64], 570_524_672],
  ["t5gemma-ml", [26, 1152, 6912, 4, 4, 256], 1_038_801_024],
  ["t5gemma-xl", [24, 2048, 5120, 32, 32, 64], 1_682_114_560],
  ["t5gemma-2b", [26, 2304, 9216, 8, 4, 256], 2_614_341_888],
  ["t5gemma-9b", [42, 3584, 14336, 16, 8, 256], 9_241_705_984],
]

const countOf = (config: unknown): number => {
  const { architecture } = Effect.runSync(decodeConfig(config))
  const model = Effect.runSync(modelGraph({ architecture, head: { kind: "first-token" } }))
  return model.tensors
    .filter(({ name }) => !name.startsWith("head."))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
}

describe("published sizes", () => {
  it.each(t5Sizes)("N7 the encoder of %s has the published number of parameters", (_name, config, parameters) => {
    expect(countOf({ model_type: "t5", ...config })).toBe(parameters)
  })

  it.each(gemmaSizes)("N7 the encoder of %s has the published number of parameters", (_name, sizes, parameters) => {
    const [layers, width, inner, heads, keyHeads, headSize] = sizes
    const part = {
      num_hidden_layers: layers,
      hidden_size: width,
      intermediate_size: inner,
      num_attention_heads: heads,
      num_key_value_heads: keyHeads,
      head_dim: headSize,
      query_pre_attn_scalar: headSize,
    }
    // Not counted: ours is without the rows that only the JAX table has.
    expect(countOf({ model_type: "t5gemma", encoder: part, decoder: part })).toBe(parameters)
  })
})

describe("relative position buckets", () => {
  it("N8 keys to the left and right have halves of the buckets, growing as powers from 8 to 128", () => {
    const firsts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]
    firsts.forEach((distance, bucket) => {
      expect(relativeBucket(-distance, 32, 128)).toBe(bucket)
      if (distance > 0) expect(relativeBucket(distance, 32, 128)).toBe(16 + bucket)
      if (distance > 8) expect(relativeBucket(-(distance - 1), 32, 128)).toBe(bucket - 1)
    })
    expect(relativeBucket(-100_000, 32, 128)).toBe(15)
    expect(relativeBucket(100_000, 32, 128)).toBe(31)
  })
})

const gemmaFields = [
  "num_hidden_layers",
  "layer_types",
  "sliding_window",
  "rope_parameters",
  "head_dim",
  "rms_norm_eps",
]
const bertFields = [
  "hidden_size",
  "num_hidden_layers",
  "num_attention_heads",
  "hidden_act",
  "id2label",
  "architectures",
]

describe("configurations", () => {
  it("N6 an unknown architecture is refused, and the known ones are listed", () => {
    for (const config of [{ model_type: "llama" }, {}, { model_type: "toString" }]) {
      const outcome = decodeConfig(config)
      expect(Either.isLeft(outcome) && outcome.left._tag).toBe("UnknownArchitecture")
      for (const known of knownModelTypes) expect(Either.isLeft(outcome) && outcome.left.message).toContain(known)
    }
  })

  it.each([
    [{ model_type: "t5", d_model: "wide" }, "d_model"],
    [{ model_type: "t5", num_layers: 0 }, "num_layers"],
    [{ model_type: "t5", feed_forward_proj: "swish" }, "feed_forward_proj"],
    [{ model_type: "t5gemma" }, "encoder"],
    [{ model_type: "t5gemma", encoder: { rope_scaling: { type: "linear" } } }, "encoder.rope_scaling"],
    [{ model_type: "t5gemma", encoder: { rope_parameters: { rope_type: "linear" } } }, "encoder.rope_parameters"],
    [{ model_type: "t5gemma", encoder: { num_key_value_heads: 3 } }, "encoder.num_key_value_heads"],
    [{ model_type: "t5gemma", encoder: { layer_types: ["chunked"], num_hidden_layers: 1 } }, "encoder.layer_types"],
    [{ model_type: "bert", hidden_act: "mish" }, "hidden_act"],
    [{ model_type: "bert", num_attention_heads: 7 }, "num_attention_heads"],
    [{ model_type: "bert", position_embedding_type: "relative_key" }, "position_embedding_type"],
  ])("N6 what cannot be built is refused by field: %j", (config, field) => {
    const outcome = decodeConfig(config)
    expect(Either.isLeft(outcome) && outcome.left).toMatchObject({ _tag: "ConfigInvalid", field })
  })

  it("N6 whatever a config.json holds, the answer is a model's configuration or one of the two errors", () => {
    const field = fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom("relu", "gelu", "t5", null, 0, -1, 1e300))
    const names = Object.keys(readJson(modelsFolder, "t5-relu", "config.json") ?? {})
    const gemma = fc.record({ encoder: fc.dictionary(fc.constantFrom(...gemmaFields), field) })
    const fields = fc.oneof(fc.dictionary(fc.constantFrom(...names, ...bertFields), field), gemma)
    fc.assert(
      fc.property(fc.constantFrom(...knownModelTypes, "other"), fields, (model_type, rest) => {
        const outcome = decodeConfig({ ...rest, model_type })
        if (Either.isLeft(outcome)) expect(["UnknownArchitecture", "ConfigInvalid"]).toContain(outcome.left._tag)
        else expect(outcome.right.architecture.layers).toBeGreaterThan(0)
      }),
      { numRuns: 500 },
    )
    for (const json of [null, 3, "t5", [], { model_type: 3 }]) expect(Either.isLeft(decodeConfig(json))).toBe(true)
  })

  it("N6 heads that an architecture does not have are refused, and its own are listed", () => {
    const { architecture } = readConfig("t5gemma")
    const outcome = modelGraph({ architecture, head: { kind: "decoder-logit", token: 3 } })
    expect(Either.isLeft(outcome) && outcome.left.message).toMatch(/decoder-logit.*t5gemma.*first-token/)
    const beyond = modelGraph({
      architecture: readConfig("t5-relu").architecture,
      head: { kind: "decoder-logit", token: 64 },
    })
    expect(Either.isLeft(beyond) && beyond.left.message).toMatch(/vocabulary of 64/)
    const label = modelGraph({
      architecture: readConfig("bert").architecture,
      head: { kind: "classifier", labels: 2, label: 2 },
    })
    expect(Either.isLeft(label) && label.left._tag).toBe("HeadUnsuitable")
  })

  it("N6 a checkpoint's class says its head where it has one", () => {
    expect(headOf(readConfig("bert-cross"))).toEqual({ kind: "classifier", labels: 1, label: 0 })
    expect(headOf(readConfig("bert-cross-two"))).toEqual({ kind: "classifier", labels: 2, label: 1 })
    expect(headOf(readConfig("bert"))).toEqual({ kind: "embedding" })
    expect(headOf(readConfig("t5-relu"))).toBeUndefined()
  })
})

describe("padding", () => {
  it.scoped.each(modelNames)("N9 what stands under the mask has no influence: %s", (name) =>
    Effect.gen(function* () {
      const golden = readGolden(name)
      const kinds = Object.keys(golden.texts[0]?.expected ?? {})
      const runtime = yield* OnnxRuntime
      for (const kind of kinds) {
        const { bytes, model } = yield* goldenModel(name, headOfKind(kind, golden, readConfig(name).labels))
        const session = yield* runtime.open({ name, bytes }, { device: "cpu", threads: 1 })
        const [rows, columns] = [3, 12]
        const mask = new BigInt64Array(rows * columns)
        for (const [row, length] of [12, 5, 1].entries()) mask.fill(1n, row * columns, row * columns + length)
        const run = (filler: bigint) => {
          const feeds = Object.fromEntries(
            model.graph.inputs.map(({ operation }) => {
              const input = operation.kind === "Input" ? operation.name : ""
              // A token that none sees, where a beginning that all share would stand.
              if (input.startsWith("shared_"))
                return [input, int64s([1, 1], BigInt64Array.of(input === "shared_ids" ? filler : 0n))]
              const data = mask.map((seen, i) =>
                input === "attention_mask"
                  ? seen
                  : input === "token_type_ids"
                    ? 0n
                    : seen === 1n
                      ? BigInt(3 + (i % 50))
                      : filler,
              )
              return [input, int64s([rows, columns], data)]
            }),
          )
          return Effect.map(session.run(feeds), (results) => Array.from(results.get(model.output)?.data ?? [], Number))
        }
        const plain = yield* run(0n)
        expect(plain.length).toBeGreaterThan(0)
        expect(yield* run(61n), kind).toEqual(plain)
      }
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )
})

describe("one description", () => {
  it("N7 the graph's weights can be inputs instead: the parameters of the training graph", () => {
    const { architecture } = readConfig("t5-gated")
    const model = Effect.runSync(modelGraph({ architecture, head: { kind: "attention-pooling" } }))
    const again = Effect.runSync(modelGraph({ architecture, head: { kind: "attention-pooling" } }))
    const bytes = Onnx.toBytes(Onnx.encodeModel(model.graph, { kind: "inputs" }).model)
    expect(Buffer.compare(bytes, Onnx.toBytes(Onnx.encodeModel(again.graph, { kind: "inputs" }).model))).toBe(0)
    expect(model.tensors.map(({ name }) => name)).toContain("head.attention.weight")
  })

  it.scoped.each([
    { name: "t5-gated", kind: "first-token" },
    { name: "t5-seq2seq-untied", kind: "decoder-logit" },
    { name: "t5gemma-grouped", kind: "masked-mean" },
    { name: "bert-cross", kind: "classifier" },
  ])(
    "N7 dropout has a place of its own wherever $name drops with the head $kind, and keeping all changes no score",
    ({ kind, name }) =>
      Effect.gen(function* () {
        const golden = readGolden(name)
        const { architecture, labels } = readConfig(name)
        const head = headOfKind(kind, golden, labels)
        const places: string[] = []
        const keepByOne = (x: Floats, place: string): Floats => {
          places.push(place)
          return Onnx.multiply(x, 1)
        }
        const plain = yield* goldenModel(name, head)
        const tokens = tokenBatch()
        const scores = modelExpression({ architecture, head }, tokens, new Parameters(), keepByOne)
        const inputs = [tokens.ids, tokens.attentionMask, ...(architecture.tokenTypes ? [tokens.tokenTypes] : [])]
        const bytes = Onnx.toBytes(
          Onnx.encodeModel({ name, inputs, outputs: { scores } }, { kind: "inside" }).model,
          plain.floats,
        )
        const texts = golden.texts.slice(0, 4)
        const on = (model: Uint8Array) =>
          Effect.flatMap(openScorer({ name, bytes: model }, { device: "cpu", threads: 1 }), (scorer) =>
            scorer.score(texts),
          )
        const [expected, dropped] = [yield* on(plain.bytes), yield* on(bytes)]
        dropped.forEach((score, i) => expect(score).toBeCloseTo(expected[i] ?? Number.NaN, 5))
        expect(new Set(places).size).toBe(places.length)
        expect(places.length).toBeGreaterThan(3 * architecture.layers)
      }).pipe(Effect.provide(layerOnnxRuntime)),
  )
})
