/** BEIR's files: one JSON object a line. */

import type { QueryKind } from "../../../schemas/index.ts"
import { kindOfLabels, kindOfRecord } from "../QueryKind.ts"
import { identifier, malformed, type Place, queryText, text } from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import type { Batches, PassageRead, QueryRead } from "./Rows.ts"

interface JsonRecord {
  readonly [name: string]: unknown
}

const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const recordOf = (place: Place, line: string): JsonRecord => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw malformed(place, "the line", `a JSON object (${why})`, line, "Write one complete JSON object on every line.")
  }
  if (isRecord(value)) return value
  throw malformed(place, "the line", "a JSON object", value, "Write one complete JSON object on every line.")
}

/** `{"_id", "title"?, "text"}` a line; an empty title is none; blank lines are passed over. */
export async function* beirPassages(lines: AsyncIterable<Lines>): Batches<PassageRead> {
  for await (const { file, first, texts } of lines) {
    const rows: Array<PassageRead> = []
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.trim() === "") continue
      const place = { file, line: first + i }
      const record = recordOf(place, texts[i]!)
      const docid = identifier(place, "_id", record["_id"])
      const title =
        record["title"] === undefined || record["title"] === null ? "" : text(place, "title", record["title"])
      rows.push({
        line: place.line,
        docid,
        title: title === "" ? null : title,
        text: text(place, "text", record["text"]),
      })
    }
    yield rows
  }
}

/** `{"_id", "text", "kind"?, "metadata"?}` a line. */
export async function* beirQueries(lines: AsyncIterable<Lines>): Batches<QueryRead> {
  for await (const { file, first, texts } of lines) {
    const rows: Array<QueryRead> = []
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.trim() === "") continue
      const place = { file, line: first + i }
      const record = recordOf(place, texts[i]!)
      const qid = identifier(place, "_id", record["_id"])
      const said = queryText(place, "text", record["text"])
      rows.push({ line: place.line, qid, text: said, kind: kindOf(place, record), label: kindOfLabels(record) })
    }
    yield rows
  }
}

const kindOf = (place: Place, record: JsonRecord): QueryKind | undefined => {
  const kind = kindOfRecord(record)
  if (kind === undefined || kind === "question" || kind === "browse") return kind
  throw malformed(place, "kind", "question or browse", kind, "Correct the kind, or leave it out.")
}
