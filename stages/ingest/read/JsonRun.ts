import { identifier, malformed, type Place } from "./Fields.ts"
import type { RunBatches, RunRead } from "./Rows.ts"

/** White space, then a mark, a text, a number, or something else. */
const token = /([\t\n\r ]*)(?:([{}:,])|("(?:[^"\\]|\\.)*")|(-?\d[\w.+-]*)|(\S))/sy

/** What may stand next in `{ qid: { docid: score, … }, … }`. */
type Expected =
  | "the run"
  | "a query or the end"
  | "a query"
  | "a colon before results"
  | "results"
  | "a docid or the end"
  | "a docid"
  | "a colon before a score"
  | "a score"
  | "the next result"
  | "the next query"
  | "nothing more"

/** A text without an end within so many letters is none. */
const longestToken = 1 << 20

const fix = "A run as JSON is { qid: { docid: score, … }, … }, as ranx writes it."

/** Where each mark leads from what it may stand for; a text or a number is looked at by itself. */
const steps: Readonly<Partial<Record<Expected, Readonly<Record<string, Expected>>>>> = {
  "the run": { "{": "a query or the end" },
  "a query or the end": { "}": "nothing more" },
  "a colon before results": { ":": "results" },
  results: { "{": "a docid or the end" },
  "a docid or the end": { "}": "the next query" },
  "a colon before a score": { ":": "a score" },
  "the next result": { ",": "a docid", "}": "the next query" },
  "the next query": { ",": "a query", "}": "nothing more" },
}

const jsonText = (place: Place, field: string, found: string): string => {
  try {
    const value: unknown = JSON.parse(found)
    return identifier(place, field, value)
  } catch (error) {
    if (error instanceof SyntaxError) throw malformed(place, field, "a JSON string", found, fix)
    throw error
  }
}

/** Reads a ranking from JSON piece by piece: what it holds is never whole in memory. */
class JsonRunReader {
  private expected: Expected = "the run"
  private held = ""
  private line = 1
  private qid = ""
  private docid = ""
  private readonly file: string

  constructor(file: string) {
    this.file = file
  }

  /** The rows that a further piece completes. */
  take(piece: string, isLast: boolean): ReadonlyArray<RunRead> {
    const text = this.held + piece
    const rows: Array<RunRead> = []
    let from = 0
    for (;;) {
      token.lastIndex = from
      const match = token.exec(text)
      if (match === null) break
      const [whole, space = "", mark, quoted, number, other] = match
      // What reaches the end may go on in the next piece.
      const isOpen = from + whole.length === text.length && (number !== undefined || other !== undefined)
      if (!isLast && (isOpen || other === '"')) break
      this.line += space.split("\n").length - 1
      const row = this.step(mark ?? "", quoted, number, other)
      if (row !== undefined) rows.push(row)
      from += whole.length
    }
    this.held = text.slice(from)
    if (this.held.length > longestToken) throw this.unexpected(this.held)
    if (isLast && (this.expected !== "nothing more" || this.held.trim() !== "")) throw this.unexpected("the end")
    return rows
  }

  private unexpected(found: string) {
    return malformed({ file: this.file, line: this.line }, "the JSON", this.expected, found, fix)
  }

  private step(
    mark: string,
    quoted: string | undefined,
    number: string | undefined,
    other: string | undefined,
  ): RunRead | undefined {
    const place = { file: this.file, line: this.line }
    const next = steps[this.expected]?.[mark]
    if (next !== undefined) {
      this.expected = next
      return undefined
    }
    if (quoted !== undefined && (this.expected === "a query" || this.expected === "a query or the end")) {
      this.qid = jsonText(place, "qid", quoted)
      this.expected = "a colon before results"
      return undefined
    }
    if (quoted !== undefined && (this.expected === "a docid" || this.expected === "a docid or the end")) {
      this.docid = jsonText(place, "docid", quoted)
      this.expected = "a colon before a score"
      return undefined
    }
    if (number !== undefined && this.expected === "a score") {
      const score = Number(number)
      if (!Number.isFinite(score)) throw malformed(place, "score", "a finite number", number, fix)
      this.expected = "the next result"
      return { line: this.line, qid: this.qid, docid: this.docid, score, rank: null }
    }
    throw this.unexpected(quoted ?? number ?? other ?? mark)
  }
}

/** A ranking as ranx writes it: `{ qid: { docid: score, … }, … }`, on one line or many. */
export async function* jsonRunRows(file: string, chunks: AsyncIterable<Uint8Array>): RunBatches {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const reader = new JsonRunReader(file)
  const decoded = (chunk: Uint8Array | undefined): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
    } catch {
      const place = { file, line: 1 }
      throw malformed(place, "the JSON", "UTF-8", "other bytes", "Convert the file to UTF-8.")
    }
  }
  for await (const chunk of chunks) yield reader.take(decoded(chunk), false)
  yield reader.take(decoded(undefined), true)
  return { scores: "score", checkRanks: false, said: [] }
}

/** Whether bytes begin as JSON does: with a brace, after a byte order mark and white space. */
export const beginsAsJson = (bytes: Uint8Array): boolean =>
  /^(?:\ufeff)?\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 1024)))
