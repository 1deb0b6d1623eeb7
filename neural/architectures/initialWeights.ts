import * as Either from "effect/Either"
import { HeadUnsuitable } from "./ArchitectureError.ts"
import type { Initialisation } from "./Initialisation.ts"
import type { ModelDescription, ModelTensor } from "./Model.ts"
import { normalWeights } from "./normalWeights.ts"

/** Weights of a new head are small, so that scores begin near 0; attention pooling begins as the plain mean. */
const headDeviation = 0.02

/**
 * The weights that a new head begins with.
 *
 * @param tensor a tensor of the model whose name begins with `head.`
 */
export const initialHead = (
  seed: number,
  { name, shape }: Pick<ModelTensor, "name" | "shape">,
): Float32Array<ArrayBuffer> => {
  const count = shape.reduce((a, b) => a * b, 1)
  const zero = name.endsWith("bias") || name.includes("attention")
  return zero ? new Float32Array(count) : normalWeights(seed, name, count, headDeviation)
}

/** Heads that make a score of an encoder's states. */
const scoringHeads = ["first-token", "masked-mean", "attention-pooling"] as const

/**
 * The weights that an encoder begins with when it is trained from nothing, a function of the seed and the tensor's name. Families
 * that do not say how, and heads that want a decoder, are not begun so.
 */
export const initialWeights = (
  { architecture, head }: ModelDescription,
  seed: number,
  initialisation: Initialisation,
): Either.Either<(tensor: ModelTensor) => Float32Array<ArrayBuffer>, HeadUnsuitable> => {
  const weightOf = architecture.initial?.(seed, initialisation)
  if (weightOf === undefined || !scoringHeads.some((kind) => kind === head.kind)) {
    const why =
      weightOf === undefined ? "its models are not begun from nothing" : "only encoders are begun from nothing"
    return Either.left(new HeadUnsuitable({ family: architecture.family, head: head.kind, why, heads: scoringHeads }))
  }
  return Either.right((tensor) => (tensor.name.startsWith("head.") ? initialHead(seed, tensor) : weightOf(tensor)))
}
