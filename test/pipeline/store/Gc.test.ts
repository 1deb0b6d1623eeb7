import { createHash } from "node:crypto"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import {
  collectGarbage,
  decideGc,
  type GcOptions,
  type GcState,
  lineage,
  type Plan,
  preview,
  renderLineage,
  renderReason,
  run,
  sourceFiles,
  verifyStore,
} from "../../../pipeline/index.ts"
import { sealedRecord } from "../../../pipeline/store/SealedRecord.ts"
import { treeOf } from "../../support/processes.ts"
import { diamond, load, planOf, services, setMischief } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-gc-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

let fresh = 0
const freshStore = (): string => join(scratch, `store-${fresh++}`)

const runIn = (store: string, plan: Plan) => Effect.runPromise(run(plan).pipe(Effect.provide(services(store))))
const gcIn = (store: string, options: GcOptions) =>
  Effect.runPromise(collectGarbage({ graceSeconds: 0, ...options }).pipe(Effect.provide(services(store))))
const verifyIn = (store: string, drop = false) =>
  Effect.runPromise(verifyStore({ drop }).pipe(Effect.provide(services(store))))
const previewIn = (store: string, plan: Plan) => Effect.runPromise(preview(plan).pipe(Effect.provide(services(store))))
const lineageIn = (store: string, asked: string) =>
  Effect.runPromise(lineage(asked).pipe(Effect.provide(services(store))))

const state: fc.Arbitrary<GcState> = fc
  .record({
    objects: fc.array(fc.record({ bytes: fc.nat(1000), ageSeconds: fc.nat(10_000) }), { minLength: 1, maxLength: 12 }),
    results: fc.array(fc.record({ made: fc.array(fc.nat(100), { maxLength: 3 }), ageSeconds: fc.nat(10_000) }), {
      maxLength: 12,
    }),
    runs: fc.array(fc.record({ used: fc.array(fc.nat(100), { maxLength: 6 }), ageSeconds: fc.nat(10_000) }), {
      maxLength: 6,
    }),
    latest: fc.array(fc.nat(100), { maxLength: 4 }),
  })
  .map(({ objects, results, runs, latest }) => {
    const hash = (i: number) => i % objects.length
    const key = (i: number) => objects.length + i
    const named = results.map(({ made, ageSeconds }, i) => ({ key: key(i), hashes: made.map(hash), ageSeconds }))
    return {
      names: objects.length + named.length,
      objects: objects.map((object, i) => ({ hash: i, ...object })),
      results: named,
      runs: runs
        .map(({ used, ageSeconds }) => ({ used, ageSeconds }))
        .sort((a, b) => a.ageSeconds - b.ageSeconds)
        .map(({ used, ageSeconds }, i) => {
          const keys = named.length === 0 ? [] : used.map((each) => key(each % named.length))
          return { run: `r${i}`, ageSeconds, keys, hashes: used.slice(0, 2).map(hash) }
        }),
      latest: new Set(latest.map(hash)),
    }
  })

const options: fc.Arbitrary<GcOptions> = fc.record(
  { keepLast: fc.nat(6), maxAgeSeconds: fc.nat(10_000), maxBytes: fc.nat(5000), graceSeconds: fc.nat(5000) },
  { requiredKeys: [] },
)

describe("garbage collection", () => {
  it("C50 never removes anything reachable from a kept run, from `latest`, or younger than the grace period", () => {
    fc.assert(
      fc.property(state, options, (given, chosen) => {
        const decision = decideGc(given, chosen)
        const grace = chosen.graceSeconds ?? 3600
        const made = new Map([...given.results].map(({ key, hashes }) => [key, hashes]))
        for (const { run: name, keys, hashes } of given.runs) {
          if (!decision.keptRuns.has(name)) continue
          for (const key of keys) {
            expect(decision.results.has(key)).toBe(false)
            for (const hash of made.get(key) ?? []) expect(decision.objects.has(hash)).toBe(false)
          }
          for (const hash of hashes) expect(decision.objects.has(hash)).toBe(false)
        }
        for (const hash of given.latest) expect(decision.objects.has(hash)).toBe(false)
        for (const { hash, ageSeconds } of given.objects) {
          if (ageSeconds < grace) expect(decision.objects.has(hash)).toBe(false)
        }
        // What stays recorded stays whole.
        for (const { key, hashes, ageSeconds } of given.results) {
          if (ageSeconds < grace) expect(decision.results.has(key)).toBe(false)
          if (!decision.results.has(key)) for (const hash of hashes) expect(decision.objects.has(hash)).toBe(false)
        }
        // The newest runs are the ones that are kept, and no more than asked for.
        const kept = given.runs.map(({ run: name }) => decision.keptRuns.has(name))
        expect(kept.lastIndexOf(true)).toBeLessThan(kept.includes(false) ? kept.indexOf(false) : kept.length)
        if (chosen.keepLast !== undefined) expect(decision.keptRuns.size).toBeLessThanOrEqual(chosen.keepLast)
      }),
      { numRuns: 2000 },
    )
  })

  it("C51 removes what no kept run used, says how much by stage, and a dry run removes nothing", async () => {
    const store = freshStore()
    await runIn(store, diamond({ left: "old" }))
    await runIn(store, diamond())
    const before = treeOf(store)
    const dry = await gcIn(store, { keepLast: 1, dryRun: true })
    expect(treeOf(store)).toEqual(before)
    expect(dry.stages.map(({ stage, results }) => [stage, results])).toEqual([
      ["count", 1],
      ["join", 2],
    ])
    expect(dry.freedBytes).toBeGreaterThan(0)
    const done = await gcIn(store, { keepLast: 1 })
    expect({ ...done, dryRun: true }).toEqual(dry)
    const verified = await verifyIn(store)
    expect(verified).toMatchObject({ results: 5, objects: 5, damaged: [], orphans: [] })
    expect(new Set((await runIn(store, diamond())).nodes.map(({ status }) => status))).toEqual(new Set(["hit"]))
    expect((await gcIn(store, { keepLast: 1 })).freedBytes).toBe(0)
  })

  it("C52 what young results need is kept, whatever is asked", async () => {
    const store = freshStore()
    await runIn(store, diamond({ left: "old" }))
    await runIn(store, diamond())
    expect(await gcIn(store, { keepLast: 0, graceSeconds: 3600 })).toMatchObject({ stages: [], freedBytes: 0 })
  })

  it("C53 `latest` keeps its results whatever the limits, and size limits keep the newest runs", async () => {
    const store = freshStore()
    for (const left of ["one", "two", "three"]) await runIn(store, diamond({ left }))
    const { keptBytes } = await gcIn(store, { dryRun: true, keepLast: 1 })
    const limited = await gcIn(store, { dryRun: true, maxBytes: keptBytes })
    expect(limited.keptRuns).toHaveLength(1)
    await gcIn(store, { maxBytes: 0 })
    expect((await verifyIn(store)).results).toBe(5)
    expect((await previewIn(store, diamond({ left: "three" }))).every(({ status }) => status === "hit")).toBe(true)
  })

  it("C54 explaining survives: what was collected is said to be collected, and a change is told against it", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    rmSync(join(store, "latest"), { recursive: true })
    await gcIn(store, { keepLast: 0 })
    expect((await verifyIn(store)).results).toBe(0)
    expect(
      readdirSync(join(store, "objects")).flatMap((prefix) => readdirSync(join(store, "objects", prefix))),
    ).toEqual([])
    const same = await previewIn(store, diamond())
    expect(same[0]?.reason).toMatchObject({ _tag: "ResultGone", why: "collected" })
    const changed = await previewIn(store, diamond({ a: "A" }))
    expect(renderReason(changed[0]?.reason ?? { _tag: "Forced" }).slice(1)).toEqual(['  config.text: "a" → "A"'])
    expect((await runIn(store, diamond())).nodes.every(({ status }) => status === "ran")).toBe(true)
  })
})

describe("what tasks of other processes leave", () => {
  const day = 86_400
  const [kept, failed, gone] = ["a", "b", "c"].map((digit) => digit.repeat(64))
  const write = (path: string, text: string, days: number) => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    const then = Date.now() / 1000 - days * day
    utimesSync(path, then, then)
    utimesSync(dirname(path), then, then)
  }
  /** A plan as it is stored, under the hash of what it holds. */
  const plan = (store: string, json: string, days: number): string => {
    const name = `${createHash("sha256").update(json).digest("hex")}.json`
    write(join(store, "plans", name), sealedRecord(json), days)
    return name
  }

  it("C57 goes when no kept run can need it: plans older than all of them, logs of keys that no kept run has", async () => {
    const store = freshStore()
    const { nodes } = await runIn(store, diamond())
    const used = nodes.find(({ key }) => key !== undefined)?.key ?? ""
    const plans = [plan(store, '{"form":1}', 3), plan(store, '{"form":2}', 20)]
    const log = (key = "", file = "1.log") => join(store, "logs", key, file)
    write(log(used), "said", 20)
    write(log(kept), "said", 0)
    write(log(failed), "said", 20)
    write(log(gone), "said it all", 20)
    write(join(store, "logs/nodes/failed.key"), failed ?? "", 20)
    write(join(store, "logs/nodes/former.key"), "e".repeat(64), 40)
    write(join(store, "logs/slurm/rankdag-1.json"), "[]", 40)
    utimesSync(join(store, "logs", kept ?? ""), new Date(), new Date())
    const before = treeOf(store)
    const old = statSync(join(store, "plans", plans[1] ?? "")).size
    const dry = await gcIn(store, { graceSeconds: 3600, dryRun: true })
    expect(treeOf(store)).toEqual(before)
    expect(dry.leftovers).toEqual({ items: 4, bytes: old + "said it all".length + 64 + "[]".length })
    expect({ ...(await gcIn(store, { graceSeconds: 3600 })), dryRun: true }).toEqual(dry)
    expect(readdirSync(join(store, "plans"))).toEqual([plans[0]])
    expect(readdirSync(join(store, "logs")).sort()).toEqual([used, kept, failed, "nodes", "slurm"].sort())
    expect(readdirSync(join(store, "logs/nodes"))).toEqual(["failed.key"])
    expect(readdirSync(join(store, "logs/slurm"))).toEqual([])
    expect((await gcIn(store, { graceSeconds: 3600 })).leftovers.items).toBe(0)
  })

  it("C55 plans are compared with their names, and logs are not looked at, which is said", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    const { records } = await verifyIn(store)
    const name = plan(store, '{"form":1}', 0)
    write(join(store, "logs", kept ?? "", "1.log"), "said", 0)
    expect(await verifyIn(store)).toMatchObject({ records: records + 1, unreadable: [] })
    expect((await verifyIn(store)).notLookedAt).toContain("logs")
    const other = `${"d".repeat(64)}.json`
    cpSync(join(store, "plans", name), join(store, "plans", other))
    writeFileSync(join(store, "plans", name), sealedRecord('{"form":1}').replace("1", "2"))
    const { unreadable } = await verifyIn(store)
    expect(unreadable.map(({ file, why }) => [file, why])).toEqual(
      [
        [`plans/${name}`, "its bytes are not those that were written"],
        [`plans/${other}`, "its bytes are not those that its name says"],
      ].sort(),
    )
    await verifyIn(store, true)
    expect(readdirSync(join(store, "plans"))).toEqual([])
  })
})

describe("verification", () => {
  it("C55 names what is damaged, missing, unreadable and orphaned, and drops the damaged when asked", async () => {
    const store = freshStore()
    const { nodes } = await runIn(store, diamond())
    const path = (name: string) => nodes.find((node) => node.name === name)?.outputs["text"]?.path ?? ""
    expect(await verifyIn(store)).toMatchObject({ results: 5, objects: 5, damaged: [], unreadable: [], orphans: [] })
    const file = join(path("make.a"), "text.txt")
    chmodSync(file, 0o644)
    writeFileSync(file, readFileSync(file, "utf8").replace("a", "b"))
    rmSync(join(path("join.left"), "text.txt"))
    cpSync(path("join.right"), join(store, "objects", "ff", "f".repeat(64)), { recursive: true })
    mkdirSync(join(store, "manifests", "strange"))
    writeFileSync(join(store, "manifests", "strange", "0.json"), "{")
    const before = treeOf(store)
    const report = await verifyIn(store)
    expect(treeOf(store)).toEqual(before)
    expect(report.damaged.map(({ node, damage }) => [node, damage[0]?.file, damage[0]?.kind])).toEqual(
      expect.arrayContaining([
        ["make.a", "text.txt", "bytes"],
        ["join.left", "text.txt", "missing"],
      ]),
    )
    expect(report.damaged).toHaveLength(2)
    expect(report.unreadable.map(({ file: name }) => name)).toEqual(["manifests/strange/0.json"])
    expect(report.orphans).toEqual(["f".repeat(64)])
    expect((await verifyIn(store, true)).damaged.every(({ dropped }) => dropped)).toBe(true)
    const mended = await runIn(store, diamond())
    expect(mended.nodes.filter(({ status }) => status === "ran").map(({ name }) => name)).toEqual([
      "make.a",
      "join.left",
    ])
    expect(mended.nodes[0]?.reason).toMatchObject({ _tag: "ResultGone", why: "damaged" })
    expect((await verifyIn(store)).damaged).toEqual([])
  })
})

describe("lineage", () => {
  it("C56 says what made an artifact, from what, with which code and versions, down to the user's own files", async () => {
    const store = freshStore()
    const root = join(scratch, `source-${fresh++}`)
    mkdirSync(root)
    writeFileSync(join(root, "a.txt"), "one")
    const source = sourceFiles({ name: "files", root, files: ["a.txt"] })
    const report = await runIn(
      store,
      planOf({ eval: load({ node: "load", text: "", used: true }, { files: source }).text }),
    )
    const told = await lineageIn(store, "load")
    expect(told.results).toHaveLength(1)
    expect(told.results[0]?.inputs["files"]?.[0]?.source).toEqual({ root, files: ["a.txt"] })
    expect(told.results[0]?.manifest.provenance).toMatchObject({
      run: report.run,
      nodejs: process.version,
      node: "load",
    })
    const text = renderLineage(told)
    for (const part of ["config ", "code ", `files of ${root}: a.txt`, report.run, process.version, "text 1 rows"]) {
      expect(text).toContain(part)
    }
  })

  it("C56 goes up the graph, tells each result once, and finds artifacts by node, output, hash and key", async () => {
    const store = freshStore()
    const { nodes } = await runIn(store, diamond())
    const told = await lineageIn(store, "count")
    expect(told.results.map(({ node }) => node)).toEqual(["count", "join.top", "join.left", "make.a", "join.right"])
    expect(renderLineage(told).match(/\(above\)/g)).toHaveLength(1)
    const left = nodes.find(({ name }) => name === "join.left")
    const hash = left?.outputs["text"]?.hash ?? ""
    for (const asked of ["join.left", hash.slice(0, 8), hash, left?.key?.slice(0, 10) ?? ""]) {
      expect((await lineageIn(store, asked)).results.map(({ node }) => node)).toEqual(["join.left", "make.a"])
    }
    const unknown = await Effect.runPromise(Effect.flip(lineage("join.lfet").pipe(Effect.provide(services(store)))))
    expect(unknown.message).toContain("Did you mean «join.left»?")
  })

  it("C56 still tells of what was collected", async () => {
    const store = freshStore()
    const { nodes } = await runIn(store, diamond())
    const hash = nodes[0]?.outputs["text"]?.hash ?? ""
    rmSync(join(store, "latest"), { recursive: true })
    await gcIn(store, { keepLast: 0 })
    expect(existsSync(join(store, "objects", hash.slice(0, 2), hash))).toBe(false)
    const told = await lineageIn(store, hash.slice(0, 12))
    expect(told.results[0]).toMatchObject({ node: "make.a", present: false })
    expect(renderLineage(told)).toContain("no longer in the store")
  })
})
