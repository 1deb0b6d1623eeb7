import * as Schema from "effect/Schema"
import { JsonValue } from "../plan/index.ts"
import { storeVersion } from "./Manifest.ts"

/** What is read again of `runs/<run>.json`. */
export const RunRecord = Schema.Struct({
  version: Schema.Literal(storeVersion),
  run: Schema.String,
  at: Schema.String,
  seconds: Schema.Number,
  outcome: Schema.Literal("succeeded", "failed", "interrupted"),
  targets: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) }),
  nodes: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      stage: Schema.optionalWith(Schema.String, { exact: true }),
      status: Schema.Literal("source", "hit", "ran", "failed", "skipped"),
      seconds: Schema.Number,
      key: Schema.optionalWith(Schema.String, { exact: true }),
      /** A `Reason`, as it was. */
      reason: JsonValue,
      outputs: Schema.Record({
        key: Schema.String,
        value: Schema.Struct({
          kind: Schema.String,
          hash: Schema.String,
          bytes: Schema.Number,
          rows: Schema.optionalWith(Schema.Number, { exact: true }),
        }),
      }),
      warnings: Schema.Array(Schema.String),
      facts: Schema.Record({ key: Schema.String, value: JsonValue }),
    }),
  ),
})
export type RunRecord = typeof RunRecord.Type
