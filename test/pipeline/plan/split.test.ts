import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import {
  type Executor,
  inProcess,
  nodesNamed,
  type RunOptions,
  renderReason,
  run,
  shardRange,
  stage,
} from "../../../pipeline/index.ts"
import { executed, make, planOf, services, setMischief, Text } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-split-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

let made = 0
const Config = Schema.Struct({ shards: Schema.optionalWith(Schema.Int, { exact: true }) })

/** Writes the letters of its input in capitals, each part its own. */
const capitals = stage({
  name: "capitals",
  config: Config,
  inputs: { text: Text },
  outputs: { text: Text },
  code: "test/support/smallDag.ts",
  load: async () => ({
    run: ({ inputs, outputs, shard }) =>
      Effect.sync(() => {
        made++
        const text = readFileSync(join(inputs.text.path, "text.txt"), "utf8")
        const { from, to } = shard === undefined ? { from: 0, to: text.length } : shardRange(shard, text.length)
        writeFileSync(join(outputs.text, "text.txt"), text.slice(from, to).toUpperCase())
        return { facts: { letters: to - from } }
      }),
  }),
  split: {
    shards: ({ shards = 1 }) => shards,
    code: "test/pipeline/plan/split.test.ts",
    load: async () => ({
      merge: ({ facts, outputs, shards }) =>
        Effect.sync(() => {
          const texts = shards.text.map(({ path }) => readFileSync(join(path, "text.txt"), "utf8"))
          writeFileSync(join(outputs.text, "text.txt"), texts.join(""))
          return { facts: { letters: facts.map(({ letters }) => letters ?? null) } }
        }),
    }),
  },
})

const plan = (shards?: number, text = "abcdefghij") => {
  const source = make({ node: "a", text, used: true }, {}, "a")
  const whole = capitals(shards === undefined ? {} : { shards }, { text: source.text }, "x")
  return planOf({ eval: make_(whole.text) })
}
/** Reads the whole, as any later stage does. */
const make_ = (text: Parameters<typeof capitals>[1]["text"]) => capitals({}, { text }, "after").text

const runIn = (store: string, shards: number | undefined, options: RunOptions = {}, text?: string) =>
  Effect.runPromise(run(plan(shards, text), options).pipe(Effect.provide(services(join(scratch, store)))))

describe("a divided stage", () => {
  it("C180 a node that asks for parts is a node for each and one of its own name that joins them", () => {
    const { nodes } = plan(3)
    expect(nodes.map(({ node }) => node.name)).toEqual([
      "make.a",
      "capitals.x.1of3",
      "capitals.x.2of3",
      "capitals.x.3of3",
      "capitals.x",
      "capitals.after",
    ])
    expect(nodes.map(({ dependencies }) => dependencies)).toEqual([[], [0], [0], [0], [0, 1, 2, 3], [4]])
    expect([...Effect.runSync(nodesNamed(plan(3), ["capitals.x"]))].length).toBe(4)
  })

  it("C180 the parts' results joined are the whole's, and each part is kept and found by itself", async () => {
    const whole = await runIn("whole", undefined)
    const parts = await runIn("parts", 5)
    const output = (report: typeof whole, name: string) =>
      report.nodes.find((node) => node.name === name)?.outputs["text"]?.hash
    expect(output(parts, "capitals.x")).toBe(output(whole, "capitals.x"))
    expect(parts.nodes.find(({ name }) => name === "capitals.x")?.facts).toEqual({ letters: [2, 2, 3, 2, 3] })
    made = 0
    const again = await runIn("parts", 5, { force: ["capitals.x.2of5"] })
    expect(made).toBe(1)
    expect(again.nodes.filter(({ status }) => status === "ran").map(({ name }) => name)).toEqual(["capitals.x.2of5"])
  })

  it("C180 parts of another number are no latest results any more, so that they can be collected", async () => {
    const latest = () => readdirSync(join(scratch, "former/latest")).filter((name) => name.startsWith("capitals.x"))
    for (const [shards, parts] of [
      [3, ["capitals.x.1of3", "capitals.x.2of3", "capitals.x.3of3"]],
      [2, ["capitals.x.1of2", "capitals.x.2of2"]],
      [undefined, []],
    ] as const) {
      await runIn("former", shards)
      expect(latest().sort()).toEqual(["capitals.x", ...parts])
      expect(readFileSync(join(scratch, "former/latest/capitals.x/text.txt"), "utf8")).toContain("ABCDEFGHIJ")
    }
  })

  it("C180 what a part's reason is compared with is the same part, or another number of them", async () => {
    const reasons = (report: Awaited<ReturnType<typeof runIn>>) =>
      report.nodes.flatMap(({ name, reason }) => (name.endsWith("of3") ? [renderReason(reason).join(" ")] : []))
    expect(reasons(await runIn("reasons", 3))).toEqual(Array.from({ length: 3 }, () => "this stage never ran before"))
    const changed = reasons(await runIn("reasons", 3, {}, "abcdefghik"))
    expect(changed.map((reason) => reason.includes("inputs.text"))).toEqual([true, true, true])
    expect(changed.join()).not.toContain("shard")
    await runIn("reasons", 2)
    expect((await runIn("reasons", 4)).nodes.find(({ name }) => name.endsWith("2of4"))?.reason).toMatchObject({
      _tag: "KeyChanged",
    })
  })

  it("C181 how many parts there are is in the key, and without parts the key is what it was", async () => {
    const keys = async (shards: number | undefined) =>
      (await runIn(`keys-${shards}`, shards)).nodes.find(({ name }) => name === "capitals.x")?.key
    const [none, one, two, three] = [await keys(undefined), await keys(1), await keys(2), await keys(3)]
    expect(plan(undefined).nodes[1]?.node).toMatchObject({ config: {} })
    expect(new Set([none, one, two, three]).size).toBe(4)
    const configs = plan(2).nodes.map(({ node }) => (node._tag === "StageNode" ? node.config : undefined))
    expect(configs.slice(1, 4)).toEqual([
      { shards: 2, shard: { part: 1, of: 2 } },
      { shards: 2, shard: { part: 2, of: 2 } },
      { shards: 2 },
    ])
  })

  it("C180 parts cover everything once, in order, and differ by one at most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 50 }), fc.integer({ min: 0, max: 500 }), (of, count) => {
        const ranges = Array.from({ length: of }, (_, at) => shardRange({ part: at + 1, of }, count))
        expect(ranges[0]?.from).toBe(0)
        expect(ranges.at(-1)?.to).toBe(count)
        for (let at = 1; at < of; at++) expect(ranges[at]?.from).toBe(ranges[at - 1]?.to)
        const sizes = ranges.map(({ from, to }) => to - from)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it("C207 at most 500 parts of a node are asked for at once, and all are made", async () => {
    let [atOnce, most] = [0, 0]
    const counting: Executor = (making, plan) =>
      Effect.map(inProcess(making, plan), (make) => (task) => {
        most = Math.max(most, ++atOnce)
        return Effect.ensuring(
          make(task),
          Effect.sync(() => atOnce--),
        )
      })
    made = 0
    const report = await runIn("many", 510, { executor: counting })
    expect([most, made]).toEqual([500, 511])
    expect(report.nodes.every(({ status }) => status === "ran")).toBe(true)
  }, 60_000)

  it("C180 a part whose input is damaged or changed is made again, and nothing else", async () => {
    const journal = join(scratch, "journal")
    setMischief({ journal })
    await runIn("changed", 2)
    made = 0
    await runIn("changed", 2, {}, "abcdefghik")
    expect(executed(journal)).toEqual(["a", "a"])
    expect(made).toBe(3)
  })
})
