import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { aggregate, parseMeasure } from "../../measures/index.ts"
import { duckDbPromise, layerArtifactStore, layerDuckDb, rowsOf, sqlString, streamRows } from "../../pipeline/index.ts"
import { Split } from "../../schemas/index.ts"
import { openCatalog } from "../Catalog.ts"
import { qrelsFormats, runFormats, scoreFormats, tableFormats } from "../ExportFormats.ts"
import { checkKnown, chosenCollection, lastSummaries, systemsOf } from "../LastRun.ts"
import { resultGrids, resultRows } from "../ResultGrid.ts"
import { renderSqlResult } from "../SqlResult.ts"
import { tableWidth, writeData, writeOut } from "../Terminal.ts"
import { renderGrid } from "../TextGrid.ts"
import { exportIndexCommand } from "./exportIndex.ts"
import { exportLogCommand } from "./exportLog.ts"
import { exportAdapterCommand, exportModelCommand } from "./exportModel.ts"
import { artifactsOption } from "./options.ts"

/** What every export asks. */
const common = {
  split: Options.choice("split", Split.literals).pipe(
    Options.withDefault("test" as const),
    Options.withDescription("Whose queries. Default test"),
  ),
  dataset: Options.text("dataset").pipe(
    Options.optional,
    Options.withDescription("Which collection, where the last run had several"),
  ),
  artifacts: artifactsOption,
}

const systemOption = Options.text("system").pipe(Options.withDescription("The system's name in the table"))

/** Streams a query's rows to standard output, a text a chunk, so that memory does not grow with what is printed. */
const printRows = (
  connection: DuckDBConnection,
  sql: string,
  print: (rows: ReadonlyArray<ReadonlyArray<DuckDBValue>>) => string,
) =>
  Effect.gen(function* () {
    const next = yield* streamRows(connection, sql)
    for (;;) {
      const batch = yield* next
      if (batch === undefined) return
      yield* writeData(print(rowsOf(batch)))
    }
  })

/** A run as `{ qid: { docid: score } }`, piece by piece: what a query's brace has to be preceded by depends on the rows before. */
const jsonRun = () => {
  let open: string | undefined
  return {
    rows: (rows: ReadonlyArray<ReadonlyArray<DuckDBValue>>): string =>
      rows
        .map(([qid, docid, , score]) => {
          const query = String(qid)
          const before = open === query ? ", " : `${open === undefined ? "{" : "},"}\n${JSON.stringify(query)}: {`
          open = query
          return `${before}${JSON.stringify(String(docid))}: ${String(score)}`
        })
        .join(""),
    end: (): string => (open === undefined ? "{}\n" : "}\n}\n"),
  }
}

/** `export run`: a system's ranking, as other tools read it. */
const runCommand = Command.make(
  "run",
  {
    ...common,
    system: systemOption,
    format: Options.choice("format", runFormats).pipe(
      Options.withDefault("trec" as const),
      Options.withDescription("TREC's columns, MS MARCO's, or JSON as ranx reads it"),
    ),
  },
  ({ system, split, dataset, format, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries", "runs"])
      const collection = yield* chosenCollection(connection, dataset)
      yield* checkKnown("system", [system], yield* systemsOf(connection, collection))
      const sql = `SELECT r.qid, r.docid, r.rank, r.score FROM runs r JOIN queries q ON q.dataset = r.dataset AND q.qid = r.qid
        WHERE r.dataset = ${sqlString(collection)} AND r.system = ${sqlString(system)} AND q.split = ${sqlString(split)}
        ORDER BY r.qid COLLATE "C", r.rank`
      const lines =
        (line: (row: ReadonlyArray<DuckDBValue>) => string) => (rows: ReadonlyArray<ReadonlyArray<DuckDBValue>>) =>
          rows.map((row) => `${line(row)}\n`).join("")
      switch (format) {
        case "trec":
          return yield* printRows(
            connection,
            sql,
            lines(
              ([qid, docid, rank, score]) =>
                `${String(qid)} Q0 ${String(docid)} ${String(rank)} ${String(score)} ${system}`,
            ),
          )
        case "msmarco":
          return yield* printRows(
            connection,
            sql,
            lines(([qid, docid, rank]) => `${String(qid)}\t${String(docid)}\t${String(rank)}`),
          )
        case "json": {
          const json = jsonRun()
          yield* printRows(connection, sql, json.rows)
          return yield* writeData(json.end())
        }
      }
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Prints a system's run of the last experiment"))

/** `export qrels`: the judgements of a split. */
const qrelsCommand = Command.make(
  "qrels",
  {
    ...common,
    format: Options.choice("format", qrelsFormats).pipe(
      Options.withDefault("trec" as const),
      Options.withDescription("TREC's four columns, or BEIR's three below a heading"),
    ),
  },
  ({ split, dataset, format, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries", "qrels"])
      const collection = yield* chosenCollection(connection, dataset)
      const sql = `SELECT j.qid, j.docid, j.grade FROM qrels j JOIN queries q USING (dataset, qid)
        WHERE dataset = ${sqlString(collection)} AND q.split = ${sqlString(split)} ORDER BY j.qid COLLATE "C", j.docid COLLATE "C"`
      if (format === "beir") yield* writeData("query-id\tcorpus-id\tscore\n")
      yield* printRows(connection, sql, (rows) =>
        rows
          .map(([qid, docid, grade]) => {
            const [query, passage, value] = [String(qid), String(docid), String(grade)]
            return format === "trec" ? `${query} 0 ${passage} ${value}\n` : `${query}\t${passage}\t${value}\n`
          })
          .join(""),
      )
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Prints the judgements of the last experiment's collection"))

/** @param system named where the scores of several are printed, in a first column of its own. */
const scoreLine = (
  format: (typeof scoreFormats)[number],
  system: string | undefined,
  measure: string,
  qid: string,
  value: number,
): string => {
  const named = system === undefined ? "" : `${system}\t`
  switch (format) {
    case "tsv":
      return `${named}${measure}\t${qid}\t${value}\n`
    case "ir-measures":
      return `${named}${qid}\t${measure}\t${value}\n`
    case "jsonl":
      return `${JSON.stringify({ ...(system === undefined ? {} : { system }), query_id: qid, measure, value })}\n`
  }
}

/** `export scores`: every query's values, and after each measure's the line of `all`. */
const scoresCommand = Command.make(
  "scores",
  {
    ...common,
    system: systemOption.pipe(
      Options.optional,
      Options.withDescription("The system; without it all, each line beginning with the system"),
    ),
    format: Options.choice("format", scoreFormats).pipe(
      Options.withDefault("tsv" as const),
      Options.withDescription("Columns as trec_eval -q or as ir_measures -q, or JSON lines; values in full"),
    ),
  },
  ({ system, split, dataset, format, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries", "runs", "scores"])
      const collection = yield* chosenCollection(connection, dataset)
      const known = yield* systemsOf(connection, collection)
      const asked = Option.match(system, { onNone: () => known, onSome: (name) => [name] })
      yield* checkKnown("system", asked, known)
      for (const name of asked) {
        const named = Option.isNone(system) ? name : undefined
        const sql = `SELECT measure, list(qid ORDER BY qid), list(value ORDER BY qid) FROM scores
          WHERE dataset = ${sqlString(collection)} AND split = ${sqlString(split)} AND system = ${sqlString(name)}
          GROUP BY measure ORDER BY measure`
        const reader = yield* duckDbPromise(connection, sql, () => connection.runAndReadAll(sql))
        for (const [measure, qids, values] of reader.getRowsJS()) {
          if (typeof measure !== "string" || !Array.isArray(qids) || !Array.isArray(values)) continue
          const [ids, numbers] = [qids.map(String), values.map(Number)]
          const parsed = parseMeasure(measure)
          // What is not known here came from outside, and is a mean.
          const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length
          const figure = parsed.ok ? aggregate(parsed.value, numbers) : mean
          const all = scoreLine(format, named, measure, "all", figure)
          yield* writeData(
            numbers.map((value, at) => scoreLine(format, named, measure, ids[at]!, value)).join("") + all,
          )
        }
      }
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Prints the last experiment's scores, query by query"))

/** `export table`: the result table, for a page, a paper or a program. */
const tableCommand = Command.make(
  "table",
  {
    format: Options.choice("format", tableFormats).pipe(
      Options.withDefault("markdown" as const),
      Options.withDescription("Rounded and marked for people, or every digit as CSV or JSON"),
    ),
    artifacts: artifactsOption,
  },
  ({ format, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries"])
      const summaries = yield* lastSummaries(connection)
      switch (format) {
        case "csv":
        case "json":
          return yield* writeData(`${renderSqlResult(resultRows(summaries), format)}\n`)
        default:
          return yield* writeOut(
            `${resultGrids(summaries)
              .map((grid) => renderGrid(grid, format, tableWidth()))
              .join("\n\n")}\n`,
          )
      }
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.provide(layerArtifactStore(artifacts))),
).pipe(Command.withDescription("Prints the last experiment's result table"))

/** `export …`. */
export const exportCommand = Command.make("export").pipe(
  Command.withDescription("Gives results in the formats of other tools"),
  Command.withSubcommands([
    runCommand,
    qrelsCommand,
    scoresCommand,
    tableCommand,
    exportIndexCommand,
    exportLogCommand,
    exportAdapterCommand,
    exportModelCommand,
  ]),
)
