import type { DuckDBConnection } from "@duckdb/node-api"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { layerDuckDb, sqlString } from "../../pipeline/index.ts"
import { openCatalog } from "../Catalog.ts"
import { checkKnown, chosenCollection, distinctValues, NotInLastRun, systemsOf } from "../LastRun.ts"
import { type AnsweredQuery, renderQueryTable, type SystemAnswer } from "../QueryTable.ts"
import { cellText, querySql } from "../SqlResult.ts"
import { outputShape, writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

/** Systems that are shown where none are named. */
const shownSystems = 2

/** What a system found for a query. */
const answerOf = (connection: DuckDBConnection, dataset: string, qid: string, system: string, depth: number) =>
  Effect.gen(function* () {
    const of = `dataset = ${sqlString(dataset)} AND qid = ${sqlString(qid)}`
    const ranked = yield* querySql(
      connection,
      `SELECT docid, rank FROM runs WHERE ${of} AND system = ${sqlString(system)} ORDER BY rank`,
    )
    const shown = yield* querySql(
      connection,
      `SELECT r.rank, r.docid, j.grade, p.title, p.text
       FROM (SELECT * FROM runs WHERE ${of} AND system = ${sqlString(system)} AND rank <= ${depth}) r
       LEFT JOIN (SELECT docid, grade FROM qrels WHERE ${of}) j USING (docid)
       LEFT JOIN (SELECT docid, title, text FROM passages WHERE dataset = ${sqlString(dataset)}) p USING (docid) ORDER BY r.rank`,
    )
    const scored = yield* querySql(
      connection,
      `SELECT measure, value FROM scores WHERE ${of} AND system = ${sqlString(system)}`,
    )
    const answer: SystemAnswer = {
      system,
      results: shown.rows.map(([rank = 0, docid = "", grade = null, title = null, text = ""]) => ({
        rank: Number(rank),
        docid: cellText(docid),
        grade: grade === null ? null : Number(grade),
        title: title === null ? null : cellText(title),
        text: cellText(text),
      })),
      ranks: new Map(ranked.rows.map(([docid = "", rank = 0]) => [cellText(docid), Number(rank)])),
      values: new Map(scored.rows.map(([measure = "", value = 0]) => [cellText(measure), Number(value)])),
    }
    return answer
  })

/** `show`: one query in the terminal. */
export const showCommand = Command.make(
  "show",
  {
    qid: Options.text("qid").pipe(Options.withDescription("The query's identifier")),
    systems: Options.text("systems").pipe(
      Options.optional,
      Options.withDescription("The systems, by commas; moves are told against the first. Default the first two"),
    ),
    dataset: Options.text("dataset").pipe(
      Options.optional,
      Options.withDescription("Which collection, where the last run had several"),
    ),
    depth: Options.integer("depth").pipe(Options.withDefault(10), Options.withDescription("How many results")),
    artifacts: artifactsOption,
  },
  ({ qid, systems, dataset, depth, artifacts }) =>
    Effect.gen(function* () {
      const connection = yield* openCatalog(artifacts, ["queries", "runs", "qrels", "passages", "scores"])
      const collection = yield* chosenCollection(connection, dataset)
      const known = yield* systemsOf(connection, collection)
      const asked = Option.match(systems, {
        onNone: () => known.slice(0, shownSystems),
        onSome: (names) => names.split(",").map((name) => name.trim()),
      })
      yield* checkKnown("system", asked, known)
      const ofQuery = `dataset = ${sqlString(collection)} AND qid = ${sqlString(qid)}`
      const found = yield* querySql(connection, `SELECT text, kind, split FROM queries WHERE ${ofQuery}`)
      const [row] = found.rows
      if (row === undefined) {
        const qids = yield* distinctValues(connection, "qid", `scores WHERE dataset = ${sqlString(collection)}`)
        return yield* new NotInLastRun({ what: "query", asked: qid, known: qids })
      }
      const [text = "", kind = "", split = ""] = row.map(cellText)
      const answers = yield* Effect.forEach(asked, (system) => answerOf(connection, collection, qid, system, depth))
      const measures = [...new Set(answers.flatMap(({ values }) => [...values.keys()]))]
      const query: AnsweredQuery = { qid, text, kind, split, measures, answers }
      yield* writeOut([...renderQueryTable(query, outputShape()), "\n"])
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Shows one query: rankings side by side, grades, moves"))
