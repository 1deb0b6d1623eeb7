import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { readSettings } from "../../cli/Settings.ts"
import { experiment } from "../../experiment.ts"
import { makePlan } from "../../pipeline/index.ts"
import { SystemName, tellingNames } from "../../schemas/index.ts"
import { writeTinyCollection } from "../support/commandLine.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-names-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const collection = (name: string): string => {
  const folder = join(scratch, name)
  mkdirSync(folder, { recursive: true })
  writeTinyCollection(folder)
  return folder
}

const wired = (datasets: ReadonlyArray<string>, runs: ReadonlyArray<string> = []) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const settings = yield* readSettings({ datasets, sets: ["train.models=[]"] })
      const collections = yield* wireCollections(settings, runs)
      return yield* wiring(settings, () => experiment(settings, collections, { device: "cpu", name: "" }))
    }).pipe(Effect.either),
  )

const file = join(scratch, "run.trec")
writeFileSync(file, "q1 Q0 d1 1 1 x\n")

describe("names", () => {
  it("L57 things with a path have the shortest names that tell them apart, the same for the same", () => {
    const part = fc.constantFrom("a", "b", "c", "tiny")
    fc.assert(
      fc.property(fc.array(fc.array(part, { minLength: 1, maxLength: 4 }), { maxLength: 6 }), (paths) => {
        const names = tellingNames(paths)
        for (const [i, one] of paths.entries()) {
          expect(one.join("-").endsWith(names[i] ?? "?")).toBe(true)
          for (const [j, other] of paths.entries()) {
            const isEnd = one.join("/").endsWith(other.join("/")) || other.join("/").endsWith(one.join("/"))
            if (names[i] === names[j] && !isEnd) expect(one).toEqual(other)
          }
        }
      }),
    )
    expect(tellingNames([["data", "scifact"], ["beir", "scifact"], ["nfcorpus"]])).toEqual([
      "data-scifact",
      "beir-scifact",
      "nfcorpus",
    ])
  })

  it("L57 two folders of one name are told apart by the folders above; the same twice is counted", async () => {
    const [one, two] = [collection("x/tiny"), collection("y/tiny")]
    const names = async (...datasets: ReadonlyArray<string>) =>
      Either.getOrThrow(await wired(datasets)).datasets.map(({ name }) => name)
    expect(await names(one, two)).toEqual(["x-tiny", "y-tiny"])
    expect(await names(one)).toEqual(["tiny"])
    expect(await names(`${one}:question`, `${one}:browse`)).toEqual(["tiny", "tiny-2"])
    expect(await names(collection("лес"))).toEqual(["лес"])
  })

  it("L57 a system's name that is accepted names its nodes too; another is refused with what is allowed", async () => {
    const [tiny] = [collection("z/tiny")]
    for (const name of ["лес", "森", "हिन्दी", "é", "e\u0301", "x.", "a+b_c-1", "x".repeat(80)]) {
      const either = await wired([tiny], [`${name}=${file}`])
      const plan = makePlan(Either.getOrThrow(either).targets)
      expect([name, Either.isRight(plan)]).toEqual([name, true])
    }
    for (const name of ["../x", "a b", "-x", ".x", "a/b", "a\u001b", "x".repeat(81), "a,b"]) {
      const either = await wired([tiny], [`${name}=${file}`])
      expect(String(Either.isLeft(either) ? either.left : "accepted")).toContain("letters and digits of any script")
    }
    expect(Either.isRight(Schema.decodeEither(SystemName)("t5-hybrid+bm25"))).toBe(true)
  })

  it("L50 a setting that a stage refuses is named as --set names it", async () => {
    const refused = await Effect.runPromise(
      Effect.gen(function* () {
        const sets = ['evaluate.measures=["nDCG@10","nDGC@10"]', "train.models=[]"]
        const settings = yield* readSettings({ datasets: [collection("v/tiny")], sets })
        const collections = yield* wireCollections(settings, [])
        yield* wiring(settings, () => experiment(settings, collections, { device: "cpu", name: "" }))
      }).pipe(Effect.flip),
    )
    expect(refused.message).toMatch(/^--set evaluate\.measures\[1\]: there is no measure "nDGC@10"/)
  })
})
