import { type Judgements, judgements, UNJUDGED } from "./Judgements.ts"
import { compareTrecOrder } from "./trecOrder.ts"

/** One query's ranking as the measures read it. */
export interface JudgedRanking {
  readonly grades: Int32Array
  readonly judged: Judgements
}

/** A document that a run or the qrels of one query name twice. */
export interface NamedTwice {
  readonly _tag: "NamedTwice"
  readonly where: "run" | "qrels"
  readonly docid: string
}

/**
 * Ranks one query's results in trec_eval's order, whatever order they come in, and looks up their grades. For small
 * inputs that are at hand as objects; whole runs are joined in DuckDB.
 */
export const judgeRun = (
  results: ReadonlyArray<{ readonly docid: string; readonly score: number }>,
  qrels: ReadonlyArray<{ readonly docid: string; readonly grade: number }>,
): JudgedRanking | NamedTwice => {
  const grades = new Map<string, number>()
  for (const { docid, grade } of qrels) {
    if (grades.has(docid)) return { _tag: "NamedTwice", where: "qrels", docid }
    grades.set(docid, grade)
  }
  const seen = new Set<string>()
  for (const { docid } of results) {
    if (seen.has(docid)) return { _tag: "NamedTwice", where: "run", docid }
    seen.add(docid)
  }
  const ranked = [...results].sort(compareTrecOrder)
  return {
    grades: Int32Array.from(ranked, ({ docid }) => grades.get(docid) ?? UNJUDGED),
    judged: judgements([...grades.values()]),
  }
}
