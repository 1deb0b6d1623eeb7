import type { OptimizerSettings } from "../../schemas/index.ts"
import { Adafactor } from "./Adafactor.ts"
import { AdamW } from "./AdamW.ts"
import type { WeightUpdate } from "./WeightUpdate.ts"

/** What a weight of a shape follows its gradient by; `byRow` says that its gradient comes by row. */
export const updateOf = (settings: OptimizerSettings, shape: readonly number[], byRow: boolean): WeightUpdate => {
  if (settings.kind === "adafactor") return new Adafactor(settings.adafactor, shape)
  const elements = shape.reduce((a, b) => a * b, 1)
  return new AdamW(settings.adamw, elements, byRow ? shape[0] : 0, settings.embeddings === "touched")
}
