import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Random } from "../../schemas/index.ts"
import { TrainConfig } from "../../stages/train/index.ts"
import { temporaryFolder } from "../support/storedTable.ts"
import { smallConfig, smallWorld } from "./smallTraining.ts"

const program = join(import.meta.dirname, "trainingProcess.ts")

const config: TrainConfig = {
  ...smallConfig,
  steps: 60,
  dropout: 0.1,
  validate: { ...smallConfig.validate, every: 20 },
}

/** Runs the training in a process; kills it so many milliseconds after its first step, or never. */
const trainInProcess = (
  given: object,
  killAfter?: number,
): Promise<{ readonly killed: boolean; readonly first: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", program, JSON.stringify(given)], {
      stdio: ["ignore", "ignore", "pipe"],
    })
    let told = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (told === "" && killAfter !== undefined) setTimeout(() => child.kill("SIGKILL"), killAfter)
      told += text
    })
    child.on("error", reject)
    child.on("close", (code, signal) => {
      const [first = ""] = told.split("\n")
      if (signal === "SIGKILL") resolve({ killed: true, first })
      else if (code === 0) resolve({ killed: false, first })
      else reject(new Error(told))
    })
  })

const contents = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  )

it.effect(
  "T61 a process killed at random points, and started again each time, ends with the bytes of one that was not",
  () =>
    Effect.gen(function* () {
      const world = yield* smallWorld()
      const folders = Object.fromEntries(
        Object.entries(world).flatMap(([name, input]) => ("path" in input ? [[name, input.path]] : [])),
      )
      const given = () => ({
        world: folders,
        config: Schema.encodeSync(TrainConfig)(config),
        outputs: { model: temporaryFolder("model"), log: temporaryFolder("log") },
      })
      const whole = { ...given(), scratch: temporaryFolder("scratch") }
      yield* Effect.promise(() => trainInProcess(whole))
      const scratch = temporaryFolder("scratch")
      const random = new Random(20261126)
      let kills = 0
      for (let attempt = 0; ; attempt++) {
        const again = { ...given(), scratch }
        // The last attempts are left alone, so that the test ends on a slow machine too.
        const { first, killed } = yield* Effect.promise(() =>
          trainInProcess(again, attempt < 3 ? 1 + random.below(250) : undefined),
        )
        if (killed) kills++
        else {
          expect(contents(again.outputs.model)).toEqual(contents(whole.outputs.model))
          expect(contents(again.outputs.log)).toEqual(contents(whole.outputs.log))
          if (kills > 0) expect(first).not.toBe("step 1")
          break
        }
      }
      expect(kills).toBeGreaterThan(0)
    }),
  120_000,
)
