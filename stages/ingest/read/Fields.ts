import type { QueryKind } from "../../../schemas/index.ts"
import { MalformedRow } from "../IngestError.ts"

/** Where a field was read: what an error about it names. */
export interface Place {
  readonly file: string
  readonly line: number
  /** What is counted where the file has no lines: the rows of a Parquet file. */
  readonly unit?: "row"
}

/** The error for a field that is not what it should be. */
export const malformed = (place: Place, field: string, expected: string, found: unknown, fix: string): MalformedRow =>
  new MalformedRow({ ...place, field, expected, found: shown(found), fix })

/** The error for a field or column that is not there: the names that are. */
export const malformedNames = (
  place: Place,
  field: string,
  expected: string,
  what: "columns" | "fields",
  names: ReadonlyArray<string>,
  fix: string,
): MalformedRow => {
  if (names.length === 0) return new MalformedRow({ ...place, field, expected, found: `no ${what}`, fix })
  const shown = names.slice(0, 30).join(", ") + (names.length > 30 ? `, and ${names.length - 30} more` : "")
  return new MalformedRow({ ...place, field, expected, found: `the ${what} ${shown}`, fix })
}

/** A value as an error quotes it: short, on one line. */
const shown = (value: unknown): string => {
  if (value === undefined) return "nothing"
  const text = typeof value === "string" ? JSON.stringify(value) : jsonOf(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const jsonOf = (value: unknown): string => {
  if (Array.isArray(value)) return "an array"
  return typeof value === "object" && value !== null ? "an object" : String(value)
}

const loneSurrogate = /\p{Surrogate}/u

/** An identifier: as `Qid` and `Docid` in the schemas, and well-formed Unicode without control characters. */
export const identifier = (place: Place, field: string, value: unknown): string => {
  // Identifiers written as JSON numbers are common; a whole number has one spelling.
  const id = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value
  if (typeof id === "string" && plainId.test(id)) return id
  if (typeof id === "string" && /^[^\s\p{Cc}\p{Surrogate}]+$/u.test(id)) return id
  const expected = "an identifier: text without white space"
  throw malformed(
    place,
    field,
    expected,
    value,
    "Give every row an identifier without white space or control characters.",
  )
}

const plainId = /^[!-~]+$/

/** A text, in which half surrogate pairs (JSON can write them, UTF-8 cannot) become U+FFFD. */
export const text = (place: Place, field: string, value: unknown): string => {
  if (typeof value !== "string") throw malformed(place, field, "a text", value, `Write "${field}" as a JSON string.`)
  return loneSurrogate.test(value) ? value.replaceAll(/\p{Surrogate}/gu, "\ufffd") : value
}

/** A query's text, which must say something. */
export const queryText = (place: Place, field: string, value: unknown): string => {
  const said = text(place, field, value)
  if (said.trim() === "") throw malformed(place, field, "a query's text", said, "Remove the query, or give it words.")
  return said
}

/** A query's kind, where its row says one. */
export const queryKind = (place: Place, kind: string | undefined): QueryKind | undefined => {
  if (kind === undefined || kind === "question" || kind === "browse") return kind
  throw malformed(place, "kind", "question or browse", kind, "Correct the kind, or leave it out.")
}

/** A query's text with its white space squeezed: what two files that write it differently agree on. */
export const squeezed = (said: string): string => said.trim().replaceAll(/\s+/gu, " ")

const whole = /^[+-]?\d{1,10}(?:\.0{0,20})?$/

/** A relevance grade: a whole number of at most 32 bits, which may be written with a point (`2.0`). */
export const grade = (place: Place, field: string, value: unknown): number => {
  const number = typeof value === "string" && whole.test(value) ? Number(value) : Number.NaN
  if (number >= -0x8000_0000 && number <= 0x7fff_ffff) return number === 0 ? 0 : number
  throw malformed(place, field, "a whole number", value, "Grades are integers; map or round others before.")
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** A finite score. */
export const score = (place: Place, field: string, value: string): number => {
  const number = decimal.test(value) ? Number(value) : Number.NaN
  if (Number.isFinite(number)) return number
  throw malformed(place, field, "a finite number", value, "Remove the row, or mend the system that wrote it.")
}

/** The cells of a line whose columns are separated by tabs or spaces and hold neither. */
export const cells = (line: string): ReadonlyArray<string> => line.trim().split(/[\t ]+/)
