import type { QueryKind } from "../../schemas/index.ts"

/** A grade for passages that nobody judged. */
export const unjudged = -1

/** What a teacher gives the candidates: its scores, NaN where it has none, and their ranks from 1, there 0. */
export interface TeacherScores {
  readonly scores: Float64Array
  readonly ranks: Uint32Array
}

/**
 * The train candidates in memory, query by query in the table's order: candidate c of query q is at starts[q] + c. Texts are
 * positions in the tables of tokens.
 */
export interface TrainingData {
  readonly qids: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<QueryKind>
  /** The text of each query. */
  readonly queryTexts: Uint32Array
  /** Where each query's candidates begin, and at last their number. */
  readonly starts: Uint32Array
  readonly passages: Uint32Array
  /** Ranks of the first stage, from 1; 0 for relevant passages that it did not find. */
  readonly ranks: Uint32Array
  /** The first stage's scores; meaningless where the rank is 0. */
  readonly scores: Float64Array
  /** Grades, `unjudged` where there is none; judged grades below 0 count as 0. */
  readonly grades: Int32Array
  readonly teacher: TeacherScores | undefined
  /** The query's own passage, whose docid is its qid, where that is left out; −1 where there is none. */
  readonly own: Int32Array
  /** How many passages there are to draw random negatives from. */
  readonly passageCount: number
}

/**
 * Ranks that scores give the candidates from `begin` to `end`, written at their places: 1 for the best, ties in the order of the
 * candidates, 0 for those whose score is NaN.
 */
export const writeRanks = (scores: Float64Array, begin: number, end: number, ranks: Uint32Array): void => {
  const scored: Array<number> = []
  for (let c = begin; c < end; c++) {
    if (!Number.isNaN(scores[c]!)) scored.push(c)
    ranks[c] = 0
  }
  scored.sort((a, b) => scores[b]! - scores[a]! || a - b)
  for (let i = 0; i < scored.length; i++) ranks[scored[i]!] = i + 1
}
