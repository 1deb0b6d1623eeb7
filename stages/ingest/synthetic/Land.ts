import { hashKey, Random } from "../../../schemas/index.ts"
/**
 * The synthetic collection: passages, questions and browse queries about a fictional land, as streams. Nothing is held
 * that grows with the number of passages.
 */

import { inRegion, townNames } from "./Names.ts"
import {
  type DescriptionPlan,
  docidOf,
  kindNoun,
  type Overlap,
  type PlacePlan,
  phraseOf,
  planTown,
  questionOf,
  type TownPlan,
  townsPerRegion,
  writeTown,
} from "./Town.ts"

/** How many queries of each split. */
export interface SplitCounts {
  readonly train: number
  readonly dev: number
  readonly test: number
}

export interface LandSettings {
  /** any non-negative safe integer */
  readonly seed: number
  /** exactly so many passages are written; at least 100 */
  readonly passages: number
  /** at most so many questions; there is one a fact */
  readonly questions: SplitCounts
  /** at most so many browse queries; there is one a combination of facets that a description meets */
  readonly browse: SplitCounts
  readonly overlap: Overlap
}

/**
 * Tuned so that BM25 (k1 0.9, b 0.4) is far below its candidates' ceiling on the default collection, for both kinds.
 */
export const defaultOverlap: Overlap = {
  kind: 0.7,
  facet: 0.72,
  fact: 0.02,
  distractor: 0.2,
  second: 0.12,
  neighbour: 0.25,
  bare: 0.3,
  negation: 0.15,
}

export const defaultLand: LandSettings = {
  seed: 1,
  passages: 7000,
  questions: { train: 3000, dev: 200, test: 200 },
  browse: { train: 2000, dev: 200, test: 200 },
  overlap: defaultOverlap,
}

export type Split = keyof SplitCounts

/** What a pass over the plans finds out: how far the land reaches and what can be asked about it. */
export interface Land {
  readonly settings: LandSettings
  /** towns of which every passage is in the collection; queries are about these alone */
  readonly towns: number
  /** passages of the next town that fill the collection up to its size */
  readonly tail: number
  /** facts of the towns of each split */
  readonly facts: SplitCounts
}

export interface SyntheticPassage {
  readonly docid: string
  readonly text: string
}

export interface Judgment {
  readonly docid: string
  readonly grade: number
}

export interface SyntheticQuery {
  readonly qid: string
  readonly text: string
  readonly kind: "question" | "browse"
  readonly split: Split
  /** in ascending order of the docid's number */
  readonly relevant: ReadonlyArray<Judgment>
}

/** Questions are split by town: one in sixteen is dev, one in sixteen test. */
export const splitOfTown = (town: number): Split => (town % 16 === 5 ? "dev" : town % 16 === 11 ? "test" : "train")

const factsOf = (plan: TownPlan): number => plan.places.reduce((sum, place) => sum + place.facts.length, 0)

/** Lays the land out: time grows with the number of passages (about a microsecond each), memory does not. */
export const surveyLand = (settings: LandSettings): Land => {
  const facts = { train: 0, dev: 0, test: 0 }
  let town = 0
  let left = settings.passages
  for (; town < townNames; town++) {
    const plan = planTown(settings.seed, settings.overlap, town)
    if (plan.passages > left) break
    left -= plan.passages
    facts[splitOfTown(town)] += factsOf(plan)
  }
  return { settings, towns: town, tail: left, facts }
}

/** Whether the land has several regions: then browse queries and descriptions name theirs. */
const hasRegions = (land: Land): boolean => land.towns > townsPerRegion

/** The passages of towns `from` to `to` − 1, a town at a time; by default the whole collection, in its order. */
export function* passagesOf(land: Land, from = 0, to = land.towns + 1): Generator<ReadonlyArray<SyntheticPassage>> {
  const { seed, overlap } = land.settings
  for (let town = from; town < Math.min(to, land.towns + 1); town++) {
    const texts = writeTown(seed, overlap, planTown(seed, overlap, town), hasRegions(land))
    if (town === land.towns) texts.length = land.tail
    if (texts.length > 0) yield texts.map((text, passage) => ({ docid: docidOf(town, passage), text }))
  }
}

/** Number `i` of a sequence into which `take` of `of` things are spread evenly: whether it is one of them. */
const spread = (i: number, take: number, of: number): boolean =>
  Math.floor(((i + 1) * take) / of) > Math.floor((i * take) / of)

const padded = (prefix: string, n: number): string => `${prefix}${String(n).padStart(8, "0")}`

/**
 * The questions, in the order of their qids. Each asks for one fact and has one judged passage; a fact's second passage
 * stays unjudged, as a collection with sparse labels leaves it.
 */
export function* questionsOf(land: Land): Generator<SyntheticQuery> {
  const { seed, overlap, questions } = land.settings
  const seen = { train: 0, dev: 0, test: 0 }
  let number = 0
  for (let town = 0; town < land.towns; town++) {
    const split = splitOfTown(town)
    const of = land.facts[split]
    const take = Math.min(questions[split], of)
    if (take === 0) continue
    const plan = planTown(seed, overlap, town)
    for (const place of plan.places) {
      for (const fact of place.facts) {
        if (!spread(seen[split]++, take, of)) continue
        yield {
          qid: padded("q", number++),
          text: questionOf(seed, overlap, plan, place, fact),
          kind: "question",
          split,
          relevant: [{ docid: docidOf(town, fact.passage), grade: 1 }],
        }
      }
    }
  }
}

/** A browse query's meaning: a region, a kind, and three facets with the value wanted of each. */
export interface Wish {
  readonly region: number
  readonly kind: number
  /** ascending */
  readonly facets: readonly [number, number, number]
  readonly values: readonly [number, number, number]
}

/** 0 where the kind is wrong, otherwise how many of the wished facets the description names. */
export const gradeOf = (wish: Wish, place: PlacePlan, description: DescriptionPlan): number => {
  if (place.kind !== wish.kind) return 0
  let met = 0
  for (let i = 0; i < 3; i++) {
    const facet = wish.facets[i]!
    if ((description.named & (1 << facet)) !== 0 && place.values[facet] === wish.values[i]) met++
  }
  return met
}

const site = { wish: 21, split: 22, words: 23 } as const

/** A wish as a whole number: the combination that belongs to one split only, whatever the region. */
const combination = (wish: Wish): number =>
  wish.facets.reduce((key, facet, i) => (key * 6 + facet) * 6 + wish.values[i]!, wish.kind)

/** Browse queries are split by combination of kind and facets: one in eight is dev, one in eight test. */
const splitOfWish = (seed: number, wish: Wish): Split => {
  const drawn = hashKey(seed, site.split, combination(wish)) % 8
  return drawn === 0 ? "dev" : drawn === 1 ? "test" : "train"
}

/** How often a wish is drawn anew before a query is given up, because its split has no combination left. */
const patience = 400

/**
 * The browse queries, in the order of their qids and of their regions. Where the land has several regions a query names
 * one, and passages of others are not relevant, so that dozens are relevant at any size. Every query has at least one
 * passage that meets all three facets.
 */
export function* browseOf(land: Land): Generator<SyntheticQuery> {
  const { seed, overlap, browse } = land.settings
  const total = browse.train + browse.dev + browse.test
  if (total === 0 || land.towns === 0) return
  const whole = Math.floor(land.towns / townsPerRegion)
  const named = hasRegions(land)
  const regions = Math.max(1, whole)
  let current = -1
  let plans: ReadonlyArray<TownPlan> = []
  const taken = new Set<number>()
  let number = 0
  for (let i = 0; i < total; i++) {
    const split: Split = spread(i, browse.dev, total)
      ? "dev"
      : spread(i, browse.test + browse.dev, total)
        ? "test"
        : "train"
    const region = Math.floor((i * regions) / total)
    if (region !== current) {
      current = region
      taken.clear()
      plans = Array.from({ length: Math.min(townsPerRegion, land.towns - region * townsPerRegion) }, (_, t) =>
        planTown(seed, overlap, region * townsPerRegion + t),
      )
    }
    const wish = drawWish(new Random(seed, site.wish, i), seed, plans, region, split, taken)
    if (wish === undefined) continue
    taken.add(combination(wish))
    const relevant: Array<Judgment> = []
    for (const plan of plans) {
      for (const place of plan.places) {
        for (const description of place.descriptions) {
          const grade = gradeOf(wish, place, description)
          if (grade > 0) relevant.push({ docid: docidOf(plan.town, description.passage), grade })
        }
      }
    }
    const text = wording(new Random(seed, site.words, i), overlap, wish, named ? inRegion(seed, region) : undefined)
    yield { qid: padded("b", number++), text, kind: "browse", split, relevant }
  }
}

/** A wish that some description of the region meets, of the given split and not yet taken. */
const drawWish = (
  random: Random,
  seed: number,
  plans: ReadonlyArray<TownPlan>,
  region: number,
  split: Split,
  taken: ReadonlySet<number>,
): Wish | undefined => {
  for (let attempt = 0; attempt < patience; attempt++) {
    const { places } = plans[random.below(plans.length)]!
    const place = places[random.below(places.length)]!
    const description = place.descriptions[random.below(place.descriptions.length)]!
    const named: Array<number> = []
    for (let facet = 0; facet < place.values.length; facet++)
      if ((description.named & (1 << facet)) !== 0) named.push(facet)
    while (named.length > 3) named.splice(random.below(named.length), 1)
    const [a, b, c] = named
    if (a === undefined || b === undefined || c === undefined) continue
    const wish: Wish = {
      region,
      kind: place.kind,
      facets: [a, b, c],
      values: [place.values[a]!, place.values[b]!, place.values[c]!],
    }
    if (splitOfWish(seed, wish) === split && !taken.has(combination(wish))) return wish
  }
  return undefined
}

/** A wish as one would type it: "quiet library by the river with a tower", "garden for children open late". */
const wording = (random: Random, overlap: Overlap, wish: Wish, region: string | undefined): string => {
  const noun = kindNoun(random, overlap, wish.kind)
  let text = random.chance(0.25) ? noun.many : noun.one
  wish.facets.forEach((facet, i) => {
    const phrase = phraseOf(random, overlap, facet, wish.values[i]!)
    // One slot a facet, in the order of `facets`.
    text = [
      `${phrase} ${text}`,
      `${text} ${phrase}`,
      `${text} with ${phrase}`,
      `${text} for ${phrase}`,
      `${text} to visit ${phrase}`,
      `${text} ${phrase}`,
    ][facet]!
  })
  return region === undefined ? text : `${text} ${region}`
}
