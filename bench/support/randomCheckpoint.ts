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

function* parts(block: Float32Array, count: number, scale: number): Generator<Float32Array> {
  for (let begin = 0; begin < count; begin += block.length) {
    yield block.subarray(0, Math.min(block.length, count - begin)).map((value) => value * scale)
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
      tensors.map(({ name, shape }) => {
        const deviation = deviationOf(name, shape)
        // T5Gemma's gains are what is added to 1.
        const fixed = name.endsWith("bias") || architecture.family === "t5gemma" ? 0 : 1
        const count = elements(shape)
        const data = () =>
          deviation === undefined ? [new Float32Array(count).fill(fixed)] : parts(block, count, deviation)
        return { name, dtype, shape, data }
      }),
    )
    return tensors.reduce((sum, { shape }) => sum + elements(shape), 0)
  })
