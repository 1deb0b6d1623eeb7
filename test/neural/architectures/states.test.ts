import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { families, keepAll, Parameters, tokenBatch } from "../../../neural/architectures/index.ts"
import { lastRows } from "../../../neural/architectures/TokenBatch.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { floats, int64s, layerOnnxRuntime, OnnxRuntime } from "../../../neural/runtime/index.ts"
import { modelNames, readConfig } from "./golden.ts"

describe("the states of an encoder", () => {
  it.scoped("N501 a text's last token is its last that is no padding, with padding on either side", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const tokens = tokenBatch()
      const rows = Onnx.input("rows", "float32", [Onnx.dimensions.multiply(tokens.batch, tokens.sequence), 2])
      const graph: Onnx.Graph = {
        name: "last",
        inputs: [tokens.attentionMask, rows],
        outputs: { last: lastRows(rows, tokens) },
      }
      const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, new Map())
      const session = yield* runtime.open({ name: "last", bytes }, { device: "cpu", threads: 1 })
      const masks = [
        [1, 1, 0, 0],
        [0, 1, 1, 1],
        [1, 1, 1, 1],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
      ]
      const results = yield* session.run({
        attention_mask: int64s([5, 4], BigInt64Array.from(masks.flat(), BigInt)),
        rows: floats(
          [20, 2],
          Float32Array.from({ length: 40 }, (_, i) => i),
        ),
      })
      const expected = [1, 7, 11, 14, 16].flatMap((row) => [2 * row, 2 * row + 1])
      expect(Array.from(results.get("last")?.data ?? [], Number)).toEqual(expected)
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.each(modelNames)("N501 all states, the first and the last of %s come of the same weights", (name) => {
    const { architecture } = readConfig(name)
    const tokens = tokenBatch()
    const encoder = architecture.encoder({ tokens, parameters: new Parameters(), maximumTokens: 512, dropout: keepAll })
    expect(encoder.width).toBe(architecture.width)
    expect(encoder.first().shape).toEqual([tokens.batch, architecture.width])
    expect(encoder.last().shape).toEqual([tokens.batch, architecture.width])
    expect(encoder.states().shape[1]).toBe(architecture.width)
    expect(families.map((family) => family.name)).toContain(architecture.family)
  })
})
