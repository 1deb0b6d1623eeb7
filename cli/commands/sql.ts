import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerDuckDb } from "../../pipeline/index.ts"
import { causeText } from "../../schemas/index.ts"
import { catalogViews, openCatalog } from "../Catalog.ts"
import { isForPrograms, querySql, renderSqlResult, sqlFormats } from "../SqlResult.ts"
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
      const connection = yield* openCatalog(artifacts)
      const result = yield* Effect.mapError(querySql(connection, query), (error) => {
        const why = causeText(error.cause)
        return ofTheStatement.test(why) ? new SqlRefused({ why }) : error
      })
      const print = isForPrograms(format) ? writeData : writeOut
      yield* print(`${renderSqlResult(result, format)}\n`)
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Asks SQL of every result in the store, with DuckDB"))
