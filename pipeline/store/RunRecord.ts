import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { JsonValue } from "../plan/index.ts"
import { decodeRecord, MadeBy, storeVersion } from "./Manifest.ts"
import { openRecord } from "./SealedRecord.ts"

/** What is read again of `runs/<run>.json`. */
export const RunRecord = Schema.Struct({
  version: Schema.Literal(storeVersion),
  run: Schema.String,
  at: Schema.String,
  seconds: Schema.Number,
  outcome: Schema.Literal("succeeded", "left", "failed", "interrupted"),
  targets: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) }),
  within: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) }), {
    exact: true,
  }),
  nodes: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      stage: Schema.optionalWith(Schema.String, { exact: true }),
      status: Schema.Literal("source", "hit", "ran", "failed", "skipped"),
      seconds: Schema.Number,
      savedSeconds: Schema.optionalWith(Schema.Number, { exact: true }),
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
      madeBy: Schema.optionalWith(
        Schema.Struct({ host: Schema.String, executor: Schema.optionalWith(MadeBy, { exact: true }) }),
        { exact: true },
      ),
    }),
  ),
  damaged: Schema.optionalWith(
    Schema.Array(Schema.Struct({ node: Schema.String, files: Schema.Array(Schema.String) })),
    { exact: true },
  ),
})
export type RunRecord = typeof RunRecord.Type

const decode = decodeRecord(RunRecord)

/** Reads a run's record; `Left` says why it is not one. */
export const parseRunRecord = (text: string): Either.Either<RunRecord, string> =>
  Either.map(decode(text), ({ value }) => value)

/** What a garbage collection reads of a run's record: which results it used. */
const RunUses = Schema.Struct({
  version: Schema.Literal(storeVersion),
  run: Schema.String,
  at: Schema.String,
  nodes: Schema.Array(
    Schema.Struct({
      stage: Schema.optionalWith(Schema.String, { exact: true }),
      key: Schema.optionalWith(Schema.String, { exact: true }),
      outputs: Schema.Record({ key: Schema.String, value: Schema.Struct({ hash: Schema.String }) }),
    }),
  ),
})
export type RunUses = typeof RunUses.Type

const decodeUses = Schema.decodeUnknownEither(Schema.parseJson(RunUses))

/** Reads which results a run used; `Left` where its record is damaged. */
export const parseRunUses = (text: string): Either.Either<RunUses, string> =>
  Either.flatMap(openRecord(text), ({ json }) => Either.mapLeft(decodeUses(json), ({ message }) => message))
