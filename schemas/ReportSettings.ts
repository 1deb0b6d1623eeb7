import * as Schema from "effect/Schema"
import { count, setting } from "./Setting.ts"

/** What the report shows of each query. */
export const ReportSettings = Schema.Struct({
  depth: setting(
    count,
    10,
    "How many results of a query are shown of each system, and how many relevant passages besides",
  ),
  moves: setting(count, 100, "Down to which rank the report knows where a shown passage stands with each system"),
  characters: setting(count, 600, "How much of a passage's text is shown"),
})
export type ReportSettings = typeof ReportSettings.Type
