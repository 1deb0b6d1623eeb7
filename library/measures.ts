/**
 * Measures of rankings: one's own runs and judgements in, values by query and their means out, equal to trec_eval's and ir-measures'.
 *
 * @packageDocumentation
 */
import {
  aggregate,
  describeMeasureError,
  judgeRun,
  type Measure,
  measureName,
  parseMeasures,
  scoreQuery,
  UNJUDGED,
} from "../measures/index.ts"
import { compareBytes } from "../schemas/index.ts"

export { readQrels, readRun } from "../stages/ingest/index.ts"

/** A system's results: by qid, scores by docid. The order of the docids does not matter: results are ranked by score. */
export type Run = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Relevance judgements: by qid, grades by docid, whole numbers; a negative grade is a document that was pooled and not judged. */
export type Qrels = Readonly<Record<string, Readonly<Record<string, number>>>>

/** What measures give for a run. */
export interface Evaluation {
  /** Canonical names of the measures, in the order asked for. */
  readonly measures: ReadonlyArray<string>
  /** The queries of the qrels, sorted by bytes: what every mean is over. */
  readonly qids: ReadonlyArray<string>
  /** By measure, the figure of all queries: the mean (trec_eval's with `-c`), or the sum of what counts. */
  readonly means: Readonly<Record<string, number>>
  /** By measure, values by qid. */
  readonly byQuery: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Queries of the qrels that the run has no result for: they count as 0. */
  readonly missing: ReadonlyArray<string>
  /** Queries of the run that the qrels do not have: they are left out. */
  readonly unjudged: ReadonlyArray<string>
}

const parsed = (names: ReadonlyArray<string>): ReadonlyArray<Measure> =>
  names.flatMap((name) => {
    const read = parseMeasures(name)
    if (!read.ok) throw new RangeError(describeMeasureError(read.error))
    return read.value
  })

const checkedGrades = (qid: string, grades: Readonly<Record<string, number>>, measures: ReadonlyArray<Measure>) =>
  Object.entries(grades).map(([docid, grade]) => {
    if (!Number.isInteger(grade) || grade <= UNJUDGED || grade > 2 ** 31 - 1) {
      throw new RangeError(`The grade of ${docid} for query ${qid} is ${grade}; grades are whole numbers`)
    }
    const strict = measures.find(({ largestGrade }) => largestGrade !== null && grade > largestGrade)
    if (strict !== undefined) {
      throw new RangeError(
        `The grade of ${docid} for query ${qid} is ${grade}, above ${strict.largestGrade}, the highest that ${measureName(strict)} allows`,
      )
    }
    return { docid, grade }
  })

const checkedScores = (qid: string, scores: Readonly<Record<string, number>>) =>
  Object.entries(scores).map(([docid, score]) => {
    if (!Number.isFinite(score)) {
      throw new RangeError(`The score of ${docid} for query ${qid} is ${score}; scores are finite numbers`)
    }
    return { docid, score }
  })

/**
 * Measures a run. Results are ranked by score descending, ties by the bytes of their docids descending, as trec_eval ranks them. All
 * queries of the qrels count, those without a result as 0.
 *
 * @param measures names of ir-measures (`nDCG@10`, `AP(rel=2)`, `RR@10`) or trec_eval's (`ndcg_cut_10`, `map`); one of trec_eval's may
 * stand for several
 * @throws RangeError for a name that is no measure, with the one that was probably meant; for a grade or score that is none; for a
 * grade above what a measure's scale allows
 */
export const evaluateRun = (run: Run, qrels: Qrels, measures: ReadonlyArray<string>): Evaluation => {
  const every = [...new Map(parsed(measures).map((measure) => [measureName(measure), measure])).entries()]
  const asked = every.map(([, measure]) => measure)
  const qids = Object.keys(qrels).sort(compareBytes)
  const values = every.map(() => new Float64Array(qids.length))
  const runs = new Map(Object.entries(run))
  const missing: Array<string> = []
  qids.forEach((qid, at) => {
    const results = checkedScores(qid, runs.get(qid) ?? {})
    if (results.length === 0) missing.push(qid)
    const judged = judgeRun(results, checkedGrades(qid, qrels[qid] ?? {}, asked))
    // Of objects' own names none comes twice.
    if ("_tag" in judged) return
    asked.forEach((measure, m) => {
      values[m]![at] = scoreQuery(measure, judged.grades, judged.judged)
    })
  })
  return {
    measures: every.map(([name]) => name),
    qids,
    means: Object.fromEntries(every.map(([name, measure], m) => [name, aggregate(measure, values[m]!)])),
    byQuery: Object.fromEntries(
      every.map(([name], m) => [name, Object.fromEntries(qids.map((qid, at) => [qid, values[m]![at]!]))]),
    ),
    missing,
    unjudged: [...runs.keys()].filter((qid) => !Object.hasOwn(qrels, qid)).sort(compareBytes),
  }
}
