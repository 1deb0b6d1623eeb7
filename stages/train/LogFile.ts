import { createHash } from "node:crypto"
import { open, readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"
import { CheckpointFailed } from "./TrainError.ts"

/** A value of a series; `step` counts the updates that were done. */
export const LogRow = Schema.Struct({
  step: Schema.NonNegativeInt,
  /** Rounds through the train queries, as a fraction. */
  epoch: Schema.Number,
  phase: Schema.String,
  series: Schema.String,
  value: Schema.Number,
})
export type LogRow = typeof LogRow.Type

/** The log of a training on its way: rows wait in memory until a checkpoint makes them last, a JSON line each. */
export interface LogFile {
  readonly add: (row: LogRow) => void
  /** Writes what waits behind what is there; gives the bytes that are there now, and their hash. */
  readonly flush: Effect.Effect<{ readonly logBytes: number; readonly logHash: string }, CheckpointFailed>
  /** All rows, those that wait too. */
  readonly rows: Effect.Effect<ReadonlyArray<LogRow>, CheckpointFailed>
}

/** The SHA-256 of a log's first bytes; none where there are not as many. */
export const hashOfLog = async (path: string, bytes: number): Promise<string | undefined> => {
  const text = await readFile(path).catch(() => new Uint8Array(0))
  return text.length < bytes ? undefined : createHash("sha256").update(text.subarray(0, bytes)).digest("hex")
}

const decodeRow = Schema.decodeUnknownSync(Schema.parseJson(LogRow))

/** Opens a log whose first `bytes` bytes count; what is behind them was written after the checkpoint, and is forgotten. */
export const openLogFile = (path: string, bytes: number): LogFile => {
  let written = bytes
  let waiting: Array<LogRow> = []
  const attempt = <A>(during: "writing" | "reading", body: () => Promise<A>): Effect.Effect<A, CheckpointFailed> =>
    Effect.tryPromise({
      try: body,
      catch: (cause) =>
        new CheckpointFailed({
          path,
          during,
          why: causeText(cause),
          remedy: "Make room on the disk and run again: training goes on from its last checkpoint",
        }),
    })
  return {
    add: (row) => waiting.push(row),
    flush: attempt("writing", async () => {
      const text = Buffer.from(waiting.map((row) => `${JSON.stringify(row)}\n`).join(""))
      const handle = await open(path, "a+")
      try {
        await handle.truncate(written)
        await handle.appendFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      written += text.length
      waiting = []
      return { logBytes: written, logHash: (await hashOfLog(path, written)) ?? "" }
    }),
    rows: attempt("reading", async () => {
      const handle = await open(path, "a+")
      try {
        const text = Buffer.alloc(written)
        await handle.read(text, 0, written, 0)
        const lines = text.toString("utf8").split("\n")
        return [...lines.filter((line) => line !== "").map((line) => decodeRow(line)), ...waiting]
      } finally {
        await handle.close()
      }
    }),
  }
}
