import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { actionKey, KeyDocument } from "../keys/index.ts"
import { JsonValue } from "../plan/index.ts"
import { FileRecord } from "./FolderContent.ts"

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

const decodeManifest = Schema.decodeUnknownEither(Schema.parseJson(Manifest))
const decodeFormer = Schema.decodeUnknownEither(Schema.parseJson(FormerResult))

/**
 * Reads a manifest. `Left` says why it is not one: damaged JSON, another form, or a key document that does not hash to the
 * key under which it lies, so that a manifest put in place by hand for another key is never believed.
 */
export const parseManifest = (text: string, stage: string, key: string): Either.Either<Manifest, string> =>
  Either.flatMap(
    Either.mapLeft(decodeManifest(text), (error) => error.message.split("\n")[0] ?? "unreadable"),
    (manifest) => {
      if (manifest.stage !== stage || manifest.actionKey !== key || actionKey(manifest.key) !== key) {
        return Either.left("its key document does not hash to its name")
      }
      return Either.right(manifest)
    },
  )

/** Reads a former result; `undefined` where it is damaged or of another form. */
export const parseFormerResult = (text: string): FormerResult | undefined => Either.getOrUndefined(decodeFormer(text))
