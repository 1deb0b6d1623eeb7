import { Random } from "../../../schemas/index.ts"
/**
 * One town of the fictional land: what stands there and what is written about it. A town is a pure function of
 * (seed, number). Its plan (what is true) and its text (how it is said) draw from separate streams, so that queries can
 * be judged from plans alone.
 */

import { capital, indefinite, listed } from "./English.ts"
import { facets, kinds, type Noun } from "./Kinds.ts"
import { inRegion, placeName, placeNames, townName } from "./Names.ts"
import { fillers, neighbours, relations } from "./Relations.ts"

/** How often words are shared; each a probability. The higher, the easier for a lexical ranker. */
export interface Overlap {
  /** that a place is called by the usual name of its kind */
  readonly kind: number
  /** that a facet is named by its usual phrase */
  readonly facet: number
  /** that a fact is told in the words of its questions */
  readonly fact: number
  /** that a fact has a passage which quotes its question without answering it */
  readonly distractor: number
  /** that a fact is told by a second passage, which stays unjudged */
  readonly second: number
  /** that a fact's passage names another place of the town as well */
  readonly neighbour: number
  /** that a fact's passage, where it names no neighbour, says nothing beside the fact */
  readonly bare: number
  /** that a description denies a facet */
  readonly negation: number
}

/** Towns of a region; a browse query is about one region where there are several. */
export const townsPerRegion = 300
/** Docids are town × 100 + passage; no town has that many. */
const docidsPerTown = 100

const factsPerPlace = 5
const descriptionsPerPlace = 2

export interface FactPlan {
  /** index into `relations` */
  readonly relation: number
  /** the answer's own stream is keyed by this, so that both passages of a fact agree */
  readonly answer: number
  /** number of the passage that tells it, within the town */
  readonly passage: number
  readonly second: boolean
  readonly distractor: boolean
}

export interface DescriptionPlan {
  /** number of the passage, within the town */
  readonly passage: number
  /** bit f is set where facet f is named */
  readonly named: number
}

export interface PlacePlan {
  /** index into `kinds` */
  readonly kind: number
  readonly name: string
  /** value of each facet */
  readonly values: ReadonlyArray<number>
  readonly facts: ReadonlyArray<FactPlan>
  readonly descriptions: ReadonlyArray<DescriptionPlan>
}

export interface TownPlan {
  readonly town: number
  readonly places: ReadonlyArray<PlacePlan>
  /** how many passages are written about it */
  readonly passages: number
}

/** Streams: which part of the land a draw belongs to. */
const site = { plan: 1, text: 2, answer: 3, question: 4 } as const

/** Relations that make no sense for a kind: a garden has no height, a library serves no food. */
const unsuited: ReadonlyMap<number, ReadonlyArray<string>> = new Map([
  [0, ["dish"]],
  [3, ["dish"]],
  [8, ["height", "material"]],
  [9, ["dish"]],
])
const relationsOf: ReadonlyArray<ReadonlyArray<number>> = kinds.map((_, kind) =>
  relations.flatMap((relation, index) => (unsuited.get(kind)?.includes(relation.name) ? [] : [index])),
)

/** `take` distinct members of a pool, in drawn order. */
const sample = (random: Random, pool: ReadonlyArray<number>, take: number): Array<number> => {
  const rest = pool.slice()
  for (let i = 0; i < take; i++) {
    const j = i + random.below(rest.length - i)
    const chosen = rest[j]!
    rest[j] = rest[i]!
    rest[i] = chosen
  }
  rest.length = take
  return rest
}

const allKinds = kinds.map((_, kind) => kind)
const allFacets = facets.map((_, facet) => facet)

/** What stands in a town, in which passages it is told, and what those say. */
export const planTown = (seed: number, overlap: Overlap, town: number): TownPlan => {
  const random = new Random(seed, site.plan, town)
  const places: Array<PlacePlan> = []
  const names: Array<number> = []
  let passage = 0
  for (const kind of sample(random, allKinds, 2 + random.below(3))) {
    let name = random.below(placeNames)
    while (names.includes(name)) name = (name + 1) % placeNames
    names.push(name)
    const values = facets.map((facet) => random.below(facet.values.length))
    const facts: Array<FactPlan> = []
    for (const relation of sample(random, relationsOf[kind]!, factsPerPlace)) {
      const second = random.chance(overlap.second)
      const distractor = random.chance(overlap.distractor)
      facts.push({ relation, answer: random.next(), passage, second, distractor })
      passage += 1 + (second ? 1 : 0) + (distractor ? 1 : 0)
    }
    const descriptions: Array<DescriptionPlan> = []
    for (let d = 0; d < descriptionsPerPlace; d++) {
      let named = 0
      for (const facet of sample(random, allFacets, 4 + random.below(3))) named |= 1 << facet
      descriptions.push({ passage: passage++, named })
    }
    places.push({ kind, name: placeName(name), values, facts, descriptions })
  }
  return { town, places, passages: passage }
}

/** The docid of a passage of a town. */
export const docidOf = (town: number, passage: number): string => String(town * docidsPerTown + passage)

/** The region in which a town lies. */
export const regionOf = (town: number): number => Math.floor(town / townsPerRegion)

const nounOf = (random: Random, overlap: Overlap, kind: number): Noun => {
  const names = kinds[kind]!
  return names[random.favouringFirst(names.length, overlap.kind)]!
}

/** A phrase for a value of a facet. */
export const phraseOf = (random: Random, overlap: Overlap, facet: number, value: number): string => {
  const phrases = facets[facet]!.values[value]!
  return phrases[random.favouringFirst(phrases.length, overlap.facet)]!
}

/** A name for a kind, in both numbers. */
export const kindNoun = nounOf

/** A place as a sentence names it: "the Velvet Needle library at Myrerford". */
const mention = (random: Random, overlap: Overlap, place: PlacePlan, town: string): string => {
  const kind = random.chance(0.6) ? ` ${nounOf(random, overlap, place.kind).one}` : ""
  return `the ${place.name}${kind} ${random.chance(0.5) ? "at" : "in"} ${town}`
}

const answerOf = (fact: FactPlan): string => relations[fact.relation]!.answer(new Random(fact.answer, site.answer))

const factSentence = (
  random: Random,
  overlap: Overlap,
  place: PlacePlan,
  town: string,
  fact: FactPlan,
  template: number,
): string => {
  const named = mention(random, overlap, place, town)
  return relations[fact.relation]!.passages[template]!({ place: named, Place: capital(named), answer: answerOf(fact) })
}

/** Fillers that can open a passage: those that speak of no "it" before the place is named. */
const openers: ReadonlySet<number> = new Set(
  fillers.flatMap((filler, index) => (/\b(?:it|there|nearby)\b/i.test(filler("")) ? [] : [index])),
)

const withFiller = (
  random: Random,
  overlap: Overlap,
  sentence: string,
  town: string,
  others: ReadonlyArray<PlacePlan>,
): string => {
  if (random.chance(overlap.neighbour)) {
    const other = mention(random, overlap, others[random.below(others.length)]!, town)
    return `${sentence} ${neighbours[random.below(neighbours.length)]!(other)}`
  }
  if (random.chance(overlap.bare)) return sentence
  const filler = random.below(fillers.length)
  const opens = random.chance(0.4) && openers.has(filler)
  return opens ? `${fillers[filler]!(town)} ${sentence}` : `${sentence} ${fillers[filler]!(town)}`
}

const slot = { mood: 0, setting: 1, feature: 2, crowd: 3, price: 4, hours: 5 } as const

const denial = (facet: number, phrase: string): string => {
  switch (facet) {
    case slot.mood:
      return `Nobody would call it ${phrase}.`
    case slot.setting:
      return `It does not stand ${phrase}.`
    case slot.feature:
      return `Do not expect ${phrase}.`
    case slot.crowd:
      return `It is hardly the place for ${phrase}.`
    case slot.price:
      return `You will not get in ${phrase}.`
    default:
      return `It is not ${phrase}.`
  }
}

const description = (
  random: Random,
  overlap: Overlap,
  place: PlacePlan,
  plan: DescriptionPlan,
  town: string,
  region: string | undefined,
): string => {
  const said = (facet: number): string | undefined =>
    (plan.named & (1 << facet)) === 0 ? undefined : phraseOf(random, overlap, facet, place.values[facet]!)
  const mood = said(slot.mood)
  const setting = said(slot.setting)
  const feature = said(slot.feature)
  const noun = nounOf(random, overlap, place.kind).one
  const what =
    indefinite(mood === undefined ? noun : `${mood} ${noun}`) +
    (setting === undefined ? "" : ` ${setting}`) +
    (feature === undefined ? "" : ` with ${feature}`)
  const at = random.chance(0.25) ? ` at ${town}` : ""
  const where = `the ${place.name}${at}${region === undefined ? "" : ` ${region}`}`
  const lead = [
    `${capital(where)} is ${what}.`,
    `Few strangers know ${where}, ${what}.`,
    `You will find ${what}: ${where}.`,
  ][random.below(3)]!
  const crowd = said(slot.crowd)
  const price = said(slot.price)
  const open = said(slot.hours)
  const predicates = [
    ...(crowd === undefined ? [] : [random.chance(0.5) ? `suits ${crowd}` : `is meant for ${crowd}`]),
    ...(price === undefined ? [] : [random.chance(0.5) ? `lets you in ${price}` : `can be visited ${price}`]),
    ...(open === undefined ? [] : [`is ${open}`]),
  ]
  const more = predicates.length === 0 ? "" : ` It ${listed(predicates)}.`
  let denied = ""
  if (random.chance(overlap.negation)) {
    const facet = random.below(facets.length)
    const count = facets[facet]!.values.length
    const other = (place.values[facet]! + 1 + random.below(count - 1)) % count
    denied = ` ${denial(facet, phraseOf(random, overlap, facet, other))}`
  }
  return `${lead}${more}${denied}`
}

/**
 * The texts of a town's passages, by their number.
 *
 * @param regions whether the land has several: then descriptions name theirs, as browse queries do
 */
export const writeTown = (seed: number, overlap: Overlap, plan: TownPlan, regions: boolean): Array<string> => {
  const random = new Random(seed, site.text, plan.town)
  const town = townName(seed, plan.town)
  const region = regions ? inRegion(seed, regionOf(plan.town)) : undefined
  const texts: Array<string> = []
  for (const place of plan.places) {
    const others = plan.places.filter((other) => other !== place)
    const beside = (sentence: string) => withFiller(random, overlap, sentence, town, others)
    for (const fact of place.facts) {
      const relation = relations[fact.relation]!
      const count = relation.passages.length
      const told = random.favouringFirst(count, overlap.fact)
      texts.push(beside(factSentence(random, overlap, place, town, fact, told)))
      if (fact.second) {
        const again = (told + 1 + random.below(count - 1)) % count
        texts.push(beside(factSentence(random, overlap, place, town, fact, again)))
      }
      if (fact.distractor) {
        const evade = relation.evasions[random.below(relation.evasions.length)]!
        texts.push(beside(capital(evade(mention(random, overlap, place, town)))))
      }
    }
    for (const described of place.descriptions) {
      texts.push(description(random, overlap, place, described, town, region))
    }
  }
  return texts
}

/** The question that a fact answers. */
export const questionOf = (
  seed: number,
  overlap: Overlap,
  plan: TownPlan,
  place: PlacePlan,
  fact: FactPlan,
): string => {
  const random = new Random(seed, site.question, plan.town, fact.passage)
  const { questions } = relations[fact.relation]!
  return questions[random.below(questions.length)]!(mention(random, overlap, place, townName(seed, plan.town)))
}
