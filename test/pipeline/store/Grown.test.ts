import fs, { mkdtempSync, rmSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, describe, expect, it } from "vitest"
import { collectGarbage, lineage, type RunnerServices, run, verifyStore } from "../../../pipeline/index.ts"
import { diamond, services } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-grown-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const store = join(scratch, "store")

const watched = ["readFileSync", "readdirSync", "lstatSync", "statSync", "openSync", "existsSync"] as const

/** How often each part of the store was looked at while something ran: `runs`, `manifests` … */
const operations = async (work: Effect.Effect<unknown, unknown, RunnerServices>) => {
  const counts: Record<string, number> = {}
  const count = (path: unknown): void => {
    const [part = ""] = typeof path === "string" ? relative(store, path).split("/") : []
    if (typeof path === "string" && path.startsWith(store)) counts[part] = (counts[part] ?? 0) + 1
  }
  const originals = watched.map((name) => [name, fs[name]] as const)
  const promised = (["readdir", "stat", "lstat", "readFile", "open"] as const).map(
    (name) => [name, fs.promises[name]] as const,
  )
  const counting = (target: object, name: string, original: object): void => {
    const proxy: unknown = new Proxy(original, {
      apply: (called, self, given: ReadonlyArray<unknown>) => {
        count(given[0])
        const made: unknown = typeof called === "function" ? Reflect.apply(called, self, given) : undefined
        return made
      },
    })
    Object.defineProperty(target, name, { value: proxy, configurable: true, writable: true })
  }
  for (const [name, original] of originals) counting(fs, name, original)
  for (const [name, original] of promised) counting(fs.promises, name, original)
  syncBuiltinESMExports()
  try {
    await Effect.runPromise(work.pipe(Effect.provide(services(store))))
  } finally {
    for (const [name, original] of originals) Object.defineProperty(fs, name, { value: original })
    for (const [name, original] of promised) Object.defineProperty(fs.promises, name, { value: original })
    syncBuiltinESMExports()
  }
  return counts
}

const looked = async () => ({
  start: await operations(run(diamond())),
  lineage: await operations(lineage("count")),
  verify: await operations(verifyStore({ depth: "sizes" })),
  gc: await operations(collectGarbage({ dryRun: true })),
})

describe("a store that has seen many runs", () => {
  it("C92 a start looks at as many files as in a new one; lineage, verify and gc look once at each record", async () => {
    const runIn = (text: string) => Effect.runPromise(run(diamond({ top: text })).pipe(Effect.provide(services(store))))
    await runIn("top")
    const few = await looked()
    const runs = 30
    // Each has results of two nodes of its own.
    for (let i = 0; i < runs; i++) await runIn(`top ${i}`)
    await runIn("top")
    const many = await looked()
    expect(few.start["manifests"]).toBeGreaterThan(0)
    expect(many.start).toEqual(few.start)
    expect(many.lineage["runs"] ?? 0).toBe(0)
    for (const command of ["lineage", "verify", "gc"] as const) {
      const more = (part: string): number => (many[command][part] ?? 0) - (few[command][part] ?? 0)
      // Whether it is there and what it is, and its text.
      expect(more("manifests")).toBeLessThanOrEqual(2 * runs * 3)
      expect(more("runs")).toBeLessThanOrEqual(3 * (runs + 2))
      expect(more("objects")).toBeLessThanOrEqual(2 * runs * 8)
    }
  })
})
