import type { DuckDBConnection } from "@duckdb/node-api"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerDuckDb } from "../../pipeline/index.ts"
import { causeText } from "../../schemas/index.ts"
import { catalogViews, openCatalog } from "../Catalog.ts"
import { readForTable, streamSql } from "../SqlAnswer.ts"
import { isForPrograms, renderSqlResult, type SqlFormat, sqlFormats, sqlText } from "../SqlResult.ts"
import { writeData, writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

/** A statement that cannot be answered as it stands: its words are wrong, or name what is not there. */
export class SqlRefused extends Schema.TaggedError<SqlRefused>()("SqlRefused", {
  /** DuckDB's words, which show the place. */
  why: Schema.String,
}) {
  override get message(): string {
    return `The statement cannot be answered. ${this.why.trimEnd()}\nThere are the views ${catalogViews.join(", ")}, to be read only; docs/sql.md has examples.`
  }
}

/** What DuckDB calls the errors that are the statement's own, and not those of files, memory or of DuckDB. */
const ofTheStatement =
  /^(?:(?:Parser|Syntax|Binder|Catalog|Conversion|Invalid Type|Mismatch Type|Out of Range|Permission|Not implemented) Error|Invalid Input Error: Cannot execute statement)/i

/** Asks and prints: for programs as the rows come, for people when they are all there. */
const answer = (connection: DuckDBConnection, query: string, format: SqlFormat) =>
  Effect.gen(function* () {
    const asked = yield* streamSql(connection, query)
    if (!isForPrograms(format)) {
      return yield* writeOut(`${renderSqlResult(yield* readForTable(asked, format), format)}\n`)
    }
    const text = sqlText(asked.columns, format)
    let before = text.start
    for (;;) {
      const rows = yield* asked.next
      if (rows === undefined) return yield* writeData(`${before}${text.end()}\n`)
      yield* writeData(before + text.rows(rows))
      before = ""
    }
  })

/** `sql "select …"`: asks the catalog. */
export const sqlCommand = Command.make(
  "sql",
  {
    query: Args.text({ name: "query" }).pipe(
      Args.withDescription(`SQL over the views ${catalogViews.join(", ")}; docs/sql.md has examples`),
    ),
    artifacts: artifactsOption,
    format: Options.choice("format", sqlFormats).pipe(
      Options.withDefault("table" as const),
      Options.withDescription("How the answer is printed"),
    ),
  },
  ({ query, artifacts, format }) =>
    Effect.gen(function* () {
      const named = catalogViews.filter((view) => new RegExp(`\\b${view}\\b`, "i").test(query))
      const connection = yield* openCatalog(artifacts, named)
      yield* Effect.catchTag(answer(connection, query, format), "DuckDbError", (error) => {
        const why = causeText(error.cause)
        return Effect.fail(ofTheStatement.test(why) ? new SqlRefused({ why }) : error)
      })
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Asks SQL of every result in the store, with DuckDB"))
