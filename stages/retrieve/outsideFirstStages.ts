import type * as Schema from "effect/Schema"
import { BroughtOnes, settingsCodec } from "../../schemas/index.ts"

/** A passage as a first stage from outside sees it. */
export interface OutsidePassage {
  readonly docid: string
  readonly title: string | null
  readonly text: string
}

export interface OutsideQuery {
  readonly qid: string
  readonly text: string
}

/** A passage that was found. Of equal scores the greater docid comes first, whatever order they are given in. */
export interface OutsideHit {
  readonly docid: string
  /** Finite, higher is better. */
  readonly score: number
}

export interface OutsideSearcher {
  /** The best passages of a query, at most `depth` of which are kept, in any order. */
  readonly search: (
    query: OutsideQuery,
    depth: number,
  ) => ReadonlyArray<OutsideHit> | Promise<ReadonlyArray<OutsideHit>>
}

/** What a first stage is opened with. */
export interface OutsideCollection<S> {
  /** All passages, in the collection's order. */
  readonly passages: ReadonlyArray<OutsidePassage>
  readonly settings: S
  /** For what is left to chance: the same seed must give the same run. */
  readonly seed: number
}

/** What a first stage from outside is made from. */
export interface OutsideFirstStageSpec<A, I> {
  /** Its name in the table, and its settings' under `retrieve`. */
  readonly name: string
  readonly description?: string
  /** A struct of strings, numbers and truth values, each with a default. Left out, there is nothing to set. */
  readonly settings?: Schema.Schema<A, I>
  /** Above this it is refused, for all passages are in memory. Default a million. */
  readonly maxPassages?: number
  readonly open: (collection: OutsideCollection<A>) => OutsideSearcher | Promise<OutsideSearcher>
}

/** A first stage from outside, its types forgotten. */
export interface OutsideFirstStage {
  readonly name: string
  readonly description: string
  readonly settings: Schema.Schema.AnyNoContext
  readonly maxPassages: number
  /** Settings as they are written into a key. */
  readonly encode: (settings: unknown) => unknown
  /** Opens it with settings as they were encoded. */
  readonly open: (collection: OutsideCollection<unknown>) => OutsideSearcher | Promise<OutsideSearcher>
}

/** Makes a first stage that a module from outside can bring. */
export function defineOutsideFirstStage<A = unknown, I = unknown>(spec: OutsideFirstStageSpec<A, I>): OutsideFirstStage
// Settings are decoded by the schema that made their type; inside, the type is not needed.
export function defineOutsideFirstStage(spec: OutsideFirstStageSpec<unknown, unknown>): OutsideFirstStage {
  const { description = spec.name, maxPassages = 1_000_000, name, open } = spec
  const { decode, encode, settings } = settingsCodec(spec.settings)
  return {
    name,
    description,
    settings,
    maxPassages,
    encode,
    open: ({ settings: given, ...collection }) => open({ ...collection, settings: decode(given) }),
  }
}

/** The first stages that modules from outside brought. */
export const broughtFirstStages = new BroughtOnes<OutsideFirstStage>()
