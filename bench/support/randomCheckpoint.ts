import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import {
  decodeConfig,
  elements,
  type FloatDtype,
  modelGraph,
  normalWeights,
  writeSafetensors,
} from "../../neural/index.ts"
import { type Head, modelFiles } from "../../schemas/index.ts"

/** So many normal numbers are drawn, and used again and again: a large model's own would take minutes. */
const drawn = 2 ** 22

/** The standard deviation of a weight, so that states keep their size through the layers; of a gain or a bias undefined. */
const deviationOf = (name: string, shape: readonly number[]): number | undefined => {
  if (shape.length < 2) return undefined
  if (/embed|shared|relative/.test(name)) return 1
  const [, inputs = 1] = shape
  // T5 does not scale its attention scores, so its queries are small from the start.
  return inputs ** -0.5 * (name.endsWith("SelfAttention.q.weight") ? 1 / 8 : 1)
}

/** Numbers of the block from a place on, around and around, times a scale. */
function* parts(block: Float32Array, from: number, count: number, scale: number): Generator<Float32Array> {
  let at = from % block.length
  for (let left = count; left > 0; ) {
    const part = block.subarray(at, at + Math.min(left, block.length - at)).map((value) => value * scale)
    yield part
    left -= part.length
    at = 0
  }
}

/**
 * Writes a checkpoint with random weights in Hugging Face layout into a folder that exists: `config.json` and
 * `model.safetensors`, which is written part by part. Gives the number of its weights.
 */
export const writeRandomCheckpoint = (
  folder: string,
  config: Readonly<Record<string, unknown>>,
  head: Head,
  dtype: FloatDtype,
): Effect.Effect<number, unknown> =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const { tensors } = yield* modelGraph({ architecture, head })
    const block = normalWeights(1, "block", drawn, 1)
    writeFileSync(join(folder, modelFiles.config), JSON.stringify(config))
    yield* writeSafetensors(
      join(folder, modelFiles.weights),
      tensors.map(({ name, shape }, i) => {
        const deviation = deviationOf(name, shape)
        const fixed = name.endsWith("bias") ? 0 : architecture.unitGain
        const count = elements(shape)
        // Each begins elsewhere: onnxruntime keeps equal matrices once.
        const from = i * 104_729
        const data = () =>
          deviation === undefined ? [new Float32Array(count).fill(fixed)] : parts(block, from, count, deviation)
        return { name, dtype, shape, data }
      }),
    )
    return tensors.reduce((sum, { shape }) => sum + elements(shape), 0)
  })
