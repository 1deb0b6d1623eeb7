import { describe, expect, it } from "vitest"
import { efficient, logTicks } from "../../stages/report/page/costAxis.ts"
import { costsOf } from "../../stages/report/page/costs.ts"
import type { MadeBy } from "../../stages/report/page/ReportModel.ts"

const record = (
  node: string,
  seconds: number,
  facts: MadeBy["facts"],
  above: Readonly<Record<string, ReadonlyArray<string>>> = {},
): MadeBy => ({
  ...{ node, stage: node.split(".")[0] ?? "", key: node, config: {}, code: "", packages: {}, native: {} },
  inputs: Object.fromEntries(
    Object.entries(above).map(([port, nodes]) => [
      port,
      nodes.map((each) => ({ node: each, output: "run", hash: `#${each}` })),
    ]),
  ),
  outputs: { run: { hash: `#${node}`, bytes: 1, rows: 1 } },
  ...{ facts, warnings: [], run: "", at: "", seconds, platform: "", nodejs: "", host: "", executor: null, parts: [] },
})

const records = [
  record("ingest.import", 100, {}),
  record("index", 50, {}),
  record("train.t5", 500, { queries: 9000 }),
  record("retrieve.bm25", 4, { queries: 800 }, { index: ["index"] }),
  record("candidates", 2, { queries: 800 }, { run: ["retrieve.bm25"] }),
  record(
    "rerank.t5",
    400,
    { pairs: 80_000, queries: 800, deviceName: "a CPU" },
    {
      candidates: ["candidates"],
      model: ["train.t5"],
    },
  ),
  record("rerank.killed", 100, { pairs: 80_000, queries: 800, shareBefore: 0.75 }, { candidates: ["candidates"] }),
  record("interpolate.t5", 8, { weight: 0.5 }, { candidates: ["candidates"], run: ["rerank.t5"] }),
  record("rerank.given", 10, { pairs: 800, queries: 800 }, { candidates: ["joined"] }),
  record("joined", 1, { queries: 800 }, { run: ["ingest.import"] }),
]

const systems = ["bm25", "t5", "killed", "t5+bm25", "imported", "given"]
const made = ["retrieve.bm25", "rerank.t5", "rerank.killed", "interpolate.t5", "ingest.import", "rerank.given"]
const costs = costsOf({ records, entries: [systems.map((name, i) => ({ name, hash: `#${made[i]}` }))] }, 0, systems)
const costOf = (system: string) => costs.find((each) => each.system === system)

describe("what systems cost", () => {
  it("P29 a query costs the time of each stage that ranked for it, over the queries that it ranked", () => {
    expect(costOf("bm25")).toMatchObject({ milliseconds: 5, pairsPerSecond: undefined })
    expect(costOf("t5")).toMatchObject({ milliseconds: 505, pairsPerSecond: 200, device: "a CPU" })
    expect(costOf("t5")?.parts.map(({ node }) => node)).toEqual(["rerank.t5", "retrieve.bm25"])
    // Ten milliseconds for the mixing; BM25 ranked once.
    expect(costOf("t5+bm25")).toMatchObject({ milliseconds: 515, pairsPerSecond: 200 })
  })

  it("P29 a run that was killed costs what it would have, had it done all itself", () => {
    expect(costOf("killed")).toMatchObject({ milliseconds: 505, pairsPerSecond: 200 })
  })

  it("P29 what came from outside has no cost, and nothing that was built on it", () => {
    expect(costOf("imported")?.milliseconds).toBeUndefined()
    expect(costOf("given")).toMatchObject({ milliseconds: undefined, pairsPerSecond: 80 })
  })

  it("P29 the line joins the systems that no other is both better and cheaper than", () => {
    const points = [
      { cost: 1, value: 0.3 },
      { cost: 2, value: 0.2 },
      { cost: 3, value: 0.5 },
      { cost: 3, value: 0.6 },
      { cost: 9, value: 0.6 },
    ]
    expect(efficient(points, false)).toEqual([points[0], points[3]])
    expect(efficient(points, true)).toEqual([points[4]])
  })

  it("P29 a logarithmic axis has three ticks or more, of few digits", () => {
    expect(logTicks(0.5, 2000)).toEqual([1, 10, 100, 1000])
    expect(logTicks(3, 27)).toEqual([5, 10, 20])
    expect(logTicks(0.0011, 0.0049)).toEqual([0.002, 0.003, 0.004])
  })
})
