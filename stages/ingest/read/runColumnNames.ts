import { malformed, type Place } from "./Fields.ts"

/** The columns that make a ranking. */
export type RunColumn = "qid" | "docid" | "rank" | "score"

/** What tools call them, without case, `-`, `_` and `.`; of several in one table the first counts. */
const names: { readonly [Column in RunColumn]: ReadonlyArray<string> } = {
  qid: ["qid", "queryid", "topicid"],
  // PyTerrier's docid is a number of its index, and docno the name.
  docid: ["docno", "docid", "pid", "passageid", "corpusid", "documentid"],
  rank: ["rank"],
  score: ["score", "sim", "similarity"],
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_.]/g, "")

const find = (column: RunColumn, given: ReadonlyArray<string>): number | undefined => {
  const spelled = given.map(plain)
  const name = names[column].find((each) => spelled.includes(each))
  return name === undefined ? undefined : spelled.indexOf(name)
}

/** Places of the columns among these names; `undefined` for those that are not there. */
export const placesOf = (given: ReadonlyArray<string>): { readonly [Column in RunColumn]: number | undefined } => ({
  qid: find("qid", given),
  docid: find("docid", given),
  rank: find("rank", given),
  score: find("score", given),
})

/**
 * Where a row that names the columns puts them; `undefined` for a row that names none.
 *
 * @returns `last`: whether the last column is none of a ranking's, so that it may hold spaces
 */
export const namedColumns = (
  place: Place,
  row: ReadonlyArray<string>,
): { readonly columns: { readonly [Column in RunColumn]?: number }; readonly last: boolean } | undefined => {
  const { docid, qid, rank, score } = placesOf(row)
  if (qid === undefined || docid === undefined) return undefined
  if (score === undefined && rank === undefined) {
    const fix = "Name them qid, docid, and score or rank."
    throw malformed(place, "the columns' names", "a score or a rank among them", row.join(" "), fix)
  }
  const columns = {
    qid,
    docid,
    ...(rank === undefined ? {} : { rank }),
    ...(score === undefined ? {} : { score }),
  }
  return { columns, last: !Object.values(columns).includes(row.length - 1) }
}
