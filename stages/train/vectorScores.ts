import { type Head, needsTeacher, type VectorScores } from "../../neural/index.ts"
import type { TrainConfig } from "./contract.ts"

/** As sentence-transformers has it (scale 20): products of vectors of length 1 are too alike for a softmax. */
const usualTemperature = 0.05

const areOfUnitLength = (head: Head): boolean =>
  head.kind === "embedding" &&
  ((head.similarity ?? "cosine") === "cosine" || (head.normalized === true && head.truncateDim === undefined))

/** How a model's vectors are compared in a training. */
export const vectorScores = (
  { embedding, loss }: Pick<TrainConfig, "embedding" | "loss">,
  head: Head,
): VectorScores => ({
  temperature: embedding?.temperature ?? (areOfUnitLength(head) && !needsTeacher(loss) ? usualTemperature : 1),
  inBatch: embedding?.inBatch ?? 0,
})
