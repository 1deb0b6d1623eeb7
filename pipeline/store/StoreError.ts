import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

/** The file system refused something that the store needs. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  reason: Schema.Literal("DiskFull", "NotWritable", "NotReadable", "Io"),
  /** What was being done: `writing the result of index`. */
  during: Schema.String,
  /** The path concerned. */
  path: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    // Whatever wrapped it in its own words, a full disk is all that there is to say.
    const detail = this.reason === "DiskFull" ? "the disk is full" : causeText(this.cause)
    const advice = {
      DiskFull:
        "There is no space left on it, or none that this user may take. Free some, remove old results (`gc`), or give another folder for the artifacts; " +
        "the store is as it was before, and the next run goes on from there.",
      NotWritable: "Give a folder that this user may write to.",
      NotReadable: "Check that the folder is there and that this user may read it.",
      Io: "The store is as it was before; nothing incomplete was recorded.",
    }[this.reason]
    return `The artifact store failed while ${this.during} (${this.path}): ${detail}. ${advice}`
  }
}

/** The `code` of a Node.js error, the empty string where there is none. */
export const errorCode = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** Whether an error says that something is not there. */
export const isAbsent = (cause: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(errorCode(cause))

const reasonOf = (cause: unknown): StoreError["reason"] => {
  switch (errorCode(cause)) {
    case "ENOSPC":
    case "EDQUOT":
      return "DiskFull"
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
      return "NotWritable"
    case "ENOENT":
      return "NotReadable"
    default:
      return "Io"
  }
}

export const storeError = (during: string, path: string, cause: unknown): StoreError =>
  cause instanceof StoreError ? cause : new StoreError({ reason: reasonOf(cause), during, path, cause })

/** Wraps a promise of `node:fs`. The signal is aborted when the fiber is interrupted. */
export const io = <A>(
  during: string,
  path: string,
  evaluate: (signal: AbortSignal) => Promise<A>,
): Effect.Effect<A, StoreError> =>
  Effect.tryPromise({ try: evaluate, catch: (cause) => storeError(during, path, cause) })

/** Wraps synchronous calls of `node:fs`: for a few small files, where a promise would cost more than the call. */
export const ioSync = <A>(during: string, path: string, evaluate: () => A): Effect.Effect<A, StoreError> =>
  Effect.try({ try: evaluate, catch: (cause) => storeError(during, path, cause) })

/** Whether an error, or anything that caused it, says that the disk is full: DuckDB and streams wrap it in words. */
export const saysDiskFull = (error: unknown, depth = 0): boolean => {
  if (depth > 8 || error === undefined || error === null) return false
  if (errorCode(error) === "ENOSPC" || errorCode(error) === "EDQUOT") return true
  if (typeof error === "string") return /ENOSPC|EDQUOT|no space left on device|disk quota exceeded/i.test(error)
  if (error instanceof Error) return saysDiskFull(error.message, depth + 1) || saysDiskFull(error.cause, depth + 1)
  return typeof error === "object" && "cause" in error && saysDiskFull(error.cause, depth + 1)
}
