import { closeSync, openSync, readSync } from "node:fs"
import type { DuckDBConnection } from "@duckdb/node-api"
import { literalPath, parquetOptions, sqlIdentifier, sqlString } from "../../../pipeline/index.ts"
import { gitLfsPointer } from "../../../schemas/index.ts"
import { MalformedRow, UnreadableFile } from "../IngestError.ts"
import { unreadable } from "../unreadable.ts"
import type { NamedRow, NamedTable } from "./NamedTable.ts"
import { parquetRows, unreadableParquet } from "./parquetRows.ts"

const magic = "PAR1"

/** Refuses what does not begin as Parquet does. */
const checkMagic = (path: string, file: string): void => {
  const bytes = new Uint8Array(1024)
  let length: number
  try {
    const opened = openSync(path, "r")
    length = readSync(opened, bytes)
    closeSync(opened)
  } catch (error) {
    throw unreadable(file, error)
  }
  const pointer = gitLfsPointer(bytes.subarray(0, length))
  if (pointer !== undefined) {
    throw new UnreadableFile({ file, reason: "a pointer", detail: pointer.problem, fix: pointer.remedy })
  }
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 4)) === magic) return
  const detail = "it does not begin as Parquet does"
  throw new UnreadableFile({ file, reason: "corrupt", detail, fix: "Fetch it again, or give it its format's name." })
}

/** What a column of a type is read as; nothing where it is neither text nor a number. Whole numbers have one spelling. */
const asText = (name: string, type: string): string | undefined => {
  const column = sqlIdentifier(name)
  if (/^(?:VARCHAR|ENUM.*|U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|UUID)$/.test(type)) return `${column}::VARCHAR`
  if (!/^(?:FLOAT|DOUBLE|DECIMAL.*)$/.test(type)) return undefined
  return `CASE WHEN ${column} = trunc(${column}) AND abs(${column}) < 9007199254740992 THEN ${column}::BIGINT::VARCHAR ELSE ${column}::VARCHAR END`
}

/**
 * A Parquet file as a table of texts. Of its columns only those that are asked for are read.
 *
 * @param connection reads one table at a time
 * @throws UnreadableFile
 */
export const parquetTable = async (connection: DuckDBConnection, path: string, file: string): Promise<NamedTable> => {
  checkMagic(path, file)
  let line = 0
  const attempt = async <A>(read: () => Promise<A>): Promise<A> => {
    try {
      return await read()
    } catch (error) {
      throw unreadableParquet(path, file, line, error)
    }
  }
  const named = sqlString(literalPath(path))
  const from = `read_parquet(${named}, ${parquetOptions})`
  const described = await attempt(async () =>
    (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)).getRows(),
  )
  const columns = described.map(([name, type]) => ({ name: String(name), type: String(type) }))
  const place = { file, line: 1, unit: "row" } as const
  async function* rows(positions: ReadonlyArray<number>): AsyncGenerator<ReadonlyArray<NamedRow>> {
    const chosen = positions.map((position, nth) => {
      const { name, type } = columns[position]!
      const sql = asText(name, type)
      if (sql !== undefined) return `${sql} AS column${nth}`
      const fix = "Write the column as text."
      throw new MalformedRow({ ...place, field: name, expected: "a column of texts or numbers", found: type, fix })
    })
    const sql = `SELECT ${chosen.join(", ")} FROM ${from}`
    const batches = parquetRows(connection, path, sql)
    const nextBatch = () => attempt(() => batches.next())
    line = 0
    for (let read = await nextBatch(); read.done !== true; read = await nextBatch()) {
      yield read.value.map((values): NamedRow => {
        line++
        return { line, values: values.map((value) => (value === null ? null : String(value))) }
      })
    }
  }
  return { place, names: columns.map(({ name }) => name), rows, close: async () => {} }
}
