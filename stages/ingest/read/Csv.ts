/** Tables of values between commas, semicolons or tabs, as RFC 4180 writes them: the first row names the columns. */

import { malformed } from "./Fields.ts"
import { type Lines, maxLineBytes } from "./Lines.ts"
import type { NamedRow, NamedTable } from "./NamedTable.ts"

/** A row's cells, and the line that it begins on. */
interface CellRow {
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

const delimiters = [",", "\t", ";"] as const

/** The mark that divides a heading into most cells; a comma where there is none. */
const delimiterOf = (heading: string): string => {
  const count = (mark: string): number => heading.replaceAll(/"[^"]*"/g, "").split(mark).length
  return delimiters.reduce((best, mark) => (count(mark) > count(best) ? mark : best))
}

/** Divides lines into rows of cells. A cell in double quotes may hold the delimiter, line ends, and quotes, doubled. */
class CellReader {
  private readonly file: string
  private delimiter: string | undefined
  /** What is open: a cell in quotes that goes on in the next line, the cells before it, and where the row began. */
  private open: { readonly line: number; readonly cells: Array<string>; text: string } | undefined

  constructor(file: string) {
    this.file = file
  }

  /** The row that a line completes. */
  take(line: number, text: string): CellRow | undefined {
    const { open } = this
    if (open === undefined && text.trim() === "") return undefined
    this.delimiter ??= delimiterOf(text)
    const cells = open?.cells ?? []
    const began = open?.line ?? line
    this.open = undefined
    let at = 0
    let quoted = open === undefined ? undefined : `${open.text}\n`
    for (;;) {
      if (quoted === undefined && text[at] === '"') {
        quoted = ""
        at++
      }
      if (quoted === undefined) {
        const end = text.indexOf(this.delimiter, at)
        cells.push(text.slice(at, end < 0 ? undefined : end))
        if (end < 0) return { line: began, cells }
        at = end + 1
        continue
      }
      const end = text.indexOf('"', at)
      if (end < 0) {
        this.open = { line: began, cells, text: quoted + text.slice(at) }
        if (this.open.text.length > maxLineBytes) this.finish()
        return undefined
      }
      quoted += text.slice(at, end)
      at = end + 1
      if (text[at] === '"') {
        quoted += '"'
        at++
        continue
      }
      cells.push(quoted)
      quoted = undefined
      if (at === text.length) return { line: began, cells }
      if (text[at] !== this.delimiter) {
        const place = { file: this.file, line }
        const fix = "Double the quotes inside of a cell, as RFC 4180 has it."
        throw malformed(
          place,
          `column ${cells.length}`,
          "the end of a cell after its closing quote",
          text.slice(at),
          fix,
        )
      }
      at++
    }
  }

  /** @throws MalformedRow where a cell is still open */
  finish(): void {
    const { open } = this
    if (open === undefined) return
    const place = { file: this.file, line: open.line }
    throw malformed(place, `column ${open.cells.length + 1}`, "a closing quote", undefined, "Close the cell.")
  }
}

/** What becomes of rows; where one is refused those before it come first, so that the first fault of a file is the one that is told. */
function* upToFault<A, B>(rows: Iterable<A>, map: (row: A) => B | undefined): Generator<ReadonlyArray<B>> {
  const mapped: Array<B> = []
  try {
    for (const row of rows) {
      const made = map(row)
      if (made !== undefined) mapped.push(made)
    }
  } catch (error) {
    yield mapped
    throw error
  }
  yield mapped
}

async function* cellRows(lines: AsyncIterable<Lines>): AsyncGenerator<ReadonlyArray<CellRow>> {
  let reader: CellReader | undefined
  for await (const { file, first, texts } of lines) {
    const cells = reader ?? new CellReader(file)
    reader = cells
    let line = first
    yield* upToFault(texts, (text) => cells.take(line++, text))
  }
  reader?.finish()
}

/** A table of separated values; none where the file is empty. */
export const csvTable = async (file: string, lines: AsyncIterable<Lines>): Promise<NamedTable | undefined> => {
  const batches = cellRows(lines)
  let begun: ReadonlyArray<CellRow> = []
  while (begun.length === 0) {
    const next = await batches.next()
    if (next.done === true) return undefined
    begun = next.value
  }
  const [heading, ...rest] = begun
  if (heading === undefined) return undefined
  const names = heading.cells
  const place = { file, line: heading.line }
  async function* rows(positions: ReadonlyArray<number>): AsyncGenerator<ReadonlyArray<NamedRow>> {
    const chosen = ({ cells, line }: CellRow): NamedRow => {
      if (cells.length !== names.length) {
        const expected = `${names.length} columns, as the heading has`
        throw malformed({ file, line }, "the row", expected, cells.length, "Mend the row, or remove it.")
      }
      return { line, values: positions.map((position) => cells[position] ?? null) }
    }
    yield* upToFault(rest, chosen)
    for (let next = await batches.next(); next.done !== true; next = await batches.next()) {
      yield* upToFault(next.value, chosen)
    }
  }
  const close = async () => void (await batches.return(undefined))
  return { place, names, rows, close }
}
