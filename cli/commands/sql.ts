import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { layerDuckDb } from "../../pipeline/index.ts"
import { catalogViews, openCatalog } from "../Catalog.ts"
import { isForPrograms, querySql, renderSqlResult, sqlFormats } from "../SqlResult.ts"
import { writeData, writeOut } from "../Terminal.ts"
import { artifactsOption } from "./options.ts"

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
      const result = yield* querySql(connection, query)
      const print = isForPrograms(format) ? writeData : writeOut
      yield* print(`${renderSqlResult(result, format)}\n`)
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
).pipe(Command.withDescription("Asks SQL of every result in the store, with DuckDB"))
