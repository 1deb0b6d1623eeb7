import { compareBytes } from "../schemas/index.ts"

/**
 * trec_eval's order of a query's results, which every ranking in this project follows: score descending, then docid
 * descending by UTF-8 bytes. A rank column has no say. Scores must be finite.
 */
export const compareTrecOrder = (
  a: { readonly docid: string; readonly score: number },
  b: { readonly docid: string; readonly score: number },
): number => b.score - a.score || compareBytes(b.docid, a.docid)

/** The same in SQL, over columns `score` and `docid`: DuckDB compares texts by their bytes. */
export const trecOrderSql = "score DESC, docid DESC"

/**
 * The places `0 .. count - 1` of a query's documents in trec_eval's order.
 *
 * @param docidAt asked only where scores are equal
 */
export const trecRanking = (
  count: number,
  scoreAt: (place: number) => number,
  docidAt: (place: number) => string,
): Array<number> =>
  Array.from({ length: count }, (_, place) => place).sort(
    (a, b) => scoreAt(b) - scoreAt(a) || compareBytes(docidAt(b), docidAt(a)),
  )
