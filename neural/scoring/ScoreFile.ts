import { type FileHandle, open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { causeText } from "../../schemas/index.ts"
import { ScoringFileFailed } from "./ScoringError.ts"

/** Numbers of batch after batch in a file that outlives a kill. */
export interface ScoreFile {
  /** Numbers that are there already. */
  readonly held: number
  readonly append: (values: Float32Array) => Effect.Effect<void, ScoringFileFailed>
  /** Reads numbers from a position until `into` is full. */
  readonly read: (into: Float32Array<ArrayBuffer>, from: number) => Effect.Effect<void, ScoringFileFailed>
}

/**
 * Opens a file of 32-bit floats to go on with; closed with the scope. What a kill left half written is cut off: `whole` gives,
 * of a number of floats in the file, how many are whole batches.
 */
export const scoreFile = (
  path: string,
  whole: (floats: number) => number,
): Effect.Effect<ScoreFile, ScoringFileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const attempt = <A>(body: () => Promise<A>): Effect.Effect<A, ScoringFileFailed> =>
      Effect.tryPromise({
        try: body,
        catch: (cause) => new ScoringFileFailed({ path, why: causeText(cause) }),
      })
    const file: FileHandle = yield* Effect.acquireRelease(
      attempt(() => open(path, "a+")),
      (handle) => Effect.promise(() => handle.close()),
    )
    const held = yield* attempt(async () => {
      const floats = whole(Math.floor((await file.stat()).size / 4))
      await file.truncate(floats * 4)
      return floats
    })
    return {
      held,
      append: (values) =>
        attempt(() => file.appendFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))),
      read: (into, from) =>
        attempt(async () => {
          const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
          for (let done = 0; done < bytes.length; ) {
            const { bytesRead } = await file.read(bytes, done, bytes.length - done, from * 4 + done)
            if (bytesRead === 0) throw new Error(`it ends at byte ${from * 4 + done}`)
            done += bytesRead
          }
        }),
    }
  })
