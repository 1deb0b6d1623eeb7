import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SourceNode } from "../plan/index.ts"
import type { FingerprintHints } from "./FingerprintHints.ts"
import { type Stamp, stampOf, stampOfStats } from "./FingerprintStamp.ts"
import { canonicalJson } from "./KeyDocument.ts"

/** A file that an experiment starts from could not be hashed. */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  /** Name of the source in the plan. */
  source: Schema.String,
  /** Absolute path of the file. */
  path: Schema.String,
  reason: Schema.Literal("missing", "unreadable", "not a file", "changed"),
  /** The system's code: `EACCES`. */
  code: Schema.optional(Schema.String),
}) {
  override get message(): string {
    const what = `«${this.path}» of the source «${this.source}»`
    switch (this.reason) {
      case "missing":
        return `${what} is not there; check the path that names it, or put the file back`
      case "unreadable":
        return `${what} cannot be read (${this.code ?? "unknown"}); check its permissions and its disk`
      case "not a file":
        return `${what} is not a plain file; put the file itself there`
      case "changed":
        return `${what} changed while it was read; wait until it is written completely, then run again`
    }
  }
}

/** The content of a source: what a key holds of it, and a way to ask whether it is still so. */
export interface SourceHash {
  /** SHA-256 over relative names and bytes; of no absolute path and no time. */
  readonly hash: string
  readonly bytes: number
  /** Whether every file is as it was when hashed: ask after a stage has read them, before keeping its result. */
  readonly unchanged: Effect.Effect<boolean>
}

interface FileHash {
  readonly path: string
  readonly name: string
  readonly sha256: string
  readonly bytes: number
  readonly stamp: Stamp
  /** Whether an equal stamp later means equal bytes. */
  readonly trusted: boolean
}

const isFileHint = Schema.is(Schema.Struct({ sha256: Schema.String, bytes: Schema.Number }))

const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined

const fileSha256 = async (path: string, signal: AbortSignal): Promise<string> => {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20, signal }), hash)
  return hash.digest("hex")
}

const hashFile = (node: SourceNode, name: string, hints: FingerprintHints): Effect.Effect<FileHash, SourceError> =>
  Effect.gen(function* () {
    const path = join(node.root, name)
    const fail = (reason: SourceError["reason"], code?: string) =>
      new SourceError({ source: node.name, path, reason, ...(code === undefined ? {} : { code }) })
    const refused = (error: unknown) => {
      const code = systemCode(error)
      return code === "ENOENT" || code === "ENOTDIR" ? fail("missing") : fail("unreadable", code)
    }
    const stats = yield* Effect.tryPromise({ try: () => stat(path, { bigint: true }), catch: refused })
    if (!stats.isFile()) return yield* fail("not a file")
    const stamp = stampOfStats(stats)
    const hint = hints.get(`source:${path}`)
    if (hint !== undefined && isFileHint(hint.value)) return { path, name, stamp, trusted: true, ...hint.value }
    const at = yield* Clock.currentTimeMillis
    const sha256 = yield* Effect.tryPromise({ try: (signal) => fileSha256(path, signal), catch: refused })
    if (stampOf(path) !== stamp) return yield* fail("changed")
    const value = { sha256, bytes: Number(stats.size) }
    const trusted = hints.set(`source:${path}`, new Map([[path, stamp]]), at, value)
    return { path, name, stamp, trusted, ...value }
  })

const isUnchanged = (file: FileHash): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    if (stampOf(file.path) !== file.stamp) return Effect.succeed(false)
    if (file.trusted) return Effect.succeed(true)
    return Effect.match(
      Effect.tryPromise((signal) => fileSha256(file.path, signal)),
      { onFailure: () => false, onSuccess: (sha256) => sha256 === file.sha256 },
    )
  })

/** Hashes a source's files, two at a time, each in bounded memory; a file whose stamp a hint knows is not read. */
export const hashSource = (node: SourceNode, hints: FingerprintHints): Effect.Effect<SourceHash, SourceError> =>
  Effect.map(
    Effect.forEach([...new Set(node.files)], (name) => hashFile(node, name, hints), { concurrency: 2 }),
    (files) => ({
      hash: createHash("sha256")
        .update(canonicalJson(Object.fromEntries(files.map((file) => [file.name, file.sha256]))))
        .digest("hex"),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      unchanged: Effect.every(files, isUnchanged),
    }),
  )
