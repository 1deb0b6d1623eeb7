import type { TokenSequence } from "../runtime/index.ts"
import type { SingleInput, TokenIds, TokenTable } from "../tokenizers/index.ts"
import type { InputTexts } from "./distinctInputs.ts"

/**
 * Texts of a table, each an input on its own, as an embedding model reads them.
 *
 * @param chosen which of them, in which order
 */
export const singleTexts = (
  table: TokenTable,
  unit: "queries" | "passages",
  chosen: ArrayLike<number>,
  input: SingleInput,
): InputTexts => ({
  count: chosen.length,
  unit,
  leftOut: input.promptTokens,
  length: (at) => input.length(table.length(chosen[at]!)),
  write: (at, ids, types) => input.write(table.ids(chosen[at]!), ids, 0, types),
})

/** A text of its own as an embedding model reads it. */
export const singleSequence = (input: SingleInput, text: TokenIds, wantsTypes: boolean): TokenSequence => {
  const ids = new Int32Array(input.length(text.length))
  const types = wantsTypes ? new Int32Array(ids.length) : undefined
  input.write(text, ids, 0, types)
  return { ids, leftOut: input.promptTokens, ...(types === undefined ? {} : { types }) }
}
