/** The docid of a document's passage, numbered from 0: `d7#0`. */
export const passageId = (docid: string, separator: string, number: number): string => `${docid}${separator}${number}`

/** The document and number of a passage's docid, by its last separator; a docid that is none stands for itself. */
export const documentOf = (docid: string, separator: string): { readonly docid: string; readonly number: number } => {
  const at = docid.lastIndexOf(separator)
  const number = docid.slice(at + separator.length)
  return at > 0 && /^\d+$/.test(number) ? { docid: docid.slice(0, at), number: Number(number) } : { docid, number: 0 }
}

const pattern = (separator: string): string => `'^((?s).+)\\Q${separator.replaceAll("'", "''")}\\E([0-9]+)$'`

/** In DuckDB's SQL: the document of a passage's docid. */
export const documentSql = (docid: string, separator: string): string =>
  `regexp_replace(${docid}, ${pattern(separator)}, '\\1')`

/** In DuckDB's SQL: the number of a passage in its document. */
export const passageNumberSql = (docid: string, separator: string): string =>
  `coalesce(TRY_CAST(regexp_extract(${docid}, ${pattern(separator)}, 2) AS BIGINT), 0)`
