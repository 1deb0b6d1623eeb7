import * as Schema from "effect/Schema"
import { belowOne } from "./Optimizer.ts"
import { choice, count, setting } from "./Setting.ts"

/** Training of low-rank changes beside weights that stay (LoRA), by the names that peft has for the same. */
export const LoraSettings = Schema.Struct({
  rank: setting(count, 16, "Rank of a weight's change B · A, with A [rank, inputs] and B [outputs, rank]"),
  alpha: choice(
    Schema.Number.pipe(Schema.positive(), Schema.finite()),
    "The change is multiplied by alpha / rank; left out, alpha is twice the rank",
  ),
  rslora: setting(Schema.Boolean, false, "Whether it is multiplied by alpha / √rank instead"),
  dropout: setting(belowOne, 0, "Share of the numbers that A reads which is dropped, beside train.dropout"),
  targets: choice(
    Schema.NonEmptyArray(Schema.NonEmptyString),
    "Layers that are changed: ends of their names at a dot, as q or SelfAttention.q, or regular expressions that fit whole names; left out, all matrices of the model's layers",
  ),
  full: setting(
    Schema.Array(Schema.NonEmptyString),
    [],
    "What is trained in full beside the head, which always is: ends of names, or regular expressions, as for targets; embeddings and normalisations, say",
  ),
  base: setting(
    Schema.Literal("fp32", "bf16", "int8"),
    "fp32",
    "How the weights that stay are kept and multiplied: as 32-bit floats; as 16-bit floats, widened for each product, in half of the memory; as 8-bit numbers, with products of 8-bit numbers both ways. The last two on the CPU alone",
  ),
})
export type LoraSettings = typeof LoraSettings.Type

/** What a change B · A is multiplied by. */
export const loraScale = (rank: number, alpha: number, rslora: boolean): number =>
  alpha / (rslora ? Math.sqrt(rank) : rank)
