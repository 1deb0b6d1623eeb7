import { readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { logName, openCheckpoints } from "../../stages/train/Checkpoints.ts"
import { openLogFile } from "../../stages/train/LogFile.ts"
import { readTensors, writeTensors } from "../../stages/train/TensorFile.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const position = (step: number) => ({ step, updates: step, logBytes: 0 })
const tensors = (value: number) =>
  new Map<string, Float32Array | Int32Array>([
    ["weights", Float32Array.of(value, Number.NaN, -0, 1e-45)],
    ["ranks", Int32Array.of(value, -1)],
    ["nothing", new Float32Array(0)],
  ])
const nobody = (): void => expect.unreachable("no checkpoint is damaged")

describe("checkpoints", () => {
  it.effect("T50 arrays and position come back bit for bit", () =>
    Effect.gen(function* () {
      const path = join(temporaryFolder("tensors"), "file.bin")
      yield* writeTensors(path, { step: 3 }, tensors(7))
      const read = yield* readTensors(path)
      expect(read.value).toEqual({ step: 3 })
      expect([...read.tensors.keys()]).toEqual(["weights", "ranks", "nothing"])
      for (const [name, array] of tensors(7)) {
        expect(Buffer.from(read.tensors.get(name)?.buffer ?? new ArrayBuffer(1))).toEqual(Buffer.from(array.buffer))
      }
    }),
  )

  it.effect("T50 the newest is gone on from, and two are kept", () =>
    Effect.gen(function* () {
      const folder = temporaryFolder("checkpoints")
      const checkpoints = openCheckpoints(folder, "this")
      expect(yield* checkpoints.latest(nobody)).toBeUndefined()
      for (const step of [5, 10, 100, 1000]) yield* checkpoints.save(position(step), tensors(step))
      const latest = yield* checkpoints.latest(nobody)
      expect(latest?.position.step).toBe(1000)
      expect(latest?.tensors.get("weights")?.[0]).toBe(1000)
      expect(readdirSync(folder).sort()).toEqual(["checkpoint-00000100.bin", "checkpoint-00001000.bin"])
    }),
  )

  it.effect("T50 one that is damaged is told of, and the one before it taken", () =>
    Effect.gen(function* () {
      const folder = temporaryFolder("checkpoints")
      const checkpoints = openCheckpoints(folder, "this")
      yield* checkpoints.save(position(1), tensors(1))
      yield* checkpoints.save(position(2), tensors(2))
      const newest = join(folder, "checkpoint-00000002.bin")
      const whole = readFileSync(newest)
      for (const damage of [
        () => truncateSync(newest, whole.length - 5),
        () =>
          writeFileSync(
            newest,
            whole.map((byte, i) => (i === whole.length - 40 ? byte ^ 1 : byte)),
          ),
        () => writeFileSync(newest, "nonsense"),
      ]) {
        damage()
        const told: Array<string> = []
        expect((yield* checkpoints.latest((path) => told.push(path)))?.position.step).toBe(1)
        expect(told).toEqual([newest])
      }
    }),
  )

  it.effect("T51 a full disk is an error that says what to do, and the checkpoint before stays", () =>
    Effect.gen(function* () {
      const folder = temporaryFolder("checkpoints")
      const checkpoints = openCheckpoints(folder, "this")
      yield* checkpoints.save(position(1), tensors(1))
      // The device that is always full stands where the next one would be written.
      symlinkSync("/dev/full", join(folder, "checkpoint-00000002.bin.partial"))
      const error = yield* Effect.flip(checkpoints.save(position(2), tensors(2)))
      expect(error._tag).toBe("CheckpointFailed")
      expect(error.message).toContain("ENOSPC")
      expect(error.message).toContain("Make room on the disk and run again")
      expect((yield* checkpoints.latest(nobody))?.position.step).toBe(1)
      yield* checkpoints.save(position(2), tensors(2))
      expect((yield* checkpoints.latest(nobody))?.position.step).toBe(2)
    }),
  )

  it.effect("T51 a checkpoint of another configuration is an error that names it", () =>
    Effect.gen(function* () {
      const folder = temporaryFolder("checkpoints")
      yield* openCheckpoints(folder, "another").save(position(1), tensors(1))
      const error = yield* Effect.flip(openCheckpoints(folder, "this").latest(nobody))
      expect(error._tag).toBe("CheckpointForeign")
      expect(error.message).toContain("checkpoint-00000001.bin is a checkpoint of another training")
      expect(error.message).toContain("Delete its folder to begin anew")
    }),
  )

  it.effect("T52 the log goes on behind its last checkpoint; what was written after it is forgotten", () =>
    Effect.gen(function* () {
      const path = join(temporaryFolder("log"), "log.jsonl")
      const row = (step: number) => ({ step, epoch: step / 3, phase: "bm25", series: "loss", value: 1 / step })
      const first = openLogFile(path, 0)
      first.add(row(1))
      const { logBytes } = yield* first.flush
      first.add(row(2))
      yield* first.flush
      const second = openLogFile(path, logBytes)
      second.add(row(3))
      expect(yield* second.rows).toEqual([row(1), row(3)])
      yield* second.flush
      expect(yield* second.rows).toEqual([row(1), row(3)])
    }),
  )

  it.effect(
    "N590 a checkpoint counts only with the log that it was written with; the one before it is taken, and that is told",
    () =>
      Effect.gen(function* () {
        const folder = temporaryFolder("checkpoints")
        const path = join(folder, logName)
        const [checkpoints, log] = [openCheckpoints(folder, "this"), openLogFile(path, 0)]
        for (const step of [1, 2]) {
          log.add({ step, epoch: step, phase: "bm25", series: "loss", value: 0.5 })
          yield* checkpoints.save({ step, updates: step, ...(yield* log.flush) }, tensors(step))
        }
        expect((yield* checkpoints.latest(nobody))?.position.step).toBe(2)
        const whole = readFileSync(path, "utf8")
        const told: Array<string> = []
        const latest = Effect.map(
          checkpoints.latest((where) => told.push(where)),
          (found) => found?.position.step,
        )
        writeFileSync(path, whole.replace(/0\.5(?=}\n$)/, "0.6"))
        expect(yield* latest).toBe(1)
        writeFileSync(path, whole.slice(0, -1))
        expect(yield* latest).toBe(1)
        rmSync(path)
        expect(yield* latest).toBeUndefined()
        expect(told).toEqual([path, path, path, path])
        writeFileSync(path, `${whole}and what was written after it`)
        expect((yield* checkpoints.latest(nobody))?.position.step).toBe(2)
      }),
  )
})
