import type * as Schema from "effect/Schema"
import { BroughtOnes, section, settingsCodec } from "../../schemas/index.ts"

/** A passage as a reranker from outside sees it. */
export interface CandidatePassage {
  readonly docid: string
  readonly title: string | null
  readonly text: string
}

export interface CandidateQuery {
  readonly qid: string
  readonly text: string
}

export interface OutsideScorer {
  /** A score for each passage, in their order: finite, higher is better. Of equal scores the greater docid comes first. */
  readonly score: (
    query: CandidateQuery,
    passages: ReadonlyArray<CandidatePassage>,
  ) => ReadonlyArray<number> | Promise<ReadonlyArray<number>>
}

/** What a reranker from outside is made from. */
export interface OutsideRerankerSpec<A, I> {
  /** Its name in the table, and its settings' under `rerank`. */
  readonly name: string
  readonly description?: string
  /** A struct of strings, numbers and truth values, each with a default. Left out, there is nothing to set. */
  readonly settings?: Schema.Schema<A, I>
  readonly open: (given: { readonly settings: A }) => OutsideScorer | Promise<OutsideScorer>
}

/** A reranker from outside, its types forgotten. */
export interface OutsideReranker {
  readonly name: string
  readonly description: string
  readonly settings: Schema.Schema.AnyNoContext
  /** Settings as they are written into a key. */
  readonly encode: (settings: unknown) => unknown
  /** Opens it with settings as they were encoded. */
  readonly open: (settings: unknown) => OutsideScorer | Promise<OutsideScorer>
}

/** Makes a reranker that a module from outside can bring. */
export function defineOutsideReranker<A = unknown, I = unknown>(spec: OutsideRerankerSpec<A, I>): OutsideReranker
// Settings are decoded by the schema that made their type; inside, the type is not needed.
export function defineOutsideReranker(spec: OutsideRerankerSpec<unknown, unknown>): OutsideReranker {
  const { description = spec.name, name, open } = spec
  const { decode, encode, settings } = settingsCodec(spec.settings)
  return { name, description, settings, encode, open: (given) => open({ settings: decode(given) }) }
}

/** The rerankers that modules from outside brought. */
export const broughtRerankers = new BroughtOnes<OutsideReranker>()

/** The settings of reranking that are of rerankers from outside, each under its name. */
export const rerankerFields = (): object =>
  Object.fromEntries(
    broughtRerankers
      .all()
      .map(({ definition: { description, name, settings } }) => [name, section(settings, description)]),
  )
