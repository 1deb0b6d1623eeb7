import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { DuckDBConnection } from "@duckdb/node-api"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { duckDbPromise, layerDuckDb, sqlString } from "../../pipeline/index.ts"
import { causeText, makeFolders } from "../../schemas/index.ts"
import { openCatalog } from "../Catalog.ts"
import { eventFile, type ScalarEvent } from "../EventFile.ts"
import { logFormats } from "../ExportFormats.ts"
import { checkKnown, distinctValues, NotInLastRun } from "../LastRun.ts"
import { cellText, querySql, renderSqlResult } from "../SqlResult.ts"
import { writeData, writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

/** Training logs cannot be written where they should be. */
export class LogNotExported extends Schema.TaggedError<LogNotExported>()("LogNotExported", {
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `The training logs are not exported: ${this.problem}. ${this.remedy}`
  }
}

/** A training of the last run. */
interface Training {
  readonly dataset: string
  readonly system: string
}

/** When a training began, in seconds since 1970; its log keeps no times of steps. 0 where that is not known. */
const beginningOf = (connection: DuckDBConnection, { dataset, system }: Training) =>
  Effect.map(
    querySql(
      connection,
      `SELECT epoch(started_at) FROM provenance WHERE stage = 'train'
       AND node IN (${sqlString(`train.${system}`)}, ${sqlString(`train.${system}@${dataset}`)}) LIMIT 1`,
    ),
    ({ rows }) => Number(rows[0]?.[0] ?? 0),
  )

/** A training's values, step by step, and the epoch that each step was in. */
const eventsOf = (connection: DuckDBConnection, { dataset, system }: Training) => {
  const sql = `SELECT step, epoch, list(series ORDER BY series COLLATE "C"), list(value ORDER BY series COLLATE "C") FROM training_log
    WHERE dataset = ${sqlString(dataset)} AND system = ${sqlString(system)} GROUP BY step, epoch ORDER BY step, epoch`
  return Effect.map(
    duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRowsJS()),
    (rows) =>
      rows.map(([step, epoch, series, values]): ScalarEvent => {
        const tags = Array.isArray(series) ? series.map(String) : []
        const numbers = Array.isArray(values) ? values.map(Number) : []
        return {
          step: Number(step),
          scalars: [...tags.map((tag, at) => [tag, numbers[at]!] as const), ["epoch", Number(epoch)]],
        }
      }),
  )
}

const attempt = <A>(to: string, body: () => A) =>
  Effect.try({
    try: body,
    catch: (cause) =>
      new LogNotExported({
        problem: causeText(cause),
        remedy: `Name another folder than ${to} with --to.`,
      }),
  })

/** An event file, whoever wrote it. TensorBoard reads all of a folder as one run. */
const isEventFile = (name: string): boolean => name.includes("tfevents")

/** Writes a training's event file into a folder of its own. */
const writeEvents = (connection: DuckDBConnection, training: Training, folder: string, force: boolean) =>
  Effect.gen(function* () {
    const began = yield* beginningOf(connection, training)
    const bytes = eventFile(began, yield* eventsOf(connection, training))
    const path = join(folder, `events.out.tfevents.${Math.floor(began)}.rankdag`)
    const others = yield* attempt(folder, () => {
      makeFolders(folder)
      return readdirSync(folder).filter(isEventFile)
    })
    if (others.length > 0 && !force) {
      return yield* new LogNotExported({
        problem: `${folder} has an event file already, and TensorBoard would draw both as one run`,
        remedy: "Name another folder with --to, or replace it with --force.",
      })
    }
    yield* attempt(folder, () => {
      for (const name of others) rmSync(join(folder, name))
      writeFileSync(path, bytes)
    })
    return path
  })

/** `export log`: training curves, for TensorBoard or as CSV. */
export const exportLogCommand = Command.make(
  "log",
  {
    system: Options.text("system").pipe(
      Options.optional,
      Options.withDescription("The trained system; without it all"),
    ),
    dataset: Options.text("dataset").pipe(
      Options.optional,
      Options.withDescription("Which collection, where the last run had several; without it all"),
    ),
    format: Options.choice("format", logFormats).pipe(
      Options.withDefault("csv" as const),
      Options.withDescription("CSV on standard output, every digit; or an event file a training, 32-bit floats"),
    ),
    to: Options.text("to").pipe(
      Options.optional,
      Options.withDescription("For TensorBoard: the folder that gets a folder for each system"),
    ),
    force: Options.boolean("force").pipe(Options.withDescription("Replace event files that are there")),
    artifacts: artifactsOption,
  },
  ({ system, dataset, format, to, force, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries", "training_log"])
      const datasets = yield* distinctValues(connection, "dataset", "queries")
      if (Option.isSome(dataset)) yield* checkKnown("collection", [dataset.value], datasets)
      const inDataset = Option.match(dataset, {
        onNone: () => "true",
        onSome: (name) => `dataset = ${sqlString(name)}`,
      })
      const { rows } = yield* querySql(
        connection,
        `SELECT DISTINCT dataset, system FROM training_log WHERE ${inDataset} ORDER BY dataset COLLATE "C", system COLLATE "C"`,
      )
      const trainings = rows.map((row): Training => {
        const [dataset = "", system = ""] = row.map(cellText)
        return { dataset, system }
      })
      const known = [...new Set(trainings.map((each) => each.system))]
      if (known.length === 0) {
        return yield* new NotInLastRun({ what: "trained system", asked: Option.getOrElse(system, () => ""), known })
      }
      if (Option.isSome(system)) yield* checkKnown("trained system", [system.value], known)
      const asked = trainings.filter((each) => Option.isNone(system) || each.system === system.value)

      if (format === "csv") {
        const ofSystem = Option.match(system, { onNone: () => "true", onSome: (name) => `system = ${sqlString(name)}` })
        const log = yield* querySql(
          connection,
          `SELECT dataset, system, step, epoch, phase, series, value FROM training_log WHERE ${inDataset} AND ${ofSystem}
           ORDER BY dataset COLLATE "C", system COLLATE "C", step, series COLLATE "C"`,
        )
        return yield* writeData(`${renderSqlResult(log, "csv")}\n`)
      }
      if (Option.isNone(to)) {
        return yield* new LogNotExported({
          problem: "TensorBoard reads folders, and none is named",
          remedy: "Name one with --to; it gets a folder for each system.",
        })
      }
      for (const training of asked) {
        const above = datasets.length > 1 ? [training.dataset.replaceAll(/[\\/]/g, "-")] : []
        const path = yield* writeEvents(connection, training, join(to.value, ...above, training.system), force)
        yield* writeOut(`${path}\n`)
      }
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Gives training curves: loss, learning rates, norms, the dev split's measure"))
