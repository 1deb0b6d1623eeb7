import type { FilterSettings, NegativeSource, Random } from "../../schemas/index.ts"
import type { TrainingData } from "./TrainingData.ts"

/** How a list is put together. */
export interface Recipe {
  /** m */
  readonly size: number
  /** At most this part of a list is relevant, but at least one item. */
  readonly relevant: number
  /** Whether relevant passages that the first stage did not find come only where it found none. */
  readonly positives: "found" | "all"
  readonly sources: ReadonlyArray<NegativeSource>
  readonly filter: FilterSettings
}

/** Ranks that the model in training gave, as the candidates lie in `TrainingData`; 0 where it has not been asked. */
export type MinedRanks = Uint32Array

/** A list: texts with their grades, as many as could be found and at most `size`. */
export interface SampledList {
  readonly passages: Uint32Array
  /** Grades; passages that nobody judged count as not relevant. */
  readonly grades: Float32Array
  /** The teacher's scores; NaN where it has none. */
  readonly teacher: Float64Array
  /** How many of the items, at the beginning, are relevant. */
  readonly relevant: number
}

/** So many of the candidates' positions, drawn without replacement; all where there are fewer. */
const drawn = (positions: ReadonlyArray<number>, count: number, random: Random): Int32Array => {
  const values = Int32Array.from(positions)
  random.shuffle(values, count)
  return values.subarray(0, count)
}

/** So many of the relevant candidates, one of each grade in turn from the highest on: high grades are few, and matter most. */
const drawnByGrade = (
  relevant: ReadonlyArray<number>,
  grades: Int32Array,
  count: number,
  random: Random,
): ReadonlyArray<number> => {
  const levels = [...new Set(relevant.map((c) => grades[c]!))].sort((a, b) => b - a)
  const pools = levels.map((level) => {
    const pool = relevant.filter((c) => grades[c] === level)
    return drawn(pool, Math.min(count, pool.length), random)
  })
  const chosen: Array<number> = []
  for (let turn = 0; turn < count; turn++) {
    for (const pool of pools) if (turn < pool.length && chosen.length < count) chosen.push(pool[turn]!)
  }
  return chosen
}

/** Divides a number among shares, each getting the whole part of its due and what is left going to the largest remainders. */
export const divided = (total: number, shares: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sum = shares.reduce((a, b) => a + b, 0)
  const dues = shares.map((share) => (sum === 0 ? 0 : (total * share) / sum))
  const parts = dues.map(Math.floor)
  const left = sum === 0 ? 0 : total - parts.reduce((a, b) => a + b, 0)
  const byRemainder = dues
    .map((due, i) => [due - Math.floor(due), i] as const)
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
  for (const [, i] of byRemainder.slice(0, left)) parts[i]!++
  return parts
}

/**
 * A list for one query: relevant passages and negatives, none twice. Judged relevant passages are never negatives; those that
 * the filter suspects are none either, unless someone judged them. What a source has too few of is made up for by the other
 * candidates, and where these too run out the list is shorter.
 *
 * @param mined the ranks of the model in training, where a source asks for them
 */
export const sampleList = (
  data: TrainingData,
  query: number,
  recipe: Recipe,
  random: Random,
  mined?: MinedRanks,
): SampledList => {
  const { grades, passages, ranks, scores, starts, teacher } = data
  const { filter, size, sources } = recipe
  const begin = starts[query]!
  const end = starts[query + 1]!

  const relevant: Array<number> = []
  for (let c = begin; c < end; c++) if (grades[c]! > 0) relevant.push(c)
  const found = relevant.filter((c) => ranks[c]! > 0)
  const pool = recipe.positives === "found" && found.length > 0 ? found : relevant
  const chosen = drawnByGrade(pool, grades, Math.max(1, Math.floor(size * recipe.relevant)), random)

  const judge = filter.by === "teacher" ? teacher?.scores : filter.by === "first-stage" ? scores : undefined
  const known = (c: number): boolean => (filter.by === "teacher" ? !Number.isNaN(judge?.[c]) : ranks[c]! > 0)
  let best = Number.NEGATIVE_INFINITY
  if (judge !== undefined) for (const c of chosen) if (known(c)) best = Math.max(best, judge[c]!)
  const { margin, ratio } = filter
  const suspicious = (c: number): boolean => {
    if (judge === undefined || grades[c]! >= 0 || best === Number.NEGATIVE_INFINITY || !known(c)) return false
    const score = judge[c]!
    return (margin !== undefined && score > best - margin) || (ratio !== undefined && score > ratio * best)
  }

  /** Candidates that may be negatives. */
  const eligible: Array<number> = []
  for (let c = begin; c < end; c++) if (grades[c]! <= 0 && ranks[c]! > 0 && !suspicious(c)) eligible.push(c)
  const taken = new Set<number>()
  const take = (pool: ReadonlyArray<number>, count: number): void => {
    const free = pool.filter((c) => !taken.has(c))
    for (const c of drawn(free, Math.min(count, free.length), random)) taken.add(c)
  }
  const rankOf = (kind: NegativeSource["kind"], c: number): number =>
    kind === "mined" ? (mined?.[c] ?? 0) : kind === "teacher" ? (teacher?.ranks[c] ?? 0) : ranks[c]!

  const negatives = size - chosen.length
  const parts = divided(
    negatives,
    sources.map(({ share }) => share),
  )
  sources.forEach(({ from, kind, to = Number.POSITIVE_INFINITY }, i) => {
    const inside = (c: number): boolean => rankOf(kind, c) >= from && rankOf(kind, c) <= to
    if (kind !== "random") take(eligible.filter(inside), parts[i]!)
  })
  const others: Array<number> = []
  const excluded = new Set([...relevant, ...taken].map((c) => passages[c]!)).add(data.own[query]!)
  sources.forEach(({ kind }, i) => {
    // A collection smaller than a list has not enough passages; the draws end all the same.
    const tries = kind === "random" ? 20 * parts[i]! : 0
    for (let tried = 0, found = 0; tried < tries && found < parts[i]!; tried++) {
      const passage = Math.floor(random.unit() * data.passageCount)
      if (excluded.has(passage)) continue
      excluded.add(passage)
      others.push(passage)
      found++
    }
  })
  const rest = eligible.filter((c) => !excluded.has(passages[c]!))
  take(rest, negatives - taken.size - others.length)

  const candidates = [...chosen, ...taken]
  const count = candidates.length + others.length
  const list = {
    passages: new Uint32Array(count),
    grades: new Float32Array(count),
    teacher: new Float64Array(count).fill(Number.NaN),
    relevant: chosen.length,
  }
  candidates.forEach((c, i) => {
    list.passages[i] = passages[c]!
    list.grades[i] = Math.max(0, grades[c]!)
    if (teacher !== undefined) list.teacher[i] = teacher.scores[c]!
  })
  list.passages.set(others, candidates.length)
  return list
}
