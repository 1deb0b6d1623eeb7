import { createHash } from "node:crypto"
import fs, { mkdtempSync, rmSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { collectGarbage, lineage, type RunnerServices, run, verifyStore } from "../../../pipeline/index.ts"
import { NumberedNames, NumberLists, NumberSet } from "../../../pipeline/store/NumberedNames.ts"
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

describe("what is held of many records", () => {
  const hash = fc.stringMatching(/^[0-9a-f]{64}$/)

  it("C92 a name has one number, from which it comes back, whether or not it is a hash", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(hash, fc.string({ maxLength: 70 })), { maxLength: 60 }), (given) => {
        const names = new NumberedNames()
        const first = [...new Set(given)]
        expect(given.map((name) => first[names.add(name)])).toEqual(given)
        expect(names.size).toBe(first.length)
        expect(first.map((_, number) => names.name(number))).toEqual(first)
        expect(first.map((name) => names.find(name))).toEqual(first.map((_, number) => number))
        expect(names.find("never")).toBeUndefined()
      }),
    )
  })

  it("C92 names, lists and sets keep what they were given as they grow, within 60 bytes a hash", () => {
    const all = Array.from({ length: 20_000 }, (_, i) => createHash("sha256").update(String(i)).digest("hex"))
    const names = new NumberedNames()
    const before = process.memoryUsage().arrayBuffers
    for (const name of all) names.add(name)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 60 * all.length)
    expect(all.map((name, number) => names.find(name) === number && names.name(number) === name)).not.toContain(false)
    expect(names.find("0".repeat(64))).toBeUndefined()
    const [set, lists] = [new NumberSet(), new NumberLists()]
    for (let i = 0; i < 5000; i += 3) set.add(i)
    for (let i = 0; i < 100; i++) lists.add(Array.from({ length: i % 4 }, (_, j) => i + j))
    expect([set.size, set.has(4998), set.has(4999), set.has(1e9), set.has(-1)]).toEqual([
      1667,
      true,
      false,
      false,
      false,
    ])
    expect([[...lists.at(7)], [...lists.at(8)], [...lists.at(-1)], [...lists.at(100)]]).toEqual([[7, 8, 9], [], [], []])
  })
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
