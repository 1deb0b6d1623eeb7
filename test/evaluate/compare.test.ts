import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerDuckDb, readRows } from "../../pipeline/index.ts"
import {
  conclude,
  Kinds,
  type QueryKind,
  Random,
  type RowOf,
  SignificanceSummary,
  type Split,
  StatisticsConfig,
  SystemName,
} from "../../schemas/index.ts"
import { run as runStage } from "../../stages/evaluate/compare.ts"
import {
  CompareConfig,
  type Comparison,
  compareSystems,
  type ScoreTable,
  standings,
} from "../../stages/evaluate/index.ts"
import { adjustPValues, pairedT, randomizationTests, wilcoxon } from "../../stages/evaluate/statistics/index.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

type ScoreRow = RowOf<Kinds.Scores["columns"]>
type Settings = typeof StatisticsConfig.Encoded

const measures = ["nDCG@10", "RR@10", "NumRet"] as const

/** Scores of `systems` for queries of two kinds, `browse` for every third. */
const scoreRows = (
  systems: ReadonlyArray<string>,
  queries: number,
  options: { readonly split?: Split; readonly seed?: number; readonly kinds?: ReadonlyArray<QueryKind> } = {},
): ReadonlyArray<ScoreRow> => {
  const { split = "test", seed = 1, kinds = ["browse", "question", "question"] } = options
  return systems.flatMap((system, s) =>
    measures.flatMap((measure, m) =>
      Array.from({ length: queries }, (_, i) => {
        const random = new Random(seed, m, i, s)
        const level = new Random(seed, m, i).unit()
        const value = random.chance(0.3) ? 0 : (level + random.unit() + 0.1 * s) / 3
        return { system, split, qid: `q${100 + i}`, kind: kinds[i % kinds.length]!, measure, value }
      }),
    ),
  )
}

const compared = (
  datasets: Readonly<Record<string, ReadonlyArray<ScoreRow>>>,
  settings: Settings = {},
  names = Object.keys(datasets),
) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const outputs = { comparisons: temporaryFolder("comparisons"), significance: temporaryFolder("significance") }
    const scores = yield* Effect.forEach(Object.values(datasets), (rows) => storedTable(Kinds.Scores, rows))
    const result = yield* runStage({
      config: Schema.decodeUnknownSync(CompareConfig)({
        ...Schema.decodeSync(StatisticsConfig)(settings),
        datasets: names,
      }),
      inputs: { scores, swept: [] },
      outputs,
      scratch: temporaryFolder("scratch"),
      progress: () => undefined,
      warn: (message) => warnings.push(message),
    })
    return {
      result,
      warnings,
      outputs,
      rows: yield* readRows(storedFolder(Kinds.Comparisons, outputs.comparisons)),
      summary: Schema.decodeSync(Schema.parseJson(SignificanceSummary))(
        readFileSync(join(outputs.significance, "significance.json"), "utf8"),
      ),
    }
  }).pipe(Effect.provide(layerDuckDb()))

const columnOf = (rows: ReadonlyArray<ScoreRow>, system: string, measure: string, kind?: string): Float64Array =>
  Float64Array.from(
    rows.filter((row) => row.system === system && row.measure === measure && (kind ?? row.kind) === row.kind),
    ({ value }) => value,
  )

const find = (rows: ReadonlyArray<Comparison>, wanted: Partial<Comparison>): Comparison => {
  const found = rows.filter((row) =>
    Object.entries(wanted).every(([name, value]) => Object.entries(row).some(([n, v]) => n === name && v === value)),
  )
  if (found.length !== 1) throw new Error(`${found.length} rows are ${JSON.stringify(wanted)}`)
  return found[0]!
}

describe("the compare stage", () => {
  it.effect("E110 each row is the statistics of its pair, paired by query, corrected over the table", () =>
    Effect.gen(function* () {
      const rows = scoreRows(["bm25", "other", "third"], 90)
      const { rows: written, result, summary } = yield* compared({ d: rows })
      // Two systems, three kinds, two measures (NumRet is a count), three tests.
      expect(result.rows).toEqual({ comparisons: 36 })
      expect(new Set(written.map(({ measure }) => measure))).toEqual(new Set(["nDCG@10", "RR@10"]))
      for (const kind of ["all", "question", "browse"]) {
        const other = columnOf(rows, "other", "RR@10", kind === "all" ? undefined : kind)
        const bm25 = columnOf(rows, "bm25", "RR@10", kind === "all" ? undefined : kind)
        const differences = other.map((value, i) => value - bm25[i]!)
        const wanted = { kind, measure: "RR@10", system: "other" }
        const t = find(written, { ...wanted, test: "t" })
        expect(t).toMatchObject({ baseline: "bm25", split: "test", queries: other.length, p: pairedT(differences).p })
        expect(t.difference).toBeCloseTo(t.mean_system - t.mean_baseline, 12)
        expect(t.wins + t.ties + t.losses).toBe(other.length)
        expect(find(written, { ...wanted, test: "wilcoxon" }).p).toBe(wilcoxon(differences).p)
        const [fisher] = randomizationTests([other, bm25], [{ a: 0, b: 1 }], { permutations: 10_000, seed: 1 })
        expect(find(written, { ...wanted, test: "randomization" }).p).toBe(fisher?.p)
      }
      const family = written.filter(({ test }) => test === "t")
      expect(family.map(({ adjusted }) => adjusted)).toEqual([
        ...adjustPValues(
          Float64Array.from(family, ({ p }) => p),
          "holm",
        ),
      ])
      expect(summary).toMatchObject({ test: "t", correction: "holm", alpha: 0.05, baselines: ["bm25"] })
      expect(summary.rows.map(({ adjusted }) => adjusted)).toEqual(family.map(({ adjusted }) => adjusted))
    }),
  )

  it.effect("E110 corrections over a column concern one measure and kind", () =>
    Effect.gen(function* () {
      const { rows } = yield* compared({ d: scoreRows(["a", "bm25", "c"], 60) }, { family: "column", tests: ["t"] })
      const column = rows.filter(({ kind, measure }) => kind === "all" && measure === "nDCG@10")
      expect(column.map(({ adjusted }) => adjusted)).toEqual([
        ...adjustPValues(
          Float64Array.from(column, ({ p }) => p),
          "holm",
        ),
      ])
    }),
  )

  it.effect("E111 systems are paired on the union of their queries, misses are 0, and the note says so", () =>
    Effect.gen(function* () {
      const rows = scoreRows(["bm25", "other"], 40)
      const partly = rows.filter(({ system, qid }) => system !== "other" || qid >= "q105")
      const { rows: written } = yield* compared({ d: partly })
      const row = find(written, { kind: "all", measure: "RR@10", test: "t" })
      expect(row.queries).toBe(40)
      expect(row.note).toBe("5 queries without other count as 0")
      const other = columnOf(rows, "other", "RR@10").map((value, i) => (i < 5 ? 0 : value))
      expect(row.mean_system).toBeCloseTo(other.reduce((sum, value) => sum + value, 0) / 40, 12)
    }),
  )

  it.effect("E112 several baselines: each other system once with each, a pair of baselines once", () =>
    Effect.gen(function* () {
      const { rows, warnings } = yield* compared(
        { d: scoreRows(["a", "b", "c"], 20, { kinds: ["question"] }) },
        { baselines: ["b", "a", "bm25"], tests: ["t"] },
      )
      const pairs = new Set(rows.map(({ baseline, system }) => `${baseline} ${system}`))
      expect([...pairs]).toEqual(["b a", "b c", "a c"])
      expect(new Set(rows.map(({ kind }) => kind))).toEqual(new Set(["all"]))
      expect(warnings).toEqual(["there is no system «bm25» to compare with."])
    }),
  )

  it.effect("E113 a mean over collections weighs each the same, or each query, as asked, and says which", () =>
    Effect.gen(function* () {
      const many = scoreRows(["bm25", "x"], 60, { seed: 5 })
      const few = scoreRows(["bm25", "x"], 12, { seed: 6 })
      const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
      const byCollection = [many, few].map((rows) => mean(columnOf(rows, "x", "nDCG@10")))
      const datasets = yield* compared({ many, few }, { weighting: "datasets" })
      const queries = yield* compared({ many, few }, { weighting: "queries" })
      const wanted = { kind: "all", measure: "nDCG@10", test: "t" }
      const macro = find(datasets.rows, wanted)
      const micro = find(queries.rows, wanted)
      expect([macro.queries, micro.queries]).toEqual([72, 72])
      expect(macro.mean_system).toBeCloseTo((byCollection[0]! + byCollection[1]!) / 2, 12)
      expect(micro.mean_system).toBeCloseTo((60 * byCollection[0]! + 12 * byCollection[1]!) / 72, 12)
      expect(macro.note).toBe("each collection weighs the same")
      expect(micro.note).toBeNull()
    }),
  )

  it.effect("E106 the same scores give the same bytes", () =>
    Effect.gen(function* () {
      const bytes = (folder: string) => readdirSync(folder).map((file) => readFileSync(join(folder, file), "hex"))
      const settings = { tests: ["randomization", "tukey"], interval: "bca", permutations: 500 } as const
      const first = yield* compared({ d: scoreRows(["bm25", "b", "c"], 30) }, settings)
      const second = yield* compared({ d: scoreRows(["bm25", "b", "c"], 30) }, settings)
      expect(bytes(second.outputs.comparisons)).toEqual(bytes(first.outputs.comparisons))
      expect(bytes(second.outputs.significance)).toEqual(bytes(first.outputs.significance))
    }),
  )

  it("E107 all pairs by Tukey's test need no correction", () => {
    const names = ["a", "b", "c", "d"]
    const queries = Array.from({ length: 25 }, (_, i) => ({ dataset: "d", qid: `q${i}`, kind: "question" as const }))
    const scores = names.map((_, s) => [Float64Array.from(queries, (_, i) => new Random(s, i).unit() + s / 10)])
    const table: ScoreTable = {
      split: "test",
      systems: names,
      measures: ["AP"],
      queries,
      scores,
      missing: new Int32Array(4),
    }
    const options = Schema.decodeSync(StatisticsConfig)({ tests: ["tukey"], permutations: 999 })
    const rows = compareSystems(table, { ...options, pairs: "all" })
    expect(rows.map(({ baseline, system }) => baseline + system)).toEqual(["ab", "ac", "ad", "bc", "bd", "cd"])
    for (const { p, adjusted } of rows) expect(adjusted).toBe(p)
  })

  const tableOf = (scores: Readonly<Record<string, ReadonlyArray<number>>>): ScoreTable => ({
    split: "test",
    systems: Object.keys(scores),
    measures: ["AP"],
    queries: Object.values(scores)[0]!.map((_, i) => ({ dataset: "d", qid: `q${i}`, kind: "question" })),
    scores: Object.values(scores).map((values) => [Float64Array.from(values)]),
    missing: new Int32Array(Object.keys(scores).length),
  })
  const options = Schema.decodeSync(StatisticsConfig)({ tests: ["t"] })

  const concluded = (scores: Readonly<Record<string, ReadonlyArray<number>>>, settings: Settings = {}) => {
    const table = tableOf(scores)
    const how = { ...options, ...Schema.decodeSync(StatisticsConfig)({ tests: ["t"], ...settings }) }
    const [standing] = standings(table, how)
    const rows = compareSystems(table, { ...how, tests: [how.tests[0]], pairs: "baselines" })
    if (standing === undefined) throw new Error("no standing")
    const said = conclude(
      standing,
      { ...how, test: how.tests[0], comparisons: rows.length },
      Schema.decodeUnknownSync(SignificanceSummary.fields.rows)(rows),
    )
    return { standing, rows, ...said }
  }
  const around = (mean: number, n: number, seed: number, spread = 0.3): ReadonlyArray<number> =>
    Array.from({ length: n }, (_, i) => mean + (new Random(seed, i).unit() - 0.5) * spread)

  it("P22 nobody wins a tie", () => {
    const same = [0.2, 0.4, 0.9, 0.1, 0.3, 0.8]
    expect(concluded({ bm25: same, other: [...same].reverse() })).toMatchObject({
      found: "tie",
      says: "both systems tie on 6 queries",
      because: "0.4500 of each",
    })
    const three = concluded({ bm25: around(0.2, 60, 1), a: around(0.8, 60, 2), b: around(0.8, 60, 2).toReversed() })
    expect(three).toMatchObject({ found: "level", says: "a and b tie on 60 queries" })
  })

  it("P22 a system scores highest only where it is separated from each other one", () => {
    const clear = concluded({ bm25: around(0.3, 80, 1), a: around(0.5, 80, 2), b: around(0.7, 80, 3) })
    expect(clear).toMatchObject({ found: "single", standing: { first: ["b"], level: [], pairs: 3 } })
    expect(clear.says).toBe("b scores highest on 80 queries")
    expect(clear.because).toMatch(
      /^0\.6942; the next is a with 0\.4891 \(p < 0\.0001, paired t test, Holm's correction over the 3 pairs of systems by this measure\)$/,
    )
    const close = concluded({ bm25: around(0.3, 80, 1), a: around(0.69, 80, 2), b: around(0.7, 80, 3) })
    expect(close).toMatchObject({ found: "level", standing: { first: ["b"], level: ["a"] } })
    const { needed } = close.standing.next ?? {}
    expect(close.says).toBe(
      `b and a are too close to call on 80 queries; ${needed?.toLocaleString("en-US")} would be needed`,
    )
    expect(needed).toBeGreaterThan(80)
  })

  it("P22 where nothing differs from the baseline that is said, with the queries that the largest difference needs", () => {
    const said = concluded({ bm25: around(0.5, 6, 1, 0.8), a: around(0.52, 6, 2, 0.8), b: around(0.51, 6, 3, 0.8) })
    const largest = [...said.rows].sort((x, y) => Math.abs(y.difference) - Math.abs(x.difference))[0]
    expect(said.found).toBe("baseline")
    expect(said.says).toBe(
      `no system can be told from bm25 on 6 queries; ${largest?.needed?.toLocaleString("en-US")} would be needed`,
    )
    const two = concluded({ bm25: around(0.5, 6, 1, 0.8), a: around(0.52, 6, 2, 0.8) })
    expect(two.says).toMatch(/^a cannot be told from bm25 on 6 queries; /)
  })

  it("P22 of many that are level three are named, and queries that are there already are not asked for", () => {
    const level = Object.fromEntries(["a", "b", "c", "d", "e"].map((name, i) => [name, around(0.7, 40, 10 + i)]))
    const said = concluded({ bm25: around(0.2, 40, 1), ...level })
    expect(said.says).toMatch(/^\w and \w|^\w, \w and 3 others are too close to call on 40 queries/)
    const needless = conclude(
      { ...said.standing, next: { system: SystemName.make("b"), mean: 0.5, adjusted: 0.06, needed: 30 } },
      { test: "t", correction: "holm", alpha: 0.05, comparisons: 5 },
      [],
    )
    expect(needless.says).not.toContain("needed")
  })

  it.effect("P22 the compare stage writes who is first on each slice, for the page", () =>
    Effect.gen(function* () {
      const { summary } = yield* compared({ d: scoreRows(["bm25", "other", "third"], 90) })
      expect(summary.standings.map(({ kind, measure, pairs }) => [kind, measure, pairs])).toEqual(
        ["all", "question", "browse"].flatMap((kind) => ["nDCG@10", "RR@10"].map((measure) => [kind, measure, 3])),
      )
      for (const { first, level, mean, next } of summary.standings) {
        expect(mean).toBeGreaterThanOrEqual(next?.mean ?? 0)
        expect(level.includes(first[0])).toBe(false)
      }
    }),
  )

  it("P20 intervals of differences end at ±1, and of five queries there is none", () => {
    const scores = { bm25: [0, 0, 0, 0, 0, 0, 0.1], a: [1, 1, 1, 1, 1, 0, 1] }
    const [row] = compareSystems(tableOf(scores), { ...options, pairs: "baselines" })
    expect(row?.upper).toBe(1)
    expect(row?.lower).toBeGreaterThan(0)
    for (const test of ["t", "tukey"] as const) {
      const few = compareSystems(tableOf({ bm25: [0, 0.2, 0, 0.1, 0], a: [1, 0.5, 0.4, 1, 0.9] }), {
        ...options,
        tests: [test],
        pairs: "baselines",
      })
      expect(few.map(({ lower, upper }) => [lower, upper])).toEqual([[null, null]])
    }
  })

  it("P20 where a measure's values pass 1 its differences may too: grades as RBP's gains, a measure that is not known here", () => {
    const scores = { bm25: [0, 0, 0, 0, 0, 0, 0.1], a: [2, 3, 4, 2, 3, 0, 4] }
    for (const measure of ["RBP", "Gain@10"]) {
      const table = { ...tableOf(scores), measures: [measure] }
      const [row] = compareSystems(table, { ...options, pairs: "baselines" })
      // scipy 1.17: t.interval(0.95, 6, loc=2.5571428571, scale=sem).
      expect(row?.upper).toBeCloseTo(3.834029817814974, 9)
      expect(row?.lower).toBeCloseTo(1.28025589647074, 9)
    }
  })

  it("P21 the rows of Tukey's test have the interval that holds for all pairs at once", () => {
    const table = tableOf({ bm25: around(0.5, 40, 1), a: around(0.55, 40, 2), b: around(0.7, 40, 3) })
    const rows = compareSystems(table, { ...options, tests: ["t", "tukey"], pairs: "all" })
    const tukey = rows.filter(({ test }) => test === "tukey")
    const widths = tukey.map(({ lower, upper }) => (upper ?? 0) - (lower ?? 0))
    for (const width of widths) expect(width).toBeCloseTo(widths[0] ?? 0, 12)
    for (const { adjusted, lower, upper } of tukey)
      expect((lower ?? 0) > 0 || (upper ?? 0) < 0).toBe(adjusted <= options.alpha)
    const alone = rows.filter(({ test }) => test === "t").map(({ lower, upper }) => (upper ?? 0) - (lower ?? 0))
    expect(Math.max(...alone)).toBeLessThan(widths[0] ?? 0)
  })
})
