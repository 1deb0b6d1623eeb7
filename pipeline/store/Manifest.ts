import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { actionKey, KeyDocument } from "../keys/index.ts"
import { JsonValue } from "../plan/index.ts"
import { FileRecord } from "./FolderContent.ts"
import { openRecord } from "./SealedRecord.ts"

/** Form of the store's folders and files. Another form is left alone: neither read nor migrated. */
export const storeVersion = 1

/** One output of a result. */
export const OutputRecord = Schema.Struct({
  /** Content hash: the object's address. */
  hash: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  bytes: Schema.NonNegativeInt,
  files: Schema.Array(FileRecord),
  rows: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
})
export type OutputRecord = typeof OutputRecord.Type

/** Where an input came from, beside its content hash, which is in the key document. */
export const InputOrigin = Schema.Struct({
  node: Schema.String,
  output: Schema.String,
  hash: Schema.String,
  /** The folder and the files, where they were the user's own. */
  source: Schema.optionalWith(Schema.Struct({ root: Schema.String, files: Schema.Array(Schema.String) }), {
    exact: true,
  }),
})
export type InputOrigin = typeof InputOrigin.Type

/** Which executor had a result made, and how. */
export const MadeBy = Schema.Struct({
  /** `children`, `slurm`, `postgres`. */
  name: Schema.String,
  /** From 1: how often its processes were started. */
  attempt: Schema.Int,
  /** From when it was asked for until its stage began. */
  queuedSeconds: Schema.Number,
})
export type MadeBy = typeof MadeBy.Type

/** How a result came about. Never part of a key. */
export const Provenance = Schema.Struct({
  run: Schema.String,
  node: Schema.String,
  /** When the stage began, ISO 8601. */
  at: Schema.String,
  seconds: Schema.Number,
  host: Schema.String,
  /** Operating system and architecture: `linux-x64`. */
  platform: Schema.String,
  /** Version of Node.js. */
  nodejs: Schema.String,
  inputs: Schema.Record({ key: Schema.String, value: Schema.Array(InputOrigin) }),
  /** By which executor, where it was not the run's own process. */
  executor: Schema.optionalWith(MadeBy, { exact: true }),
})
export type Provenance = typeof Provenance.Type

/** A result: it exists if and only if its manifest does. Lies in `manifests/<stage>/<action key>.json`. */
export const Manifest = Schema.Struct({
  version: Schema.Literal(storeVersion),
  stage: Schema.NonEmptyString,
  actionKey: Schema.String,
  key: KeyDocument,
  outputs: Schema.Record({ key: Schema.String, value: OutputRecord }),
  facts: Schema.Record({ key: Schema.String, value: JsonValue }),
  warnings: Schema.Array(Schema.String),
  provenance: Provenance,
})
export type Manifest = typeof Manifest.Type

/** A result that is gone, kept to explain: what it was, when it went and why. Lies in `history/<stage>/<action key>.json`. */
export const FormerResult = Schema.Struct({
  manifest: Manifest,
  at: Schema.String,
  why: Schema.Literal("collected", "damaged"),
})
export type FormerResult = typeof FormerResult.Type

/** What is wrong with a record, in words: the schema itself says it with all that a record may be. */
const whyNot = (error: ParseResult.ParseError, json: string): string => {
  try {
    JSON.parse(json)
  } catch {
    return "is no JSON: cut off, or damaged"
  }
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return issue === undefined
    ? "is of another form"
    : `is of another form: ${[...issue.path.map(String), ""].join(" ")}${issue.message}`
}

/**
 * Decodes a record. One without a seal must have exactly the members that there are, so that a seal that was damaged is not taken
 * for one that never was.
 */
export const decodeRecord = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(schema))
  return (text: string): Either.Either<{ readonly value: A; readonly sealed: boolean }, string> =>
    Either.flatMap(openRecord(text), ({ json, sealed }) =>
      Either.mapBoth(decode(json, { onExcessProperty: sealed ? "ignore" : "error" }), {
        onLeft: (error) => whyNot(error, json),
        onRight: (value) => ({ value, sealed }),
      }),
    )
}

const decodeManifest = decodeRecord(Manifest)
const decodeFormer = decodeRecord(FormerResult)

/** A manifest that was read, and whether its bytes were compared with a hash of their own. */
export interface ReadManifest {
  readonly manifest: Manifest
  readonly sealed: boolean
}

/**
 * Reads a manifest. `Left` says why it is not one: other bytes than were written, damaged JSON, another form, or a key document
 * that does not hash to the key under which it lies, so that a manifest put in place by hand for another key is never believed.
 */
export const parseManifest = (text: string, stage: string, key: string): Either.Either<ReadManifest, string> =>
  Either.flatMap(decodeManifest(text), ({ value: manifest, sealed }) =>
    manifest.stage !== stage || manifest.actionKey !== key || actionKey(manifest.key) !== key
      ? Either.left("its key document does not hash to its name")
      : Either.right({ manifest, sealed }),
  )

/** Reads a former result; `Left` where it is damaged or of another form. */
export const parseFormerResult = (text: string): Either.Either<FormerResult, string> =>
  Either.map(decodeFormer(text), ({ value }) => value)

const Outline = Schema.Struct({ key: KeyDocument, provenance: Schema.Struct({ at: Schema.String }) })

/** The key document of a record, and when its stage began (milliseconds since 1970). */
export interface SeenKey {
  readonly document: KeyDocument
  readonly at: number
}

const decodeOutline = Schema.decodeUnknownEither(Schema.parseJson(Outline))
const decodeFormerOutline = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({ manifest: Outline })))

/**
 * Reads the key document of a manifest, or of a former result, in half the time that the whole of it takes; `undefined` where it is
 * damaged. It is only to be believed when the record itself was read.
 */
export const parseKey = (text: string, former: boolean): SeenKey | undefined =>
  Either.getOrUndefined(
    Either.map(
      Either.flatMap(openRecord(text), ({ json }) =>
        former ? Either.map(decodeFormerOutline(json), ({ manifest }) => manifest) : decodeOutline(json),
      ),
      ({ key, provenance }) => ({ document: key, at: Date.parse(provenance.at) }),
    ),
  )
