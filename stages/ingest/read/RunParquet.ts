import { open } from "node:fs/promises"
import type { DuckDBConnection } from "@duckdb/node-api"
import { literalPath, parquetOptions, sqlIdentifier, sqlString } from "../../../pipeline/index.ts"
import { UnreadableFile } from "../IngestError.ts"
import { identifier, malformed } from "./Fields.ts"
import { parquetRows, unreadableParquet } from "./parquetRows.ts"
import type { RunBatches, RunRead } from "./Rows.ts"
import { placesOf } from "./runColumnNames.ts"

/** Whether a file begins as Parquet does; not where it cannot be read. */
export const isParquet = async (path: string): Promise<boolean> => {
  const file = await open(path, "r").catch(() => undefined)
  if (file === undefined) return false
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.toString("latin1") === "PAR1"
  } catch {
    return false
  } finally {
    await file.close()
  }
}

const wordOf = (value: unknown): string => (typeof value === "string" ? value : "")

const isText = (type: string): boolean =>
  /^(?:VARCHAR|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|UINTEGER|UUID)$/.test(type)
const isNumeric = (type: string): boolean =>
  /^(?:FLOAT|DOUBLE|DECIMAL\(.*\)|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|UINTEGER)$/.test(type)

/**
 * The rows of a ranking as Parquet, as ranx, pandas and DuckDB write it: columns qid, docid and score (or rank), by any of
 * their names, among any others. A row's line is its number.
 */
export async function* parquetRun(connection: DuckDBConnection, path: string, shown: string): RunBatches {
  const named = sqlString(literalPath(path))
  const table = `read_parquet(${named}, ${parquetOptions}, binary_as_string = true)`
  const refuse = (detail: string, fix: string) =>
    new UnreadableFile({ file: shown, reason: "another format", detail, fix })
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table}`).then(
    (result) => result.getRowsJson(),
    (error: unknown) => {
      throw unreadableParquet(path, shown, 0, error)
    },
  )
  const columns = described.map(([name, type]) => ({ name: wordOf(name), type: wordOf(type) }))
  const { docid, qid, rank, score } = placesOf(columns.map(({ name }) => name))
  const ordering = score ?? rank
  if (qid === undefined || docid === undefined || ordering === undefined) {
    const names = columns.map(({ name }) => name).join(", ")
    throw refuse(`its columns are ${names}: a run has qid, docid, and score or rank`, "Rename the columns.")
  }
  const typed = (at: number, isOf: (type: string) => boolean, what: string): string => {
    const { name, type } = columns[at]!
    if (isOf(type)) return sqlIdentifier(name)
    throw refuse(`its column ${name} is of type ${type}: ${what} are due`, "Convert the column.")
  }
  const select = [
    `${typed(qid, isText, "texts or whole numbers")}::VARCHAR AS qid`,
    `${typed(docid, isText, "texts or whole numbers")}::VARCHAR AS docid`,
    `${typed(ordering, isNumeric, "numbers")}::DOUBLE AS value`,
    score === undefined || rank === undefined
      ? "NULL::DOUBLE AS rank"
      : `TRY_CAST(${sqlIdentifier(columns[rank]!.name)} AS DOUBLE) AS rank`,
  ]
  const sql = `SELECT ${select.join(", ")} FROM ${table}`
  const batches = parquetRows(connection, path, sql)
  const nextBatch = () =>
    batches.next().catch((error: unknown) => {
      throw unreadableParquet(path, shown, line - 1, error)
    })
  let line = 1
  for (let read = await nextBatch(); read.done !== true; read = await nextBatch()) {
    const rows: Array<RunRead> = []
    for (const [ofQuery, ofPassage, value, ofRank] of read.value) {
      const place = { file: shown, line: line++, unit: "row" } as const
      if (typeof value !== "number" || !Number.isFinite(value)) {
        const field = columns[ordering]!.name
        throw malformed(place, field, "a finite number", value, "Remove the row, or mend the system that wrote it.")
      }
      rows.push({
        line: place.line,
        qid: identifier(place, "qid", ofQuery),
        docid: identifier(place, "docid", ofPassage),
        score: score === undefined ? 0 - value : value,
        rank: typeof ofRank === "number" && Number.isFinite(ofRank) ? ofRank : null,
      })
    }
    yield rows
  }
  const names = [qid, docid, ordering].map((at) => columns[at]!.name).join(", ")
  return { scores: "score", checkRanks: true, said: [`read as Parquet: ${names}`] }
}
