import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import type { Heads } from "../../../neural/architectures/attention.ts"
import { slidingWindow, type Window } from "../../../neural/architectures/slidingWindow.ts"
import { type TokenBatch, tokenBatch } from "../../../neural/architectures/TokenBatch.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { floats, int64s, layerOnnxRuntime, OnnxRuntime } from "../../../neural/runtime/index.ts"
import { Random } from "../../../schemas/index.ts"
import { largestDifference } from "./golden.ts"

const size = 4

/** Attention with a window as a graph of queries, keys and values. */
const graphOf = (window: Window, divided: Heads, maximumTokens: number): Uint8Array => {
  const tokens: TokenBatch = tokenBatch()
  const rows = Onnx.dimensions.multiply(tokens.batch, tokens.sequence)
  const given = (name: string, heads: number) => Onnx.input(name, "float32", [rows, heads * size])
  const [query, key, value] = [
    given("query", divided.heads),
    given("key", divided.keyHeads),
    given("value", divided.keyHeads),
  ]
  const context = slidingWindow(tokens, window, maximumTokens).attention(divided, {
    query,
    key,
    value,
    rule: (scores, mask) => Onnx.add(Onnx.multiply(scores, 0.5), mask),
  })
  const graph = { name: "window", inputs: [tokens.attentionMask, query, key, value], outputs: { context } }
  return Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, new Map())
}

/** Random numbers from −1 to 1. */
const drawn = (random: Random, count: number): Float32Array =>
  Float32Array.from({ length: count }, () => random.next() / 2 ** 31 - 1)

describe("attention in a window", () => {
  const windows = [
    { before: 3, after: 3 },
    { before: 0, after: 1 },
    { before: 5, after: 0 },
    { before: 3, after: 4 },
    { before: 140, after: 2 },
  ]

  it.scoped.each(windows)("N520 in blocks, a window of %o gives what the whole matrix with a mask gives", (window) =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const sessions = yield* Effect.forEach([1, 2], (group) =>
        Effect.gen(function* () {
          const divided = { heads: 2, keyHeads: 2 / group, size }
          // One token more than a block sees is cut into blocks; a graph for one token less is not.
          const open = (maximumTokens: number) =>
            runtime.open({ name: "window", bytes: graphOf(window, divided, maximumTokens) }, { device: "cpu" })
          const keys = Math.min(Math.max(window.before, window.after, 1), 128)
          const seen = keys * (Math.ceil(window.before / keys) + 1 + Math.ceil(window.after / keys))
          return { divided, blocks: yield* open(seen + 1), whole: yield* open(seen) }
        }),
      )
      const block = Math.max(window.before, window.after, 1)
      const lengths = fc.oneof(
        fc.integer({ min: 1, max: 12 }),
        fc
          .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -1, max: 1 }))
          .map(([count, off]) => Math.max(1, count * Math.min(block, 128) + off)),
      )
      const property = fc.asyncProperty(
        fc.array(lengths, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...sessions),
        fc.integer(),
        async (texts, { blocks, divided, whole }, seed) => {
          const length = Math.max(...texts)
          const random = new Random(seed)
          const rows = texts.length * length
          const mask = texts.flatMap((own) => Array.from({ length }, (_, at) => (at < own ? 1n : 0n)))
          const feeds = {
            attention_mask: int64s([texts.length, length], BigInt64Array.from(mask)),
            query: floats([rows, divided.heads * size], drawn(random, rows * divided.heads * size)),
            key: floats([rows, divided.keyHeads * size], drawn(random, rows * divided.keyHeads * size)),
            value: floats([rows, divided.keyHeads * size], drawn(random, rows * divided.keyHeads * size)),
          }
          const [ours, expected] = await Effect.runPromise(Effect.all([blocks.run(feeds), whole.run(feeds)]))
          const of = (result: typeof ours) => Float32Array.from(result.get("context")?.data ?? [], Number)
          // What stands at padding is nobody's.
          const width = divided.heads * size
          const kept = (all: Float32Array) => all.filter((_, i) => mask[Math.floor(i / width)] === 1n)
          expect(kept(of(expected)).length).toBe(width * texts.reduce((a, b) => a + b, 0))
          expect(largestDifference(kept(of(ours)), kept(of(expected)))).toBeLessThan(1e-6)
        },
      )
      yield* Effect.promise(() => fc.assert(property, { numRuns: 40 }))
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )
})
