import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { afterAll, describe, expect, it } from "vitest"
import { readSettings, type SettingsOptions } from "../../cli/Settings.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-settings-"))
afterAll(() => rmSync(scratch, { recursive: true }))

const read = (options: Partial<SettingsOptions>) =>
  Effect.runSync(Effect.either(readSettings({ datasets: [], sets: [], ...options })))

const problem = (options: Partial<SettingsOptions>): string =>
  Either.match(read(options), { onLeft: (error) => error.message, onRight: () => "no error" })

const file = (text: string): string => {
  const path = join(scratch, "experiment.json")
  writeFileSync(path, text)
  return path
}

describe("settings", () => {
  it("L2 everything has a default, and a setting changes that one alone", () => {
    const before = Either.getOrThrow(read({}))
    const after = Either.getOrThrow(read({ sets: ["retrieve.bm25.k1=0.82", "ingest.splits.test=dl19"] }))
    expect(before.datasets).toEqual([{ source: "synthetic" }])
    expect(after).toEqual({
      ...before,
      retrieve: { ...before.retrieve, bm25: { ...before.retrieve.bm25, k1: 0.82 } },
      ingest: { ...before.ingest, splits: { test: "dl19" } },
    })
  })

  it("L2 the command line wins over the file, and a later --set over an earlier one", () => {
    const configFile = file('{"retrieve":{"depth":50,"bm25":{"b":0.1}},"datasets":[{"source":"beir/scifact"}]}')
    const settings = Either.getOrThrow(
      read({ configFile, sets: ["retrieve.depth=60", "retrieve.depth=70"], datasets: ["a:browse", "b"] }),
    )
    expect(settings.retrieve.depth).toBe(70)
    expect(settings.retrieve.bm25.b).toBe(0.1)
    expect(settings.datasets).toEqual([{ source: "a", kind: "browse" }, { source: "b" }])
  })

  it("L160 a quick run has no models, unless a setting brings some", () => {
    const configFile = file(JSON.stringify({ rerank: { models: ["a/b"] }, train: { models: ["c/d"] } }))
    const quick = Either.getOrThrow(read({ configFile, quick: true }))
    expect([quick.train.models, quick.rerank.models]).toEqual([[], []])
    const asked = Either.getOrThrow(read({ configFile, quick: true, sets: ['rerank.models=["e/f"]'] }))
    expect(asked.rerank.models).toEqual(["e/f"])
  })

  it("L3 an unknown setting is an error that names the nearest, from the option and from a file alike", () => {
    expect(problem({ sets: ["retreive.bm25.k1=1"] })).toContain("«retrieve.bm25.k1»")
    expect(problem({ sets: ["retrieve.bm25.k2=1"] })).toContain("«retrieve.bm25.k1»")
    expect(problem({ sets: ["depth=1"] })).toMatch(/no such setting.*«(retrieve|candidates)\.depth»/)
    const configFile = file('{"retrieve":{"bm25":{"kl":1}}}')
    expect(problem({ configFile })).toMatch(
      /experiment\.json: retrieve\.bm25\.kl: no such setting.*«retrieve\.bm25\.k1»/,
    )
  })

  it("L3 a value that does not fit names the option, the path and what was expected", () => {
    expect(problem({ sets: ["retrieve.bm25.b=2"] })).toMatch(
      /--set retrieve\.bm25\.b=2: retrieve\.bm25\.b: .*between 0 and 1/,
    )
    expect(problem({ sets: ["retrieve.depth=many"] })).toMatch(/retrieve\.depth: Expected number, actual "many"/)
    expect(problem({ sets: ["statistics.weighting=x"] })).toMatch(
      /weighting: Expected "queries" or "datasets", actual "x"/,
    )
    const losses = (value: unknown) => problem({ sets: [`train.losses=${JSON.stringify([value])}`] })
    expect(losses("hybird")).toMatch(
      /train\.losses\[0\]: Expected "pointwise", .*"hybrid".*, actual "hybird"\. Did you mean «hybrid»\?$/,
    )
    expect(losses({ name: "x", loss: { kind: "hybird" } })).toMatch(
      /train\.losses\[0\]\.loss\.kind: Expected "pointwise", .* actual "hybird"\. Did you mean «hybrid»\?$/,
    )
    expect(losses({ name: "x", loss: { kind: "hybrid", alfa: 1 } })).toMatch(
      /train\.losses\[0\]\.loss\.alfa: no such setting\.$/,
    )
    expect(problem({ sets: ["retrieve.depth"] })).toContain("expected path=value")
    expect(problem({ configFile: file("{") })).toContain("is not JSON")
    expect(problem({ configFile: join(scratch, "absent.json") })).toContain("cannot be read")
  })
})
