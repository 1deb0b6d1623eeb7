import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { headline } from "../../stages/report/page/headline.ts"
import type { DatasetModel, ReportModel, SystemRow } from "../../stages/report/page/ReportModel.ts"
import { marksLegend } from "../../stages/report/page/significance.ts"
import {
  addressOf,
  changed,
  initialView,
  listOrders,
  outcomes,
  shownOf,
  type View,
  viewAt,
} from "../../stages/report/page/View.ts"

const names = ["bm25", "a b", "лес=&#%+@,", "model/1"] as const
const measures = ["RR@10", "nDCG@10", "nDCG(dcg='exp-log2')@5"] as const

const rowOf = (system: string, split: string, kind: string, value: number): SystemRow => ({
  ...{ system, split, kind, queries: 6, missing: 0, unjudged: 0, intervals: {} },
  means: Object.fromEntries(measures.map((measure) => [measure, value])),
})

const datasetOf = (name: string, more: Partial<DatasetModel> = {}): DatasetModel => ({
  name,
  measures,
  systems: names,
  splits: [
    { name: "dev", queries: 6, kinds: ["question"], notes: [] },
    { name: "test", queries: 6, kinds: ["question", "browse"], notes: [] },
  ],
  rows: names.flatMap((system, i) =>
    ["all", "question", "browse"].map((kind) => rowOf(system, "test", kind, 0.5 + i / 100)),
  ),
  ...{ candidates: [], sweeps: [], hasProfile: false, hasTraining: false },
  ...more,
})

const model: ReportModel = { depth: 10, moves: 100, datasets: [datasetOf("one"), datasetOf("two & more")] }

const keysOf = <A extends object>(of: A) => Object.keys(of).filter((key): key is Extract<keyof A, string> => key in of)

/** Any view that choosing on the page can come to. */
const views: fc.Arbitrary<View> = fc
  .record({
    dataset: fc.nat({ max: 1 }),
    split: fc.nat({ max: 1 }),
    kind: fc.constantFrom("all", "question", "browse"),
    measure: fc.nat({ max: 2 }),
    first: fc.nat({ max: 3 }),
    second: fc.nat({ max: 3 }),
    sort: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
    depth: fc.constantFrom("nDCG", "R"),
    cost: fc.constantFrom("time" as const, "pairs" as const),
    training: fc.constantFrom("", ...names),
    find: fc.string({ unit: "grapheme" }),
    change: fc.constantFrom(...keysOf(outcomes)),
    list: fc.constantFrom(...keysOf(listOrders)),
    whole: fc.boolean(),
    query: fc.option(fc.string({ unit: "grapheme", minLength: 1 }), { nil: undefined }),
    made: fc.option(fc.constantFrom(...names), { nil: undefined }),
  })
  // The dev split has one kind of query.
  .map((view) => ({ ...view, kind: view.split === 0 ? "all" : view.kind }))

describe("the page's state", () => {
  it("P30 the address says the whole view, whatever names, words and ids hold", () => {
    fc.assert(
      fc.property(views, (view) => {
        const address = addressOf(model, view)
        expect(address).toMatch(/^[^\s#<>"]*$/)
        expect(viewAt(model, `#${address}`)).toEqual(view)
      }),
      { numRuns: 500, seed: 30 },
    )
  })

  it("P30 an address is read by people, and says nothing where nothing was chosen", () => {
    const opened = initialView(model)
    expect(addressOf(model, opened)).toBe("")
    expect(viewAt(model, "")).toEqual(opened)
    const view = { ...opened, kind: "browse", second: 1, find: "harbour tower", query: "q12" }
    expect(addressOf(model, view)).toBe("kind=browse&with=a+b&find=harbour+tower&query=q12")
  })

  it("P30 what an address names and the page has not stays as it opens, and nothing breaks", () => {
    expect(viewAt(model, "#measure=P@7&with=nobody&kind=browse&sort=&=&%&cost=much&collection=three")).toEqual({
      ...initialView(model),
      kind: "browse",
    })
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(viewAt(model, text)).toBeDefined()
      }),
      { numRuns: 300, seed: 31 },
    )
  })

  it("P25 opens with nDCG@10 where it was measured, else with the first measure", () => {
    expect(shownOf(model, initialView(model)).measure).toBe("nDCG@10")
    const without = { ...model, datasets: [datasetOf("one", { measures: ["RR@10", "AP"] })] }
    expect(shownOf(without, initialView(without)).measure).toBe("RR@10")
  })

  it("P30 another collection begins anew, and a query belongs to its split and kind", () => {
    const view = { ...initialView(model), query: "q1", find: "x", measure: 0 }
    expect(changed(model, view, { dataset: 1 })).toEqual(initialView(model, 1))
    expect(changed(model, view, { kind: "browse" })).toEqual({ ...view, kind: "browse", query: undefined })
    expect(changed(model, view, { measure: 2 })).toEqual({ ...view, measure: 2 })
  })
})

describe("the page's sentences", () => {
  const slice = { split: "test", kind: "all", measure: "nDCG@10" } as const
  const system = (name: string) => ({ system: name }) as const

  const withSignificance = (
    adjusted: number,
    standing: Partial<NonNullable<DatasetModel["significance"]>["standings"][number]>,
  ): DatasetModel["significance"] => {
    const made: DatasetModel["significance"] = JSON.parse(
      JSON.stringify({
        ...{ test: "t", correction: "holm", family: "table", alpha: 0.05, baselines: ["bm25"] },
        rows: names.slice(1).map((name, i) => ({
          ...{ ...slice, ...system(name), baseline: "bm25", difference: 0.01 * (i + 1) },
          ...{ adjusted, queries: 6, needed: 253 - i },
        })),
        standings: [
          {
            ...{ ...slice, queries: 6, systems: 4, first: ["model/1"], mean: 0.53, level: [...names.slice(0, 3)] },
            ...{ next: { system: names[2], mean: 0.52, adjusted: 0.8, needed: 900 }, pairs: 6, ...standing },
          },
        ],
      }),
    )
    return made
  }

  const headlineOf = (significance: DatasetModel["significance"]) => {
    const of = { ...model, datasets: [datasetOf("one", significance === undefined ? {} : { significance })] }
    return headline(shownOf(of, initialView(of)))
  }

  it("P22 no system is said to be best that tests do not separate from the next", () => {
    expect(headlineOf(withSignificance(0.7, {}))).toEqual({
      title: "No system can be told from bm25 on 6 queries; 251 would be needed",
      deck: [
        "nDCG@10 on one, test split: the largest difference is +0.0300 of model/1 (p = 0.7000, paired t test, Holm’s correction over 3 comparisons).",
      ],
    })
    expect(headlineOf(withSignificance(0.01, {})).title).toBe(
      "model/1, bm25 and 2 others are too close to call on 6 queries; 900 would be needed to tell the first two apart",
    )
    expect(headlineOf(withSignificance(0.01, { level: [] })).title).toBe("model/1 scores highest on 6 queries")
    expect(headlineOf(undefined)).toEqual({
      title: "4 systems on one",
      deck: ["nDCG@10 from 0.5000 to 0.5300 over 6 queries of the test split; no test says how sure their order is."],
    })
  })

  it("P23 the legend names the marks that stand among the rows, and where none does says so", () => {
    const legend = (adjusted: number) => {
      const significance = withSignificance(adjusted, {})
      const dataset = datasetOf("one", significance === undefined ? {} : { significance })
      return marksLegend(
        dataset,
        dataset.rows.filter(({ kind }) => kind === "all"),
      )
    }
    expect(legend(0.01)).toEqual([
      "† differs from bm25 (paired t test, Holm’s correction over 3 comparisons, p ≤ 0.05)",
    ])
    expect(legend(0.2)).toEqual([
      "Nothing differs from bm25 (paired t test, Holm’s correction over 3 comparisons, p ≤ 0.05)",
    ])
  })
})
