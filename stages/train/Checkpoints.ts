import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { hashOfLog } from "./LogFile.ts"
import { readTensors, type Tensors, writeTensors } from "./TensorFile.ts"
import { CheckpointFailed, CheckpointForeign } from "./TrainError.ts"

/** The best measurement so far, and how many since have not been better. */
export const Best = Schema.Struct({
  /** Updates that were done. */
  step: Schema.NonNegativeInt,
  value: Schema.Number,
  worse: Schema.NonNegativeInt,
})
export type Best = typeof Best.Type

/** Where a training stands; with the tensors of trainer and mining, everything that the next step depends on. */
const Position = Schema.Struct({
  /** A hash of configuration and inputs. */
  training: Schema.String,
  /** Updates that were done: also the position in the order of the data. */
  step: Schema.NonNegativeInt,
  /** Of the trainer. */
  updates: Schema.NonNegativeInt,
  /** The fingerprint of the weights that stay, where there are any. */
  base: Schema.optionalWith(Schema.String, { exact: true }),
  /** Bytes of the log that belong to it. */
  logBytes: Schema.NonNegativeInt,
  /** Their hash; checkpoints of earlier versions have none. */
  logHash: Schema.optionalWith(Schema.String, { exact: true }),
  best: Schema.optionalWith(Best, { exact: true }),
})
export type Position = typeof Position.Type

/** What a checkpoint holds. */
export interface Checkpoint {
  readonly position: Position
  readonly tensors: Tensors
}

/** The log's name beside them. */
export const logName = "log.jsonl"

const checkpointName = /^checkpoint-(\d+)\.bin$/u

/** How many checkpoints are kept: one would do, were it not for disks that lie. */
const kept = 2

/** The checkpoints in a folder, the newest of which a killed training goes on from. */
export interface Checkpoints {
  /** The newest that can be read; those that cannot are told of. An error where it belongs to another training. */
  readonly latest: (
    damaged: (path: string, why: string) => void,
  ) => Effect.Effect<Checkpoint | undefined, CheckpointFailed | CheckpointForeign>
  readonly save: (position: Omit<Position, "training">, tensors: Tensors) => Effect.Effect<void, CheckpointFailed>
}

/** Opens the checkpoints of a training in its folder. */
export const openCheckpoints = (folder: string, training: string): Checkpoints => {
  const pathOf = (step: number): string => join(folder, `checkpoint-${String(step).padStart(8, "0")}.bin`)
  const steps = Effect.tryPromise({
    try: async () =>
      (await readdir(folder))
        .flatMap((file) => checkpointName.exec(file)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => b - a),
    catch: (cause) =>
      new CheckpointFailed({ path: folder, during: "reading", why: String(cause), remedy: "Look at the folder" }),
  })
  return {
    latest: (damaged) =>
      Effect.gen(function* () {
        for (const step of yield* steps) {
          const path = pathOf(step)
          const read = yield* Effect.either(readTensors(path))
          if (read._tag === "Left") {
            damaged(path, read.left.why)
            continue
          }
          const { tensors, value } = read.right
          const position = yield* Effect.mapError(
            Schema.decodeUnknown(Position)(value),
            () => new CheckpointForeign({ path, why: "its form is not known" }),
          )
          if (position.training !== training) {
            return yield* new CheckpointForeign({ path, why: "its settings, model or data are not these" })
          }
          const { logBytes, logHash } = position
          const log = join(folder, logName)
          if (logHash !== undefined && (yield* Effect.promise(() => hashOfLog(log, logBytes))) !== logHash) {
            damaged(log, `it is not as it was at step ${step}`)
            continue
          }
          return { position, tensors }
        }
        return undefined
      }),
    save: (position, tensors) =>
      Effect.gen(function* () {
        yield* writeTensors(pathOf(position.step), { training, ...position }, tensors)
        for (const step of (yield* steps).slice(kept)) {
          yield* Effect.promise(() => rm(pathOf(step), { force: true }))
        }
      }),
  }
}
