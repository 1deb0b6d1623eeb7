/**
 * How a collection's texts become vectors: the part of the wiring that is there where something compares them.
 *
 * ```text
 *  passages ── tokenize.passages ─┐
 *                           model ├─ encode ── vectors ── retrieve.dense
 *  queries ─── tokenize.queries ──┘
 * ```
 *
 * Queries are apart from passages, so that other queries do not encode the passages anew.
 */
import type { Artifact } from "./pipeline/index.ts"
import type { Hardware, Kinds, ModelChoice, Split } from "./schemas/index.ts"
import { encode } from "./stages/encode/index.ts"
import type { WiredModel } from "./stages/model/index.ts"
import type { WiredVectors } from "./stages/retrieve/index.ts"
import { tokenizePassages, tokenizeQueries } from "./stages/tokenize/index.ts"

/** What is encoded. */
interface Texts {
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  /** Tells apart the nodes of several collections. */
  readonly label: string
}

/** How models run. */
interface Running {
  readonly hardware: Hardware
  readonly tokensPerBatch?: number
  readonly threads?: number
}

/**
 * Gives the vectors of a collection by a model; equal settings are the same nodes.
 *
 * @param modelOf wires a model, once for all collections
 */
export const wireVectors = (
  { label, passages, queries }: Texts,
  modelOf: (choice: ModelChoice) => WiredModel,
  how: Running,
) => {
  const wired = new Map<string, WiredVectors>()
  return (choice: ModelChoice, splits: readonly [Split, ...Array<Split>]): WiredVectors => {
    const key = JSON.stringify([choice, splits])
    const known = wired.get(key)
    if (known !== undefined) return known
    const { model, name, tokenizer } = modelOf(choice)
    const vectors = (texts: "passages" | "queries", tokens: Artifact<Kinds.Tokens>) =>
      encode({ ...how, precision: "fp32", texts }, { model, tokenizer, tokens }, `${name}.${texts}${label}`).vectors
    const tokens = {
      passages: tokenizePassages({}, { tokenizer, passages }, `${name}${label}`).tokens,
      queries: tokenizeQueries({ splits }, { tokenizer, queries }, `${name}${label}`).tokens,
    }
    const both = { passages: vectors("passages", tokens.passages), queries: vectors("queries", tokens.queries) }
    wired.set(key, both)
    return both
  }
}
