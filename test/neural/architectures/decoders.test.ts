import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { decodeConfig, headsOf, modelGraph } from "../../../neural/architectures/index.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { int64s, layerOnnxRuntime, OnnxRuntime, openScorer } from "../../../neural/runtime/index.ts"
import { Random } from "../../../schemas/index.ts"
import { goldenModel, headOfKind, largestDifference, modelsFolder, readConfig, readGolden, readJson } from "./golden.ts"

/** A golden model's outputs for texts in one batch, padded at a side. */
const outputsOf = (name: string, kind: string, texts: ReadonlyArray<ReadonlyArray<number>>, side: "left" | "right") =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const { bytes } = yield* goldenModel(name, headOfKind(kind, readGolden(name), readConfig(name).labels))
    const session = yield* runtime.open({ name, bytes }, { device: "cpu", threads: 1 })
    const longest = Math.max(...texts.map(({ length }) => length))
    const padded = (of: (text: ReadonlyArray<number>, at: number) => number) => {
      const rows = texts.flatMap((text) =>
        Array.from({ length: longest }, (_, at) => {
          const place = side === "left" ? at - (longest - text.length) : at
          return BigInt(place >= 0 && place < text.length ? of(text, place) : 0)
        }),
      )
      return int64s([texts.length, longest], BigInt64Array.from(rows))
    }
    // Texts begin differently: a token that none sees stands where a common beginning would.
    const unseen = int64s([1, 1], BigInt64Array.of(0n))
    const inputs = {
      input_ids: padded((text, at) => text[at] ?? 0),
      attention_mask: padded(() => 1),
      ...(session.inputs.length === 4 ? { shared_ids: unseen, shared_mask: unseen } : {}),
    }
    const data = Array.from((yield* session.run(inputs)).values().next().value?.data ?? [], Number)
    const width = data.length / texts.length
    return texts.map((_, row) => data.slice(row * width, (row + 1) * width))
  })

const cases = [
  ["qwen3", "decoder-choice"],
  ["qwen2-cross-two", "classifier"],
  ["qwen3-window", "embedding-lasttoken"],
  ["gemma3", "decoder-logit"],
] as const

const decodeFields = Schema.decodeUnknownSync(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** A fixture's configuration with other fields. */
const amended = (name: string, fields: Readonly<Record<string, unknown>>) =>
  decodeConfig({ ...decodeFields(readJson(modelsFolder, name, "config.json")), ...fields })

describe("decoders", () => {
  it.scoped.each(cases)(
    "N540 %s with the head %s gives transformers' scores with padding on the left too",
    ([name, kind]) =>
      Effect.gen(function* () {
        const golden = readGolden(name)
        const found = yield* outputsOf(
          name,
          kind,
          golden.texts.map(({ ids }) => ids),
          "left",
        )
        const differences = golden.texts.map(({ expected }, row) =>
          largestDifference([expected[kind] ?? []].flat(), found[row] ?? []),
        )
        expect(Math.max(...differences)).toBeLessThanOrEqual(1e-4)
      }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.scoped("N541 a classifier reads the last token that is not the padding's, by its id", () =>
    Effect.gen(function* () {
      const text = [5, 9, 23, 42]
      const [whole = [], ended = [], inner = []] = yield* outputsOf(
        "qwen3-cross",
        "classifier",
        [text, [...text, 0], [5, 0, 23, 42]],
        "right",
      )
      expect(largestDifference(whole, ended)).toBeLessThanOrEqual(1e-6)
      expect(largestDifference(whole, inner)).toBeGreaterThan(1e-3)
      // A logit of the vocabulary is of the last token, whichever that is.
      const [bare = [], with0 = []] = yield* outputsOf("qwen3", "decoder-logit", [text, [...text, 0]], "right")
      expect(largestDifference(bare, with0)).toBeGreaterThan(1e-3)
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  const forward = [
    ["qwen3", "decoder-choice"],
    ["qwen3-cross", "classifier"],
    ["qwen2", "decoder-choice"],
    ["gemma", "decoder-logit"],
  ] as const
  it.scoped.each(forward)("N549 %s with the head %s computes once what texts begin with", ([name, kind]) =>
    Effect.gen(function* () {
      const { bytes, model } = yield* goldenModel(name, headOfKind(kind, readGolden(name), readConfig(name).labels), 40)
      const inputs = model.graph.inputs.map((input) => (input.operation.kind === "Input" ? input.operation.name : ""))
      expect(inputs).toEqual(["shared_ids", "shared_mask", "input_ids", "attention_mask"])
      const scorer = yield* openScorer({ name, bytes }, { device: "cpu", threads: 1 })
      const random = new Random(3)
      const drawn = (count: number) => Array.from({ length: count }, () => 5 + random.below(40))
      const beginning = drawn(11)
      const texts = [1, 7, 29, 0].map((count) => ({ ids: [...beginning, ...drawn(count)] }))
      const alone = yield* Effect.forEach(texts, (text) => scorer.score([text]))
      expect(
        largestDifference(
          yield* scorer.score(texts),
          alone.map(([score = Number.NaN]) => score),
        ),
      ).toBeLessThanOrEqual(1e-5)
      const apart = [...texts, { ids: [4, ...drawn(9)] }]
      expect(
        largestDifference(
          (yield* scorer.score(apart)).slice(0, 4),
          alone.map(([score = Number.NaN]) => score),
        ),
      ).toBeLessThanOrEqual(1e-5)
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it("N549 a layer with a window, or one that sees what is behind it, has each text whole", () => {
    const inputsOf = (name: string, maximumTokens: number) => {
      const { architecture } = readConfig(name)
      const head = { kind: "decoder-logit", token: 1 } as const
      return Either.getOrThrow(modelGraph({ architecture, head, maximumTokens })).graph.inputs.length
    }
    const { architecture } = readConfig("gemma3")
    const window = Number(decodeFields(readJson(modelsFolder, "gemma3", "config.json"))["sliding_window"])
    expect(architecture.readsForward?.(window)).toBe(true)
    expect([inputsOf("gemma3", window), inputsOf("gemma3", window + 1)]).toEqual([4, 2])
  })

  const refusals = [
    ["qwen3", { rope_scaling: { rope_type: "yarn", factor: 4 } }, /rope_scaling/],
    ["qwen3", { rope_parameters: { rope_type: "yarn", factor: 4, rope_theta: 1e6 } }, /rope_parameters.rope_type/],
    ["qwen2", { rope_parameters: { partial_rotary_factor: 0.5 } }, /partial_rotary_factor/],
    [
      "qwen3",
      { layer_types: ["sliding_attention", "full_attention", "full_attention"] },
      /no sliding_window is in use/,
    ],
    ["qwen3", { layer_types: ["chunked_attention", "full_attention", "full_attention"] }, /chunked_attention/],
    ["qwen3", { layer_types: ["full_attention"] }, /1 entries for 3 layers/],
    ["qwen3", { num_key_value_heads: 3 }, /num_key_value_heads/],
    ["qwen2", { hidden_act: "tanhshrink" }, /tanhshrink/],
    ["gemma", { use_bidirectional_attention: true }, /use_bidirectional_attention/],
    ["gemma", { attention_bias: true }, /attention_bias/],
    ["gemma2", { use_bidirectional_attention: true }, /use_bidirectional_attention/],
    ["gemma3", { is_causal: false }, /is_causal/],
    ["gemma3", { sliding_window: null }, /sliding_window/],
    ["gemma3", { rope_parameters: { full_attention: { rope_type: "yarn", factor: 2 } } }, /full_attention.rope_type/],
  ] as const
  it.each(refusals)("N542 %s with %j is refused by field", (name, fields, why) => {
    const outcome = amended(name, fields)
    expect(Either.isLeft(outcome) ? outcome.left.message : "taken").toMatch(why)
  })

  it("N542 a window in Qwen's files counts where use_sliding_window says so", () => {
    const graphOf = (fields: Readonly<Record<string, unknown>>) => {
      const { architecture } = Either.getOrThrow(amended("qwen3", fields))
      const model = Either.getOrThrow(modelGraph({ architecture, head: { kind: "decoder-logit", token: 1 } }))
      return Buffer.from(Onnx.toBytes(Onnx.encodeModel(model.graph, { kind: "inputs" }).model)).toString("hex")
    }
    const without = graphOf({ layer_types: null })
    expect(graphOf({ layer_types: null, sliding_window: 16, max_window_layers: 1 })).toBe(without)
    expect(graphOf({ layer_types: null, sliding_window: 16, max_window_layers: 1, use_sliding_window: true })).not.toBe(
      without,
    )
  })

  it("N543 a decoder has no head of the first token", () => {
    const { architecture } = readConfig("qwen3")
    expect(headsOf(architecture)).toEqual([
      "masked-mean",
      "attention-pooling",
      "embedding",
      "decoder-logit",
      "decoder-choice",
      "classifier",
    ])
    expect(Either.isLeft(modelGraph({ architecture, head: { kind: "first-token" } }))).toBe(true)
  })
})
