import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { displayWidth } from "../../cli/DisplayWidth.ts"
import { describeNode, describeProgress, makeRunDisplay, reasonLine } from "../../cli/RunDisplay.ts"
import { rendered } from "../../cli/Terminal.ts"
import { makePlan, type NodeReport, type Reason, type RunEvent, stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"

const report: NodeReport = {
  name: "index",
  stage: "index",
  status: "ran",
  seconds: 2.5,
  savedSeconds: undefined,
  key: "k",
  reason: { _tag: "NoPreviousRun" },
  outputs: { index: { kind: "bm25-index", hash: "h", path: "/p", bytes: 1_234_567, rows: 5183 } },
  warnings: [],
  facts: {},
  madeBy: { host: "here" },
}

const events: ReadonlyArray<RunEvent> = [
  { _tag: "NodeStarted", node: "index", reason: { _tag: "NoPreviousRun" } },
  { _tag: "NodeProgress", node: "index", progress: { done: 1000, total: 5000, unit: "passages" } },
  { _tag: "NodeWarning", node: "index", message: "3 passages are empty" },
  { _tag: "NodeFinished", node: "index", report },
]

const shown = (mode: "tty" | "plain" | "json", columns = 80): string => {
  let text = ""
  let clock = 0
  const display = makeRunDisplay(mode, { write: (said) => (text += rendered(said)), columns }, () => (clock += 500))
  for (const event of events) display.onEvent(event)
  display.close()
  return text
}

describe("display of a run", () => {
  it("L6 elsewhere than on a terminal each event is a plain line", () => {
    expect(shown("plain")).toBe(
      "▸ index  started · this stage never ran before\n! index  3 passages are empty\n✓ index  ran · 2.50 s · index 5,183, 1.2 MB\n",
    )
  })

  it("L6 on a terminal a running stage has a line with rows, share, rate and time left, redrawn in place", () => {
    const text = shown("tty")
    expect(text).toContain("1,000 of 5,000 passages · 20%")
    expect(text).toContain("left")
    expect(text).toContain("\u001b[1A\u001b[0J")
    expect(text.endsWith("✓ index  ran · 2.50 s · index 5,183, 1.2 MB\n")).toBe(true)
    for (const line of shown("tty", 40).split("\n"))
      expect(line.replace("\u001b[1A\u001b[0J", "").length).toBeLessThan(60)
  })

  it("L6 what is on its way from or to a shared store has a line while it is, and one when it has come", () => {
    const shared = { node: "model.big", address: "s3://lab/x", direction: "pulled" } as const
    const moving: ReadonlyArray<RunEvent> = [
      { _tag: "NodeMoving", ...shared, done: 100e6, total: 400e6 },
      { _tag: "NodeMoving", ...shared, done: 200e6, total: 400e6 },
      { _tag: "NodeMoved", ...shared, bytes: 400e6, seconds: 4 },
    ]
    const display = (mode: "tty" | "plain", tick: number): string => {
      let text = ""
      let clock = 0
      const output = { write: (said: Parameters<typeof rendered>[0]) => (text += rendered(said)), columns: 120 }
      const made = makeRunDisplay(mode, output, () => (clock += tick))
      for (const event of moving) made.onEvent(event)
      made.close()
      return text
    }
    const last = "↓ model.big  pulled 400 MB from s3://lab/x · 4.00 s\n"
    expect(display("tty", 500)).toMatch(/200 MB of 400 MB · 50% .*pulled from s3:\/\/lab\/x/)
    expect(display("tty", 500).endsWith(last)).toBe(true)
    expect(display("plain", 10)).toBe(last)
    expect(display("plain", 11_000)).toMatch(/▸ model\.big {2}200 MB of 400 MB.*\n↓/)
  })

  it("L211 a line that is redrawn is one line of the terminal, in any script", () => {
    let text = ""
    let clock = 0
    const output = { write: (said: Parameters<typeof rendered>[0]) => (text += rendered(said)), columns: 40 }
    const display = makeRunDisplay("tty", output, () => (clock += 500))
    const detail = "森林の港湾都市で船が入港する日の\n天気予報"
    display.onEvent({ _tag: "NodeStarted", node: "港", reason: { _tag: "NoPreviousRun" } })
    display.onEvent({ _tag: "NodeProgress", node: "港", progress: { done: 1, total: 5, unit: "passages", detail } })
    const lines = text.split("\u001b[1A\u001b[0J").at(-1)?.trimEnd().split("\n") ?? []
    expect(lines).toHaveLength(1)
    expect(displayWidth(lines[0] ?? "")).toBeLessThan(40)
    expect(lines[0]).toContain("港")
    display.close()
  })

  it("L6 as JSON each event is an object on a line", () => {
    const lines = shown("json").trim().split("\n")
    expect(lines.length).toBe(events.length)
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject(events.map(({ _tag }) => ({ _tag })))
  })

  it("L6 a stage that counts pairs is told with its rate", () => {
    const facts = { pairs: 24_530, truncated: 3 }
    expect(describeNode({ ...report, facts })).toBe("ran · 2.50 s · 9,812 pairs/s · index 5,183, 1.2 MB")
    expect(describeNode({ ...report, facts: { ...facts, shareBefore: 0.75 } })).toContain(" · 2,453 pairs/s · ")
    expect(describeNode({ ...report, facts, status: "hit", savedSeconds: 2.5 })).toBe(
      "hit · saved 2.50 s · index 5,183, 1.2 MB",
    )
  })

  it("L6 progress without a total says how many and how fast; bytes are told as bytes", () => {
    expect(describeProgress({ done: 3000, unit: "steps", detail: "loss 0.41" }, 2)).toBe(
      "3,000 steps · 1,500/s · loss 0.41",
    )
    expect(describeProgress({ done: 5e8, total: 1e9, unit: "bytes" }, 5)).toBe(
      "500 MB of 1.0 GB · 50% · 100 MB/s · 5.00 s left",
    )
  })

  it("L6 what a killed run had done counts for the share, not for rate and time left", () => {
    const resumed = { done: 600, resumedAt: 500, total: 1000, unit: "steps" }
    expect(describeProgress(resumed, 5)).toBe("600 of 1,000 steps · 60% · 20/s · 20.0 s left")
    expect(describeProgress({ ...resumed, done: 500 }, 5)).toBe("500 of 1,000 steps · 50%")
  })

  it("L55 a rate below one is told as the time that one takes", () => {
    const progress = (done: number, unit: string) => describeProgress({ done, total: 100, unit }, 47)
    expect(progress(10, "steps")).toBe("10 of 100 steps · 10% · 4.70 s a step · 7 m 03 s left")
    expect(progress(1, "queries")).toContain(" · 47.0 s a query · ")
    expect(progress(94, "texts")).toContain(" · 2/s · ")
    expect(progress(60, "texts")).toContain(" · 1.3/s · ")
    expect(describeNode({ ...report, seconds: 50, facts: { pairs: 10 } })).toContain(" · 5.00 s a pair · ")
  })

  it("L55 a changed key's reason says what changed, in the line that says that the stage starts", () => {
    const nearest = { key: "k", run: "r1", at: "2026-01-01T00:00:00Z" }
    const difference = (path: string) => ({ _tag: "Config", path, before: 0.9, after: 0.82 }) as const
    const reason = (names: ReadonlyArray<string>): Reason => ({
      _tag: "KeyChanged",
      nearest,
      differences: names.map(difference),
    })
    expect(reasonLine(reason(["k1"]))).toBe("changed since run r1: config.k1: 0.9 → 0.82")
    expect(reasonLine(reason(["a", "b", "c", "d", "e"]))).toMatch(/config\.c: 0\.9 → 0\.82 and 2 more$/)
  })

  describe("of a node in parts", () => {
    const Config = Schema.Struct({ shards: Schema.Int })
    const divided = stage({
      name: "rerank",
      config: Config,
      inputs: {},
      outputs: { run: Kinds.Run },
      code: "stages/rerank/rerank.ts",
      load: () => Promise.reject(new Error("nothing is run")),
      split: {
        shards: ({ shards }) => shards,
        code: "stages/rerank/joinRuns.ts",
        load: () => Promise.reject(new Error("nothing is run")),
      },
    })
    const plan = Either.getOrThrow(makePlan({ eval: divided({ shards: 4 }, {}, "x").run }))
    const part = (at: number, more: Partial<NodeReport> = {}): NodeReport => ({
      ...report,
      name: `rerank.x.${at}of4`,
      facts: { pairs: 1000 },
      madeBy: { host: `n${at}` },
      ...more,
    })
    const reason: Reason = { _tag: "NoPreviousRun" }
    const told: ReadonlyArray<RunEvent> = [
      { _tag: "PlanReady", run: "r", plan, jobs: 2 },
      { _tag: "NodeFinished", node: "rerank.x.1of4", report: part(1, { status: "hit" }) },
      { _tag: "NodeStarted", node: "rerank.x.2of4", reason },
      { _tag: "NodeStarted", node: "rerank.x.3of4", reason },
      { _tag: "NodeProgress", node: "rerank.x.2of4", progress: { done: 400, total: 1000, unit: "pairs" } },
      { _tag: "NodeFinished", node: "rerank.x.3of4", report: part(3) },
      { _tag: "NodeFinished", node: "rerank.x.2of4", report: part(2, { facts: {} }) },
      { _tag: "NodeStarted", node: "rerank.x.4of4", reason },
      { _tag: "NodeFinished", node: "rerank.x.4of4", report: part(4) },
      { _tag: "NodeStarted", node: "rerank.x", reason },
      {
        _tag: "NodeFinished",
        node: "rerank.x",
        report: { ...report, name: "rerank.x", facts: { pairs: 4000, shards: 4 } },
      },
    ]
    const shownOf = (mode: "tty" | "plain", tick: number, events = told): string => {
      let text = ""
      let clock = 0
      const output = { write: (said: Parameters<typeof rendered>[0]) => (text += rendered(said)), columns: 120 }
      const display = makeRunDisplay(mode, output, () => clock)
      for (const event of events) {
        clock += tick
        display.onEvent(event)
      }
      display.close()
      return text
    }

    it("L6 parts are told together: how many are done and at work, how fast, how long yet, and who made them", () => {
      expect(shownOf("plain", 100)).toBe(
        [
          "▸ rerank.x  started · this stage never ran before",
          "✓ rerank.x  4 parts · 3 ran, 1 hit · 600 ms · 4,000 pairs/s · 3 machines",
          "✓ rerank.x  ran · 2.50 s · index 5,183, 1.2 MB",
          "",
        ].join("\n"),
      )
      expect(shownOf("plain", 5000)).toContain(
        "▸ rerank.x  3 of 4 parts · 75% · 10.0 s a part · 10.0 s left · 70 pairs/s\n",
      )
      const live = shownOf("tty", 200)
      expect(live).toMatch(/1 of 4 parts · 25% · 2 at work/)
      expect(live).not.toMatch(/\dof4/)
    })

    it("L6 what went wrong with a part is told by itself", () => {
      const error = { _tag: "TaskDied", message: "it died" }
      const failed = part(2, { status: "failed", madeBy: undefined })
      const skipped = [3, 4].map((at): RunEvent => {
        const report = part(at, { status: "skipped", madeBy: undefined })
        return { _tag: "NodeSkipped", node: report.name, report }
      })
      const text = shownOf("plain", 100, [
        ...told.slice(0, 3),
        { _tag: "NodeWarning", node: "rerank.x.2of4", message: "3 were shortened" },
        { _tag: "NodeFailed", node: "rerank.x.2of4", error, report: failed },
        ...skipped,
      ])
      expect(text).toContain("! rerank.x.2of4  3 were shortened\n✗ rerank.x.2of4  failed\n")
      expect(text).toMatch(/✗ rerank\.x {2}4 parts · 1 hit, 1 failed, 2 skipped · /)
    })
  })
})
