import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import {
  type Artifact,
  type NodePreview,
  type Plan,
  preview,
  type RunEvent,
  RunFailed,
  type RunOptions,
  RunRecord,
  type RunReport,
  renderReason,
  run,
  selectTargets,
  sourceFiles,
} from "../../../pipeline/index.ts"
import { treeOf } from "../../support/processes.ts"
import {
  chronicle,
  diamond,
  executed,
  heavy,
  join_,
  lazy,
  load,
  loads,
  type Mischief,
  make,
  planOf,
  readText,
  services,
  setMischief,
  type Text,
  twice,
} from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-runner-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

let fresh = 0
const freshStore = (): string => join(scratch, `store-${fresh++}`)

interface Ran {
  readonly report: RunReport
  readonly failures: RunFailed["failures"]
  readonly statuses: Readonly<Record<string, string>>
  /** Which stages executed, sorted. */
  readonly executed: ReadonlyArray<string>
  readonly events: ReadonlyArray<RunEvent>
}

const runIn = async (store: string, plan: Plan, options: RunOptions = {}, mischief: Mischief = {}): Promise<Ran> => {
  const journal = join(scratch, `journal-${fresh++}`)
  setMischief({ journal, ...mischief })
  const events: Array<RunEvent> = []
  const result = await Effect.runPromise(
    run(plan, { ...options, onEvent: (event) => events.push(event) }).pipe(
      Effect.provide(services(store)),
      Effect.either,
    ),
  )
  if (Either.isLeft(result) && !(result.left instanceof RunFailed)) throw result.left
  const report = Either.match(result, {
    onLeft: (error) => (error instanceof RunFailed ? error.report : undefined),
    onRight: (value) => value,
  })
  if (report === undefined) throw new Error("no report")
  return {
    report,
    failures: Either.isLeft(result) && result.left instanceof RunFailed ? result.left.failures : [],
    statuses: Object.fromEntries(report.nodes.map((node) => [node.name, node.status])),
    executed: executed(journal)
      .filter((line) => !line.includes("step 0"))
      .sort(),
    events,
  }
}

const previewIn = (store: string, plan: Plan, force: ReadonlyArray<string> = []): Promise<ReadonlyArray<NodePreview>> =>
  Effect.runPromise(preview(plan, { force }).pipe(Effect.provide(services(store))))

const nodeOf = ({ report }: Ran, name: string) => {
  const found = report.nodes.find((node) => node.name === name)
  if (found === undefined) throw new Error(`no node ${name}`)
  return found
}

const outputOf = (ran: Ran, name: string) => {
  const output = nodeOf(ran, name).outputs["text"]
  if (output === undefined) throw new Error(`no output of ${name}`)
  return output
}

/** Changes a stored file although it is read-only. */
const tamper = (path: string, change: (path: string) => void): void => {
  chmodSync(path, 0o644)
  change(path)
}

const flipByte = (path: string): void =>
  tamper(path, () => {
    const bytes = readFileSync(path)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    writeFileSync(path, bytes)
  })

const steps = Array.from({ length: 9 }, (_, i) => `count step ${i + 1}`)
const everything = ["a", ...steps, "left", "right", "top"].sort()

describe("hits", () => {
  it("C1 nothing ran twice for the same key: a second run executes nothing, loads no stage and no DuckDB", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    expect(first.executed).toEqual(everything)
    expect(new Set(Object.values(first.statuses))).toEqual(new Set(["ran"]))
    const before = loads()
    const second = await runIn(store, diamond())
    expect(second.executed).toEqual([])
    expect(new Set(Object.values(second.statuses))).toEqual(new Set(["hit"]))
    expect(loads()).toBe(before)
    expect(second.report.nodes.map((node) => node.outputs)).toEqual(first.report.nodes.map((node) => node.outputs))
    const previews = await previewIn(store, diamond())
    expect(previews.map(({ status }) => status)).toEqual(["hit", "hit", "hit", "hit", "hit"])
  })

  it("C1 the engine's part of a run of fifteen hits is under a tenth of a second", async () => {
    const store = freshStore()
    let text = make({ node: "n0", text: "x", used: true }, {}, "n0").text
    for (let i = 1; i < 15; i++) {
      text = join_({ node: `n${i}`, text: "x", used: true }, { texts: [text] }, `n${i}`).text
    }
    const plan = planOf({ eval: text })
    await runIn(store, plan)
    const seconds: Array<number> = []
    for (let i = 0; i < 10; i++) seconds.push((await runIn(store, plan)).report.seconds)
    expect(Math.min(...seconds)).toBeLessThan(0.1)
  })

  it("C2 what a stage said and counted is said again on a hit", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    const second = await runIn(store, diamond())
    const warnings = ({ events }: Ran) =>
      events.flatMap((event) => (event._tag === "NodeWarning" ? [event.message] : [])).sort()
    expect(warnings(first)).toEqual(["a warns", "left warns", "right warns", "top warns"])
    expect(warnings(second)).toEqual(warnings(first))
    expect(nodeOf(second, "join.top").facts).toEqual(nodeOf(first, "join.top").facts)
    expect(outputOf(second, "join.top").rows).toBe(2)
    expect(nodeOf(second, "join.top").savedSeconds).toBeGreaterThanOrEqual(0)
  })

  it("C3 a changed field runs its stage and what is below; the reason names the field, old and new", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    const changed = await runIn(store, diamond({ left: "LEFT" }))
    expect(changed.executed).toEqual(["left", "top", ...steps].sort())
    expect(changed.statuses).toEqual({
      "make.a": "hit",
      "join.left": "ran",
      "join.right": "hit",
      "join.top": "ran",
      count: "ran",
    })
    expect(renderReason(nodeOf(changed, "join.left").reason).slice(1)).toEqual(['  config.text: "left" → "LEFT"'])
    expect(renderReason(nodeOf(changed, "join.top").reason).slice(1).join()).toMatch(
      /^ {2}inputs.texts\[0\]: [0-9a-f]{8}… → [0-9a-f]{8}…$/,
    )
    // Back again: every result is still there.
    expect((await runIn(store, diamond())).executed).toEqual([])
  })

  it("C4 early cut-off: an upstream stage that re-ran and wrote the same bytes leaves everything below it cached", async () => {
    const store = freshStore()
    await runIn(store, diamond({}, false))
    const changed = await runIn(store, diamond({ a: "another a" }, false))
    expect(changed.executed).toEqual(["a"])
    expect(changed.statuses["join.left"]).toBe("hit")
  })

  it("K28 a stage that reads how its inputs came about has their records in its key", async () => {
    const store = freshStore()
    const plan = (text: string) => {
      const a = make({ node: "a", text, used: false }, {}, "a")
      const b = join_({ node: "b", text: "b", used: true }, { texts: [a.text] }, "b")
      return planOf({ eval: chronicle({ node: "told", text: "", used: true }, { text: b.text }).text })
    }
    const first = await runIn(store, plan("one"))
    const records: ReadonlyArray<Record<string, unknown>> = JSON.parse(readText(outputOf(first, "chronicle")))
    expect(records).toMatchObject([
      {
        node: "make.a",
        stage: "make",
        key: nodeOf(first, "make.a").key,
        config: { text: "one" },
        run: first.report.run,
      },
      { node: "join.b", inputs: { texts: [{ node: "make.a", hash: outputOf(first, "make.a").hash }] } },
    ])
    expect((await runIn(store, plan("one"))).executed).toEqual([])
    expect(await previewIn(store, plan("one"))).toMatchObject([{ status: "hit" }, { status: "hit" }, { status: "hit" }])
    // `a` runs anew and writes the same bytes: what only reads bytes is a hit, what tells of it is not.
    const second = await runIn(store, plan("two"))
    expect(second.executed).toEqual(["a", "told"])
    expect(renderReason(nodeOf(second, "chronicle").reason).join()).toMatch(
      /inputs\.provenance: [0-9a-f]{8}… → [0-9a-f]{8}…/,
    )
    expect((await runIn(store, plan("one"))).executed).toEqual([])
  })

  it("C5 a change of a stage's code runs its nodes, and the reason names the file", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    const changed = await runIn(store, diamond(), {}, { code: { join: "new code" } })
    // The bytes are the same, so the count is a hit again.
    expect(changed.executed).toEqual(["left", "right", "top"])
    expect(changed.statuses["count"]).toBe("hit")
    expect(renderReason(nodeOf(changed, "join.left").reason).slice(1)).toEqual(["  code: test/support/join.ts changed"])
  })

  it("C6 forced nodes run although their results are stored; what is below them is a hit when the bytes are equal", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    const forced = await runIn(store, diamond(), { force: ["join.left", "make"] })
    expect(forced.executed).toEqual(["a", "left"])
    expect(nodeOf(forced, "join.left").reason).toEqual({ _tag: "Forced" })
    const unknown = await Effect.runPromise(
      Effect.flip(run(diamond(), { force: ["jion"] }).pipe(Effect.provide(services(store)))),
    )
    expect(unknown.message).toContain("Did you mean «join»?")
  })

  it("C7 the same key with other bytes is told loudly", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    const forced = await runIn(store, diamond(), { force: ["make"] }, { random: ["a"] })
    const warnings = forced.events.flatMap((event) => (event._tag === "NodeWarning" ? [event.message] : []))
    expect(warnings.filter((warning) => warning.startsWith("nondeterministic"))).toHaveLength(1)
    expect(nodeOf(forced, "make.a").warnings.join()).toContain("nondeterministic: the same key gave other bytes")
  })

  it("C8 two nodes with one key do the work once, two outputs with equal bytes are one object", async () => {
    const store = freshStore()
    const one = make({ node: "same", text: "x", used: true }, {}, "one")
    const two = make({ node: "same", text: "x", used: true }, {}, "two")
    const both = twice({ node: "twice", text: "", used: true }, { text: one.text })
    const plan = planOf({ eval: [one.text, two.text, both.left, both.right] })
    const ran = await runIn(store, plan, { jobs: 4, force: ["make"] }, { sleepMs: { same: 50 } })
    expect(ran.executed).toEqual(["same"])
    expect(Object.values(ran.statuses).sort()).toEqual(["hit", "ran", "ran"])
    const [left, right] = Object.values(nodeOf(ran, "twice").outputs)
    expect(left?.hash).toBe(right?.hash)
    expect(readlinkSync(join(store, "latest", "twice", "left"))).toBe(
      `../../objects/${left?.hash.slice(0, 2)}/${left?.hash}`,
    )
    expect(readText({ path: join(store, "latest", "make.one") })).toBe("x()")
  })
})

describe("dry run", () => {
  it("C9 says hit, run or undetermined with the reason, and writes nothing", async () => {
    const store = freshStore()
    const untouched = await previewIn(store, diamond())
    expect(existsSync(store)).toBe(false)
    expect(untouched.map(({ status }) => status)).toEqual([
      "run",
      "undetermined",
      "undetermined",
      "undetermined",
      "undetermined",
    ])
    expect(untouched[0]?.reason).toEqual({ _tag: "NoPreviousRun" })
    await runIn(store, diamond())
    const before = treeOf(store)
    const changed = await previewIn(store, diamond({ left: "LEFT" }))
    expect(changed.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "make.a hit",
      "join.left run",
      "join.right hit",
      "join.top undetermined",
      "count undetermined",
    ])
    expect(changed[3]?.reason).toEqual({ _tag: "WaitingFor", nodes: ["join.left"] })
    const forced = await previewIn(store, diamond(), ["make.a"])
    expect(forced[0]?.reason).toEqual({ _tag: "Forced" })
    expect(treeOf(store)).toEqual(before)
  })
})

describe("failures", () => {
  it("C10 a failure is never stored; what succeeded is kept, and the report says what was skipped and why", async () => {
    const store = freshStore()
    const failed = await runIn(store, diamond(), { jobs: 1 }, { fail: ["left"] })
    expect(failed.failures.map(({ node, error }) => `${node} ${error._tag}`)).toEqual(["join.left SmallError"])
    expect(failed.statuses["make.a"]).toBe("ran")
    expect(failed.statuses["join.left"]).toBe("failed")
    expect(nodeOf(failed, "join.top").reason).toMatchObject({ _tag: "DependencyFailed" })
    expect(nodeOf(failed, "join.right").status).toMatch(/skipped|ran/)
    expect(readdirSync(join(store, "tmp"))).toEqual([])
    expect(readdirSync(join(store, "locks"))).toEqual([])
    expect(readdirSync(join(store, "scratch"))).toEqual([])
    const again = await runIn(store, diamond(), { jobs: 1 })
    expect(again.executed).not.toContain("a")
    expect(again.executed).toContain("left")
  })

  it("C10 after a failure no new stage is started, running ones finish and are kept", async () => {
    const store = freshStore()
    const config = (node: string) => ({ node, text: node, used: true })
    const nodes = ["fails", "slow", "later"].map((node) => make(config(node), {}, node).text)
    const failed = await runIn(
      store,
      planOf({ eval: nodes }),
      { jobs: 2 },
      { fail: ["fails"], sleepMs: { fails: 30, slow: 200 } },
    )
    expect(failed.statuses).toEqual({ "make.fails": "failed", "make.slow": "ran", "make.later": "skipped" })
    expect(nodeOf(failed, "make.later").reason).toEqual({ _tag: "Stopped", failed: "make.fails" })
  })

  it("C10 a stage that dies is a bug of the stage, not the end of the engine", async () => {
    const failed = await runIn(freshStore(), diamond(), {}, { die: ["right"] })
    expect(failed.failures.map(({ node, error }) => `${node} ${error._tag}`)).toEqual(["join.right StageDefect"])
    expect(failed.failures[0]?.error.message).toContain("right was told to die")
  })

  it("C10 a stage that writes nothing has no result", async () => {
    const store = freshStore()
    const plan = planOf({ eval: lazy({ node: "lazy", text: "", used: true }, {}).text })
    const failed = await runIn(store, plan)
    expect(failed.failures[0]?.error._tag).toBe("OutputNotWritten")
    expect(readdirSync(join(store, "manifests"))).toEqual([])
  })

  it("C11 files of the user's own that change while a stage reads them: no result, and an error that says to run again", async () => {
    const store = freshStore()
    const root = join(scratch, `source-${fresh++}`)
    mkdirSync(root)
    writeFileSync(join(root, "a.txt"), "one")
    const plan = () =>
      planOf({
        eval: load(
          { node: "load", text: "", used: true },
          { files: sourceFiles({ name: "files", root, files: ["a.txt"] }) },
        ).text,
      })
    const changed = await runIn(store, plan(), {}, { during: () => appendFileSync(join(root, "a.txt"), " two") })
    expect(changed.failures[0]?.error._tag).toBe("SourceChanged")
    expect(changed.failures[0]?.error.message).toContain("Run again")
    expect(readdirSync(join(store, "manifests"))).toEqual([])
    const again = await runIn(store, plan())
    expect(readText(outputOf(again, "load"))).toBe("(one two)")
    expect(nodeOf(again, "files").status).toBe("source")
    expect((await runIn(store, plan())).executed).toEqual([])
  })
})

describe("damage", () => {
  it("C12 a flipped byte is noticed when the artifact is read: quarantined, made again, reported", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    const a = outputOf(first, "make.a")
    flipByte(join(a.path, "text.txt"))
    // Nothing reads it, so nothing is noticed; `verify` reads all.
    expect((await runIn(store, diamond())).executed).toEqual([])
    const changed = await runIn(store, diamond({ left: "LEFT" }))
    expect(changed.executed).toEqual(["a", "left", "top", ...steps].sort())
    const damaged = changed.events.find((event) => event._tag === "ArtifactDamaged")
    expect(damaged).toMatchObject({ node: "make.a", damage: [{ file: "text.txt", kind: "bytes" }] })
    expect(changed.report.damaged).toEqual([{ node: "make.a", files: ["text/text.txt"] }])
    expect(nodeOf(changed, "make.a").reason).toEqual({ _tag: "OutputDamaged", files: ["text/text.txt"] })
    expect(readdirSync(join(store, "quarantine"))).toHaveLength(2)
    expect(outputOf(changed, "make.a").hash).toBe(a.hash)
    expect(readText(a)).toBe("a()")
  })

  it("C12 what was asked for is about to be read, so it is compared on a hit too", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    flipByte(join(outputOf(first, "count").path, "text.txt"))
    const again = await runIn(store, diamond())
    expect(again.executed).toEqual(steps)
    expect(nodeOf(again, "count").reason._tag).toBe("OutputDamaged")
    expect((await runIn(store, diamond())).executed).toEqual([])
  })

  it("C12 damage above what has to run again is mended on the way up", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    for (const name of ["make.a", "join.left"]) flipByte(join(outputOf(first, name).path, "half.txt"))
    const changed = await runIn(store, diamond({ top: "TOP" }))
    expect(changed.executed).toEqual(["a", "left", "top", ...steps].sort())
    expect(changed.report.damaged.map(({ node }) => node)).toEqual(["make.a", "join.left"])
    expect(new Set(Object.values((await runIn(store, diamond({ top: "TOP" }))).statuses))).toEqual(new Set(["hit"]))
  })

  it("C13 a missing, shortened or added file is noticed on every hit", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    const path = outputOf(first, "join.top").path
    const cases: ReadonlyArray<readonly [string, () => void]> = [
      ["OutputMissing", () => unlinkSync(join(path, "text.txt"))],
      ["OutputDamaged", () => tamper(join(path, "text.txt"), (file) => truncateSync(file, 2))],
      ["OutputDamaged", () => writeFileSync(join(path, "part-00001.parquet"), "")],
      ["OutputMissing", () => rmSync(path, { recursive: true, force: true })],
    ]
    for (const [reason, damage] of cases) {
      damage()
      expect((await previewIn(store, diamond()))[3]?.reason._tag).toBe(reason)
      const mended = await runIn(store, diamond())
      expect(mended.executed).toEqual(["top"])
      expect(nodeOf(mended, "join.top").reason._tag).toBe(reason)
      expect(readText({ path })).toBe("top(left(a()),right(a()))")
    }
  })

  it("C14 a manifest that is damaged, or lies under another's name, is a miss and not a crash", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    const file = (name: string) => {
      const { stage, key } = nodeOf(first, name)
      return join(store, "manifests", stage ?? "", `${key}.json`)
    }
    const whole = readFileSync(file("join.top"), "utf8")
    const right = readFileSync(file("join.right"), "utf8")
    for (const text of ["", "{", whole.slice(0, 200), "null", "[]", right, whole.replace('"top"', '"pot"')]) {
      writeFileSync(file("join.top"), text)
      const again = await runIn(store, diamond())
      expect(again.executed).toEqual(["top"])
      expect(nodeOf(again, "join.top").reason._tag).toBe("ManifestUnreadable")
    }
  })

  it("C15 files of the store are read-only", async () => {
    const store = freshStore()
    const { path } = outputOf(await runIn(store, diamond()), "make.a")
    expect(readdirSync(path).map((file) => statSync(join(path, file)).mode & 0o777)).toEqual([0o444, 0o444])
  })
})

describe("the store", () => {
  it("C16 a store of another version is neither read nor changed, and the user is told", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    writeFileSync(join(store, "store.json"), JSON.stringify({ program: "rankdag", version: 999 }))
    const before = treeOf(store)
    const ran = await runIn(store, diamond())
    expect(ran.executed).toEqual(everything)
    expect(ran.events.find((event) => event._tag === "StoreNotice")).toMatchObject({
      message: expect.stringContaining("999"),
    })
    const after = treeOf(store).filter((line) => !line.startsWith("v1/"))
    expect(after).toEqual(before)
    expect((await runIn(store, diamond())).executed).toEqual([])
  })

  it("C17 an artifacts folder that cannot be made is an error that says so", async () => {
    const file = join(scratch, `file-${fresh++}`)
    writeFileSync(file, "in the way")
    const failed = await runIn(join(file, "store"), diamond())
    expect(failed.failures[0]?.error._tag).toBe("StoreError")
    expect(failed.failures[0]?.error.message).toContain("Give a folder that this user may write to")
  })

  it("C18 a copied store is as good: nothing in it is an absolute path", async () => {
    const store = freshStore()
    await runIn(store, diamond())
    const copy = freshStore()
    cpSync(store, copy, { recursive: true, verbatimSymlinks: true })
    rmSync(store, { recursive: true, force: true })
    expect((await runIn(copy, diamond())).executed).toEqual([])
    expect(readText({ path: join(copy, "latest", "make.a") })).toBe("a()")
    for (const line of treeOf(copy)) {
      const content = Buffer.from(line.split(" ")[2] ?? "", "base64").toString()
      expect(content).not.toContain(scratch)
    }
  })

  it("C19 the record of a run says what became of each node", async () => {
    const store = freshStore()
    const ran = await runIn(store, diamond())
    const text = readFileSync(join(store, "runs", `${ran.report.run}.json`), "utf8")
    const record = Schema.decodeUnknownSync(Schema.parseJson(RunRecord))(text)
    expect(record.nodes.map(({ name, status, key }) => [name, status, key])).toEqual(
      ran.report.nodes.map(({ name, status, key }) => [name, status, key]),
    )
  })
})

describe("order", () => {
  it("C20 the order in which stages complete never changes an artifact", async () => {
    const nodes = fc.array(
      fc.record({ text: fc.string({ maxLength: 4 }), inputs: fc.array(fc.nat(100), { maxLength: 3 }) }),
      { minLength: 2, maxLength: 9 },
    )
    const planFrom = (
      drawn: ReadonlyArray<{ readonly text: string; readonly inputs: ReadonlyArray<number> }>,
    ): Plan => {
      const artifacts: Array<Artifact<Text>> = []
      drawn.forEach(({ text, inputs }, i) => {
        const config = { node: `n${i}`, text, used: true }
        artifacts.push(
          i === 0
            ? make(config, {}, `n${i}`).text
            : join_(config, { texts: inputs.flatMap((input) => artifacts[input % i] ?? []) }, `n${i}`).text,
        )
      })
      return planOf({ eval: artifacts })
    }
    await fc.assert(
      fc.asyncProperty(
        nodes,
        fc.array(fc.nat(15), { minLength: 9, maxLength: 9 }),
        fc.integer({ min: 2, max: 5 }),
        async (drawn, delays, jobs) => {
          const sleepMs = Object.fromEntries(delays.map((delay, i) => [`n${i}`, delay]))
          const one = await runIn(freshStore(), planFrom(drawn), { jobs: 1 })
          const many = await runIn(freshStore(), planFrom(drawn), { jobs }, { sleepMs })
          const hashes = ({ report }: Ran) =>
            report.nodes.map(({ name, outputs }) => [name, Object.values(outputs).map(({ hash }) => hash)])
          expect(hashes(many)).toEqual(hashes(one))
        },
      ),
      { numRuns: 12 },
    )
  })

  it("C21 ready stages run at once, within the jobs allowed", async () => {
    const config = (node: string) => ({ node, text: node, used: true })
    for (const jobs of [1, 3]) {
      let now = 0
      let most = 0
      const plan = planOf({ eval: ["p", "q", "r", "s"].map((node) => make(config(node), {}, node).text) })
      setMischief({})
      await Effect.runPromise(
        run(plan, {
          jobs,
          onEvent: (event) => {
            if (event._tag === "NodeStarted") most = Math.max(most, ++now)
            if (event._tag === "NodeFinished") now--
          },
        }).pipe(Effect.provide(services(freshStore())), (effect) => {
          setMischief({ sleepMs: { p: 200, q: 200, r: 200, s: 200 } })
          return effect
        }),
      )
      expect(most).toBe(jobs)
    }
  })

  it("C21 nodes that occupy the machine run one after the other, beside others, and hold no job while they wait; those that occupy a core as many at once as there are", async () => {
    const config = (node: string, text = node) => ({ node, text, used: true })
    const plan = planOf({
      eval: [
        ...["g", "h", "i"].map((node) => heavy(config(node), {}, node).text),
        ...["c", "d", "e"].map((node) => heavy(config(node, "core"), {}, `core-${node}`).text),
        ...["p", "q"].map((node) => make(config(node), {}, node).text),
      ],
    })
    const running = new Set<string>()
    const cores = Math.min(3, availableParallelism())
    let [heaviest, mixed, singles, most] = [0, 0, 0, 0]
    setMischief({})
    await Effect.runPromise(
      run(plan, {
        jobs: 2 + cores,
        onEvent: (event) => {
          if (event._tag === "NodeStarted") running.add(event.node)
          if (event._tag === "NodeFinished") running.delete(event.report.name)
          most = Math.max(most, running.size)
          const onCores = [...running].filter((node) => node.startsWith("heavy.core")).length
          const onAll = [...running].filter((node) => node.startsWith("heavy")).length - onCores
          heaviest = Math.max(heaviest, onAll)
          singles = Math.max(singles, onCores)
          if (onAll > 0) mixed = Math.max(mixed, onCores)
        },
      }).pipe(Effect.provide(services(freshStore())), (effect) => {
        setMischief({ sleepMs: { g: 200, h: 200, i: 200, c: 200, d: 200, e: 200, p: 1500, q: 1500 } })
        return effect
      }),
    )
    expect({ heaviest, mixed, singles }).toEqual({ heaviest: 1, mixed: 0, singles: cores })
    expect(most).toBe(2 + cores)
  })

  it("C21 where the jobs are not said, what occupies a core takes none", async () => {
    const config = (node: string, text = node) => ({ node, text, used: true })
    const plan = planOf({
      eval: [
        ...["c", "d", "e"].map((node) => heavy(config(node, "core"), {}, node).text),
        ...["p", "q"].map((node) => make(config(node), {}, node).text),
      ],
    })
    let [now, most] = [0, 0]
    setMischief({})
    await Effect.runPromise(
      run(plan, {
        onEvent: (event) => {
          if (event._tag === "NodeStarted") most = Math.max(most, ++now)
          if (event._tag === "NodeFinished") now--
        },
      }).pipe(Effect.provide(services(freshStore())), (effect) => {
        setMischief({ sleepMs: { c: 300, d: 300, e: 300, p: 300, q: 300 } })
        return effect
      }),
    )
    expect(most).toBe(2 + Math.min(3, availableParallelism()))
  })

  it("C22 only what the targets need runs", async () => {
    const store = freshStore()
    const ran = await runIn(store, Either.getOrThrow(selectTargets(diamond(), ["join.left"])))
    expect(ran.executed).toEqual(["a", "left"])
    expect(ran.report.targets).toEqual({ "join.left": ["join.left"] })
  })

  it("C23 a display that throws does not disturb the run", async () => {
    setMischief({})
    const report = await Effect.runPromise(
      run(diamond(), {
        onEvent: () => {
          throw new Error("display")
        },
      }).pipe(Effect.provide(services(freshStore()))),
    )
    expect(report.outcome).toBe("succeeded")
  })
})
