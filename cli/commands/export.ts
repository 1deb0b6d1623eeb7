import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { duckDbPromise, layerDuckDb, sqlString } from "../../pipeline/index.ts"
import { didYouMean, Split } from "../../schemas/index.ts"
import { openCatalog } from "../Catalog.ts"
import { cellText } from "../SqlResult.ts"
import { writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

/** What was asked for is not among the last run's results. */
export class NothingToExport extends Schema.TaggedError<NothingToExport>()("NothingToExport", {
  what: Schema.String,
  asked: Schema.String,
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const known = this.known.length === 0 ? "there is none" : `there are: ${this.known.join(", ")}`
    return `No ${this.what} «${this.asked}» in the last run; ${known}.${didYouMean(this.asked, this.known)}`
  }
}

/** Formats of an exported run: TREC's six columns, or MS MARCO's qid, docid, rank. */
const runFormats = ["trec", "msmarco"] as const

/** `export run`: a system's ranking, as other tools read it. */
const runCommand = Command.make(
  "run",
  {
    system: Options.text("system").pipe(Options.withDescription("The system's name in the table")),
    split: Options.choice("split", Split.literals).pipe(Options.withDefault("test" as const)),
    dataset: Options.text("dataset").pipe(
      Options.optional,
      Options.withDescription("Which collection, where the last run had several"),
    ),
    format: Options.choice("format", runFormats).pipe(Options.withDefault("trec" as const)),
    artifacts: artifactsOption,
  },
  ({ system, split, dataset, format, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts)
      const distinct = (column: string, where: string) =>
        duckDbPromise(column, async () => {
          const reader = await connection.runAndReadAll(
            `SELECT DISTINCT ${column} FROM runs WHERE ${where} ORDER BY ${column}`,
          )
          return reader.getColumnsJson().flat().map(cellText)
        })
      const datasets = yield* distinct("dataset", "true")
      const wanted = Option.getOrElse(dataset, () => datasets[0] ?? "")
      if (!datasets.includes(wanted)) {
        return yield* new NothingToExport({ what: "collection", asked: wanted, known: datasets })
      }
      if (Option.isNone(dataset) && datasets.length > 1) {
        return yield* new NothingToExport({
          what: "single collection: name one with --dataset",
          asked: "",
          known: datasets,
        })
      }
      const ofDataset = `dataset = ${sqlString(wanted)}`
      const systems = yield* distinct("system", ofDataset)
      if (!systems.includes(system)) {
        return yield* new NothingToExport({ what: "system", asked: system, known: systems })
      }
      const sql = `SELECT r.qid, r.docid, r.rank, r.score FROM runs r JOIN queries q ON q.dataset = r.dataset AND q.qid = r.qid
        WHERE r.${ofDataset} AND r.system = ${sqlString(system)} AND q.split = ${sqlString(split)}
        ORDER BY r.qid COLLATE "C", r.rank`
      const result = yield* duckDbPromise(sql, () => connection.stream(sql))
      for (;;) {
        const chunk = yield* duckDbPromise(sql, () => result.fetchChunk())
        if (chunk === null || chunk.rowCount === 0) break
        const lines = chunk.getRows().map(([qid, docid, rank, score]) => {
          switch (format) {
            case "trec":
              return `${String(qid)} Q0 ${String(docid)} ${String(rank)} ${String(score)} ${system}`
            case "msmarco":
              return `${String(qid)}\t${String(docid)}\t${String(rank)}`
          }
        })
        yield* writeOut(`${lines.join("\n")}\n`)
      }
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Prints a system's run of the last experiment"))

/** `export …`. */
export const exportCommand = Command.make("export").pipe(
  Command.withDescription("Prints results in the formats of other tools"),
  Command.withSubcommands([runCommand]),
)
