import { compareBytes } from "../schemas/index.ts"

/**
 * trec_eval's order of a query's results, which every ranking in this project follows: score descending, then docid
 * descending by UTF-8 bytes. A rank column has no say. Scores must be finite.
 */
export const compareTrecOrder = (
  a: { readonly docid: string; readonly score: number },
  b: { readonly docid: string; readonly score: number },
): number => b.score - a.score || compareBytes(b.docid, a.docid)
