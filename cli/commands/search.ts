import { createInterface } from "node:readline"
import type { DuckDBConnection } from "@duckdb/node-api"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { layerArtifactStore, layerDuckDb, sqlString } from "../../pipeline/index.ts"
import { openCatalog } from "../Catalog.ts"
import { checkKnown, chosenCollection, NotInLastRun } from "../LastRun.ts"
import { renderSearch, type SearchDocument } from "../SearchTable.ts"
import { cellText, querySql } from "../SqlResult.ts"
import { jsonText, outputShape, writeError, writeOut } from "../Terminal.ts"
import { bringSystems, openSystems, passagesOf, SystemNotAsked, type TypedAnswer, typedSystems } from "../TypedQuery.ts"
import { artifactsOption } from "./options.ts"

/** Of several queries, some were not answered. */
export class SearchIncomplete extends Schema.TaggedError<SearchIncomplete>()("SearchIncomplete", {
  failed: Schema.Number,
}) {
  override get message(): string {
    return `${this.failed} ${this.failed === 1 ? "query was" : "queries were"} not answered; why stands above.`
  }
}

/** The judgements of the collection's query that has this text, if there is one. */
const judgementsOf = (connection: DuckDBConnection, collection: string, query: string) =>
  Effect.gen(function* () {
    const of = `dataset = ${sqlString(collection)}`
    const named = yield* querySql(
      connection,
      `SELECT qid FROM queries LEFT JOIN (SELECT qid, count(*) AS judged FROM qrels WHERE ${of} GROUP BY qid) USING (qid)
       WHERE ${of} AND trim(text) = ${sqlString(query)} ORDER BY coalesce(judged, 0) > 0 DESC, qid COLLATE "C" LIMIT 1`,
    )
    const [row] = named.rows
    const qid = row === undefined ? null : cellText(row[0] ?? "")
    const grades = new Map<string, number>()
    if (qid === null) return { qid, grades }
    const { rows } = yield* querySql(
      connection,
      `SELECT docid, grade FROM qrels WHERE ${of} AND qid = ${sqlString(qid)}`,
    )
    for (const [docid = "", grade = 0] of rows) grades.set(cellText(docid), Number(grade))
    return { qid, grades }
  })

/** What is printed of answers. */
const documentOf = (
  connection: DuckDBConnection,
  collection: string,
  query: string,
  k: number,
  answers: ReadonlyArray<TypedAnswer>,
  unanswered: SearchDocument["unanswered"],
) =>
  Effect.gen(function* () {
    const { grades, qid } = yield* judgementsOf(connection, collection, query)
    const shown = answers.map(({ answer, ...rest }) => ({ ...rest, answer: answer.slice(0, k) }))
    const docids = [...new Set(shown.flatMap(({ answer }) => answer.map(({ docid }) => docid)))]
    const passages = yield* passagesOf(connection, collection, docids)
    const document: SearchDocument = {
      dataset: collection,
      query,
      qid,
      answers: shown.map(({ answer, seconds, system }) => ({
        system,
        seconds,
        results: answer.map(({ docid, score }, at) => ({
          rank: at + 1,
          docid,
          score,
          grade: grades.get(docid) ?? null,
          title: passages.get(docid)?.title ?? null,
          text: passages.get(docid)?.text ?? "",
        })),
      })),
      unanswered,
    }
    return document
  })

/** Lines of standard input; a terminal is asked for each. */
const typedLines = Stream.unwrap(
  Effect.sync(() => {
    const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
    return Stream.fromAsyncIterable(lines, String).pipe(Stream.orDie)
  }),
)

/** Asks for the next query, where somebody is there to be asked. */
const prompt = Effect.suspend(() => (process.stdin.isTTY ? writeError("query: ") : Effect.void))

/** `search`: a query that is typed, ranked by the last run's systems. */
export const searchCommand = Command.make(
  "search",
  {
    query: Args.text({ name: "query" }).pipe(
      Args.optional,
      Args.withDescription("The query; without it each line of standard input is one"),
    ),
    system: Options.text("system").pipe(
      Options.repeated,
      Options.withDescription("A system of the table; repeatable. Default all of them"),
    ),
    dataset: Options.text("dataset").pipe(
      Options.optional,
      Options.withDescription("Which collection, where the last run had several"),
    ),
    k: Options.integer("k").pipe(Options.withDefault(10), Options.withDescription("How many results")),
    json: Options.boolean("json").pipe(
      Options.withDescription("Print a JSON document; of standard input's queries one a line"),
    ),
    artifacts: artifactsOption,
  },
  ({ query, system, dataset, k, json, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries", "qrels", "passages", "runs", "scores"])
      const collection = yield* chosenCollection(connection, dataset)
      const known = yield* typedSystems(connection, collection)
      if (known.length === 0) return yield* new NotInLastRun({ what: "system", asked: system[0] ?? "", known: [] })
      yield* checkKnown(
        "system",
        system,
        known.map((each) => each.system),
      )
      const asked = system.length === 0 ? known : system.flatMap((name) => known.filter((each) => each.system === name))
      const ready = asked.flatMap(({ ranker, system }) =>
        ranker instanceof SystemNotAsked ? [] : [{ system, ranker }],
      )
      const refused = asked.flatMap(({ ranker }) => (ranker instanceof SystemNotAsked ? [ranker] : []))
      const [first] = refused
      if (first !== undefined && (system.length > 0 || ready.length === 0)) return yield* first
      const unanswered = refused.map(({ system, why }) => ({ system, why }))

      yield* bringSystems(asked.filter(({ ranker }) => !(ranker instanceof SystemNotAsked)))
      const answer = yield* openSystems(connection, collection, ready)
      const ask = (text: string, indent?: number) =>
        Effect.gen(function* () {
          const answers = yield* answer(text)
          for (const { system, told } of answers) {
            for (const message of told) yield* writeError(`! ${system}: ${message}\n`)
          }
          const document = yield* documentOf(connection, collection, text, k, answers, unanswered)
          yield* writeOut(json ? `${jsonText(document, indent)}\n` : [...renderSearch(document, outputShape()), "\n"])
        })
      if (Option.isSome(query)) return yield* ask(query.value.trim(), 2)

      let failed = 0
      yield* prompt
      yield* Stream.runForEach(typedLines, (line) =>
        Effect.gen(function* () {
          const text = line.trim()
          if (text !== "") {
            yield* Effect.catchAll(ask(text), (error) => {
              if (error._tag === "OutputClosed" || error._tag === "OutputFailed") return Effect.fail(error)
              failed++
              return writeError(`✗ ${error.message}\n`)
            })
            if (!json) yield* writeOut("\n")
          }
          yield* prompt
        }),
      )
      if (failed > 0) return yield* new SearchIncomplete({ failed })
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.provide(layerArtifactStore(artifacts))),
).pipe(Command.withDescription("Ranks what you type by the last run's systems"))
