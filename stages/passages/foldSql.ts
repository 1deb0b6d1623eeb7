import { trecOrderSql } from "../../measures/index.ts"
import { documentSql, type Fold, passageNumberSql } from "../../schemas/index.ts"
import type { FoldConfig } from "./contract.ts"

/** Sums are taken in the ranking's order, so that the same rows give the same bytes. */
const aggregate: Readonly<Record<Fold, string>> = {
  max: "max(score)",
  first: "arg_min(score, number)",
  mean: "sum(score ORDER BY rank) / count(*)",
  sum: "sum(score ORDER BY rank)",
}

/**
 * Documents ranked by their passages' scores, in DuckDB's SQL: qid, docid, rank from 1, score; by qid (bytes), then rank. A document's
 * score is of those of its passages that are in the rows. Of equal scores the greater docid comes first.
 *
 * @param rows qid, docid, rank, score
 */
export const foldSql = (rows: string, { fold, leaveOutOwn, separator }: FoldConfig): string => `
  SELECT qid, docid, (row_number() OVER (PARTITION BY qid ORDER BY ${trecOrderSql}))::INTEGER AS rank, score
  FROM (
    SELECT qid, document AS docid, (${aggregate[fold]})::DOUBLE AS score
    FROM (SELECT qid, ${documentSql("docid", separator)} AS document, ${passageNumberSql("docid", separator)} AS number, rank, score FROM ${rows})
    ${leaveOutOwn ? "WHERE document <> qid" : ""}
    GROUP BY qid, document
  ) ORDER BY qid, rank`
