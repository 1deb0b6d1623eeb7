import type { Judged } from "./Collection.ts"
import { EmptyCollection } from "./IngestError.ts"
import type { IdTable } from "./read/IdTable.ts"

/** How a judgement's docid may be spelled in the passages: without a final `.0`, with fewer or more leading zeros. */
const respelled = (docid: string): ReadonlyArray<string> => {
  const bare = docid.replace(/\.0$/, "").replace(/^0+(?=.)/, "")
  return [bare, ...Array.from({ length: 12 }, (_, i) => bare.padStart(i + 1, "0"))]
}

/**
 * Looks for the first judged docid that the passages lack, to show it as an example.
 *
 * @throws EmptyCollection where they have none of them: the judgements are of other passages, or spelled otherwise
 */
export const missingPassage = (
  judged: ReadonlyMap<string, Judged>,
  ids: IdTable,
): { readonly example: string; readonly hint: string } | undefined => {
  let known = 0
  let all = 0
  let missing: { readonly file: string; readonly docid: string } | undefined
  for (const { file, grades } of judged.values()) {
    for (const docid of grades.keys()) {
      all++
      if (ids.indexOf(docid) >= 0) known++
      else missing ??= { file, docid }
    }
  }
  if (missing === undefined) return undefined
  const other = respelled(missing.docid).find((id) => ids.indexOf(id) >= 0)
  const hint = other === undefined ? "" : ` The collection has ${other}: spell them alike.`
  if (known > 0) return { example: missing.docid, hint }
  throw new EmptyCollection({
    file: missing.file,
    lacks: `none of the ${all} judgements is of one of the collection's ${ids.size} passages (${missing.docid})`,
    fix: `Name the judgements of these passages.${hint}`,
  })
}
