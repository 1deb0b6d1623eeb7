import * as Schema from "effect/Schema"

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
  const { description = spec.name, maxPassages = 1_000_000, name, open, settings } = spec
  const decode = settings === undefined ? () => ({}) : Schema.decodeUnknownSync(settings)
  return {
    name,
    description,
    settings: settings ?? Schema.Struct({}),
    maxPassages,
    encode: settings === undefined ? () => ({}) : Schema.encodeUnknownSync(settings),
    open: ({ passages, seed, settings: given }) => open({ passages, seed, settings: decode(given) }),
  }
}

/** A first stage that was brought, and what it came from. */
export interface BroughtFirstStage {
  readonly definition: OutsideFirstStage
  /** The hash of its code, which is part of the key of what it finds. */
  readonly digest: string
  /** The module's path, for errors. */
  readonly file: string
}

const brought = new Map<string, BroughtFirstStage>()

/** Adds a first stage from outside, in the place of an earlier one of its name. */
export const bringFirstStage = (each: BroughtFirstStage): void => void brought.set(each.definition.name, each)

export const broughtFirstStage = (name: string): BroughtFirstStage | undefined => brought.get(name)

/** Those from outside, in the order in which they came. */
export const broughtFirstStages = (): ReadonlyArray<BroughtFirstStage> => [...brought.values()]
