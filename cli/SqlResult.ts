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

/** Whether a format is read by programs, which get every character as it is. */
export const isForPrograms = (format: SqlFormat): boolean => format === "csv" || format === "tsv" || format === "json"

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

const separated = (separator: string, quote: (text: string) => string, result: SqlResult): string =>
  [result.columns, ...result.rows].map((row) => row.map((cell) => quote(cellText(cell))).join(separator)).join("\n")

const csvQuote = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Prints an answer. Numbers of a `table` have four decimals; every other format has them in full. */
export const renderSqlResult = (result: SqlResult, format: SqlFormat): string => {
  switch (format) {
    case "json":
      return JSON.stringify(
        result.rows.map((row) => Object.fromEntries(result.columns.map((name, column) => [name, row[column]]))),
        undefined,
        2,
      )
    case "csv":
      return separated(",", csvQuote, result)
    case "tsv":
      return separated("\t", (text) => text.replaceAll(/[\t\n\r]/g, " "), result)
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
