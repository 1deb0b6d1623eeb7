import * as Schema from "effect/Schema"
import { FieldNames, PassageSeparator, QueryKind, SystemName } from "../../schemas/index.ts"
import { Layout } from "./Layout.ts"

/** What reading a collection depends on, beside its bytes. */
export const IngestConfig = Schema.Struct({
  layout: Layout,
  kind: Schema.optionalWith(QueryKind, { exact: true }),
  strict: Schema.Boolean,
  /** Elements of TREC documents that are their text. */
  tags: Schema.NonEmptyArray(Schema.NonEmptyString),
  /** Fields of TREC topics that are the query, joined by `+`. */
  topics: Schema.NonEmptyString,
  fields: FieldNames,
  /** Whether a query's own passage will be left out of its results: else it is said where there are such. */
  leaveOutOwn: Schema.Boolean,
})
export type IngestConfig = typeof IngestConfig.Type

/** Which public collection to fetch, and from where if not from its publisher. */
export const DownloadConfig = Schema.Struct({
  dataset: Schema.NonEmptyString,
  mirror: Schema.optionalWith(Schema.NonEmptyString, { exact: true }).annotations({
    description: "An address under which the same files lie; digests are checked all the same",
  }),
})
export type DownloadConfig = typeof DownloadConfig.Type

/** What importing a run depends on, beside its bytes. */
export const ImportRunConfig = Schema.Struct({
  system: SystemName,
  /** Path of the file, relative to its folder. */
  file: Schema.NonEmptyString,
  /** Whether results whose docid is the query's qid are left out. */
  leaveOutOwn: Schema.Boolean,
  /** Of a run over passages: what stands between a docid of the collection and a passage's number. */
  separator: Schema.optionalWith(PassageSeparator, { exact: true }),
})
export type ImportRunConfig = typeof ImportRunConfig.Type
