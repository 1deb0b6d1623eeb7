import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import { duckDbPromise, type Json } from "../pipeline/index.ts"
import { displayWidth, paddedAfter, paddedBefore } from "./DisplayWidth.ts"

/** The answer to a query: column names and, row by row, values as JSON (dates and decimals as DuckDB spells them). */
export interface SqlResult {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<Json>>
}

/** How an answer is printed. */
export const sqlFormats = ["table", "markdown", "csv", "tsv", "json"] as const
export type SqlFormat = (typeof sqlFormats)[number]
export type ProgramFormat = "csv" | "tsv" | "json"

/** Whether a format is read by programs, which get every character as it is. */
export const isForPrograms = (format: SqlFormat): format is ProgramFormat =>
  format === "csv" || format === "tsv" || format === "json"

/** Asks, and reads the whole answer. */
export const querySql = (connection: DuckDBConnection, sql: string) =>
  duckDbPromise(connection, sql, async (): Promise<SqlResult> => {
    const reader = await connection.runAndReadAll(sql)
    return { columns: reader.deduplicatedColumnNames(), rows: reader.getRowsJson() }
  }).pipe(Effect.withSpan("querySql"))

/** A value as text, without quotes around strings. */
export const cellText = (value: Json): string =>
  value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value)

const tableCell = (value: Json): string =>
  typeof value === "number" && !Number.isInteger(value) ? value.toFixed(4) : cellText(value).replaceAll("\n", "\\n")

const csvQuote = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** An answer as text for programs, piece by piece: the names, some rows, the end. Nothing ends the last line. */
export interface SqlText {
  readonly start: string
  readonly rows: (rows: SqlResult["rows"]) => string
  readonly end: () => string
}

const separated = (separator: string, quote: (text: string) => string, columns: SqlResult["columns"]): SqlText => {
  const line = (row: ReadonlyArray<Json>): string => row.map((cell) => quote(cellText(cell))).join(separator)
  return { start: line(columns), rows: (rows) => rows.map((row) => `\n${line(row)}`).join(""), end: () => "" }
}

const jsonArray = (columns: SqlResult["columns"]): SqlText => {
  let isFirst = true
  const object = (row: ReadonlyArray<Json>): string => {
    const before = isFirst ? "" : ","
    isFirst = false
    const text = JSON.stringify(Object.fromEntries(columns.map((name, column) => [name, row[column]])), undefined, 2)
    return `${before}\n  ${text.replaceAll("\n", "\n  ")}`
  }
  return { start: "[", rows: (rows) => rows.map(object).join(""), end: () => (isFirst ? "]" : "\n]") }
}

/** How an answer with these columns is written in a format for programs. */
export const sqlText = (columns: SqlResult["columns"], format: ProgramFormat): SqlText => {
  switch (format) {
    case "json":
      return jsonArray(columns)
    case "csv":
      return separated(",", csvQuote, columns)
    case "tsv":
      return separated("\t", (text) => text.replaceAll(/[\t\n\r]/g, " "), columns)
  }
}

/** Prints an answer. Numbers of a `table` have four decimals; every other format has them in full. */
export const renderSqlResult = (result: SqlResult, format: SqlFormat): string => {
  switch (format) {
    case "json":
    case "csv":
    case "tsv": {
      const text = sqlText(result.columns, format)
      return `${text.start}${text.rows(result.rows)}${text.end()}`
    }
    case "markdown":
      return [
        `| ${result.columns.join(" | ")} |`,
        `|${result.columns.map(() => " --- |").join("")}`,
        ...result.rows.map((row) => `| ${row.map((cell) => tableCell(cell).replaceAll("|", "\\|")).join(" | ")} |`),
      ].join("\n")
    case "table": {
      const cells = result.rows.map((row) => row.map(tableCell))
      const numeric = result.columns.map((_, column) =>
        result.rows.every((row) => row[column] === null || typeof row[column] === "number"),
      )
      const widths = result.columns.map((name, column) =>
        cells.reduce((width, row) => Math.max(width, displayWidth(row[column]!)), displayWidth(name)),
      )
      const line = (row: ReadonlyArray<string>): string =>
        row
          .map((cell, column) =>
            numeric[column] ? paddedBefore(cell, widths[column]!) : paddedAfter(cell, widths[column]!),
          )
          .join("  ")
          .trimEnd()
      const rule = widths.map((width) => "─".repeat(width)).join("  ")
      const counted = `${result.rows.length} ${result.rows.length === 1 ? "row" : "rows"}`
      return [line(result.columns), rule, ...cells.map(line), counted].join("\n")
    }
  }
}
