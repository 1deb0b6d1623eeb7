import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import { type CheckpointError, elements, type Weights } from "../checkpoints/index.ts"
import type { Adapters } from "./Adapters.ts"

/** As many floats are in memory at once. */
const atOnce = 2 ** 22

/**
 * The SHA-256 of the weights that adapters change, by name: of the name, the shape and the numbers as 32-bit floats. Whatever file they
 * lie in, equal weights have one fingerprint.
 *
 * @param storedAs the name that a weight of the graph has in the checkpoint
 */
export const baseFingerprint = (
  weights: Weights,
  adapters: Pick<Adapters, "weights">,
  storedAs: (name: string) => string,
): Effect.Effect<string, CheckpointError> =>
  Effect.gen(function* () {
    const hash = createHash("sha256")
    const buffer = new Float32Array(atOnce)
    for (const { inputs, name, outputs } of [...adapters.weights].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      hash.update(`${name} ${outputs} ${inputs}\n`)
      const count = elements([outputs, inputs])
      for (let begin = 0; begin < count; begin += atOnce) {
        const end = Math.min(count, begin + atOnce)
        yield* weights.floats(storedAs(name), { slice: { begin, end }, into: buffer })
        hash.update(new Uint8Array(buffer.buffer, 0, 4 * (end - begin)))
      }
    }
    return hash.digest("hex")
  })
