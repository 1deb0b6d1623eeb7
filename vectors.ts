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
import type { Hardware, Kinds, ModelChoice, Precision, Split } from "./schemas/index.ts"
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
  /** In how many parts passages are tokenized, and encoded. */
  readonly tokenize: { readonly shards?: number }
  readonly encode: { readonly shards?: number }
}

/** Queries other than the collection's, and what tells their nodes apart. */
interface OtherQueries {
  readonly queries: Artifact<Kinds.Queries>
  readonly mark: string
}

/** Remembers what was made, so that what is equal is one node. */
const remembered = <A>() => {
  const made = new Map<string, A>()
  return (key: string, make: () => A): A => {
    const found = made.get(key) ?? make()
    made.set(key, found)
    return found
  }
}

/**
 * Gives the vectors of a collection by a model; equal settings are the same nodes.
 *
 * @param modelOf wires a model in its precision, once for all collections
 */
export const wireVectors = (
  { label, passages, queries }: Texts,
  modelOf: (choice: ModelChoice) => WiredModel & { readonly precision: Precision },
  { encode: inParts, tokenize, ...how }: Running,
) => {
  const passagesOf = remembered<Artifact<Kinds.Vectors>>()
  const queriesOf = remembered<Artifact<Kinds.Vectors>>()
  return (choice: ModelChoice, splits: readonly [Split, ...Array<Split>], others?: OtherQueries): WiredVectors => {
    const { model, name: of, precision, tokenizer } = modelOf(choice)
    const name = precision === "fp32" ? of : `${of}.${precision}`
    const vectors = (texts: "passages" | "queries", tokens: Artifact<Kinds.Tokens>, mark: string) =>
      encode(
        { ...how, precision, texts, ...(texts === "passages" ? inParts : {}) },
        { model, tokenizer, tokens },
        `${name}.${texts}${mark}`,
      ).vectors
    const { mark, queries: asked } = others ?? { mark: label, queries }
    return {
      passages: passagesOf(JSON.stringify(choice), () => {
        const { tokens } = tokenizePassages(tokenize, { tokenizer, passages }, `${of}${label}`)
        return vectors("passages", tokens, label)
      }),
      queries: queriesOf(JSON.stringify([choice, splits, mark]), () => {
        const { tokens } = tokenizeQueries({ splits }, { tokenizer, queries: asked }, `${of}${mark}`)
        return vectors("queries", tokens, mark)
      }),
    }
  }
}
