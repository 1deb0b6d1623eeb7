import type { OptimizerSettings } from "../../schemas/index.ts"
import { Adafactor } from "./Adafactor.ts"
import { AdamW } from "./AdamW.ts"
import { ordinarySpace, type Space } from "./kernels/kernelSpaces.ts"
import type { WeightUpdate } from "./WeightUpdate.ts"

const sizesOf = (shape: readonly number[], byRow: boolean): readonly [elements: number, rows: number] => [
  shape.reduce((a, b) => a * b, 1),
  byRow ? (shape[0] ?? 0) : 0,
]

/**
 * What a weight of a shape follows its gradient by; `byRow` says that its gradient comes by row.
 *
 * @param space where to make the arrays whose lengths `arraysOf` gives
 */
export const updateOf = (
  settings: OptimizerSettings,
  shape: readonly number[],
  byRow: boolean,
  space: Space = ordinarySpace,
): WeightUpdate => {
  if (settings.kind === "adafactor") return new Adafactor(settings.adafactor, shape)
  return new AdamW(settings.adamw, ...sizesOf(shape, byRow), settings.embeddings === "touched", space)
}

/** The lengths of the arrays that `updateOf` makes in its space. */
export const arraysOf = (settings: OptimizerSettings, shape: readonly number[], byRow: boolean): readonly number[] =>
  settings.kind === "adafactor" ? [] : AdamW.arrays(...sizesOf(shape, byRow))
