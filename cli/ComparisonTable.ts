import * as Schema from "effect/Schema"
import {
  conclude,
  correctionOver,
  Significance,
  type Standing,
  type StatisticalTest,
  testNames,
  weightingNames,
} from "../schemas/index.ts"
import { type Comparison, type ComparisonOptions, FEW_QUERIES } from "../stages/evaluate/index.ts"
import type { TextGrid } from "./TextGrid.ts"

const signed = (value: number | null, digits: number): string =>
  value === null ? "–" : `${value > 0 ? "+" : ""}${value.toFixed(digits)}`

const smallest = 0.0001
const probability = (p: number): string => (p < smallest ? `<${smallest}` : p.toFixed(4))

const shortNames: Readonly<Record<StatisticalTest, string>> = {
  t: "p t",
  wilcoxon: "p Wilcoxon",
  randomization: "p Fisher",
  tukey: "p Tukey",
}

const intervalNames: Readonly<Record<ComparisonOptions["interval"], string>> = {
  student: "Student's",
  percentile: "bootstrap",
  bca: "bootstrap BCa",
}

/** What the first test marks a difference with. */
const mark = "†"

/** The rows of one pair, measure and kind: they differ by their test. */
const byPair = (rows: ReadonlyArray<Comparison>, tests: number): ReadonlyArray<ReadonlyArray<Comparison>> =>
  Array.from({ length: rows.length / tests }, (_, at) => rows.slice(at * tests, (at + 1) * tests))

/** How many comparisons each test's correction is over, of the whole table or the largest column. */
const familySize = (rows: ReadonlyArray<Comparison>, options: ComparisonOptions): number => {
  const ofFirst = rows.filter(({ test }) => test === options.tests[0])
  if (options.family === "table") return ofFirst.length
  const columns = new Map<string, number>()
  for (const { kind, measure } of ofFirst) {
    const column = `${kind}\t${measure}`
    columns.set(column, (columns.get(column) ?? 0) + 1)
  }
  return Math.max(...columns.values())
}

/** What is remarkable of some rows, and of which. */
const remarks = (rows: ReadonlyArray<Comparison>): ReadonlyArray<string> => {
  const places = new Map<string, Set<string>>()
  for (const { baseline, kind, measure, note, system } of rows) {
    for (const remark of note?.split("; ") ?? []) {
      if (remark === "exact" || remark === weightingNames.datasets) continue
      const of = places.get(remark) ?? new Set()
      places.set(remark, of.add(`${kind} ${measure} of ${system} − ${baseline}`))
    }
  }
  const most = 3
  return [...places].map(([remark, of]) => {
    const named = [...of].slice(0, most).join(", ")
    return `${remark}: ${named}${of.size > most ? ` and ${of.size - most} more` : ""}`
  })
}

/** Which interval stands in the table, and why in some rows there is none. */
const intervalSaid = (rows: ReadonlyArray<Comparison>, options: ComparisonOptions): string => {
  const name =
    options.tests[0] === "tukey" ? "Tukey's, of all pairs at once" : `${intervalNames[options.interval]}, of each alone`
  const few = rows.some(({ lower, queries }) => lower === null && queries <= FEW_QUERIES)
  return `${name}, cut where no difference can be${few ? ` (none for ${FEW_QUERIES} queries and fewer)` : ""}`
}

const decodeCompared = Schema.decodeUnknownSync(Schema.Array(Significance))

/** Who is first by the first measure, of all queries and of each kind, as far as the tests say. */
const conclusions = (
  rows: ReadonlyArray<Comparison>,
  standings: ReadonlyArray<Standing>,
  options: ComparisonOptions,
): ReadonlyArray<string> => {
  const [test] = options.tests
  const ofMeasure = standings.filter(({ measure }) => measure === standings[0]?.measure)
  return ofMeasure.map((standing) => {
    const compared =
      options.pairs === "all"
        ? []
        : rows.filter((row) => row.test === test && row.kind === standing.kind && row.measure === standing.measure)
    const tested = { ...options, test, comparisons: familySize(rows, options) }
    const { because, says } = conclude(standing, tested, decodeCompared(compared))
    const which = ofMeasure.length === 1 ? "" : `, ${standing.kind}`
    return `${standing.measure}${which}: ${says}: ${because}`
  })
}

/**
 * Comparisons of one split for people: a line for each pair, measure and kind, with every test's adjusted p, and below it
 * what was done and what has to be known of it.
 *
 * @param rows as `compareSystems` gives them, `standings` of the same table.
 */
export const comparisonGrid = (
  title: string,
  rows: ReadonlyArray<Comparison>,
  standings: ReadonlyArray<Standing>,
  options: ComparisonOptions,
  several: boolean,
): TextGrid => {
  const percent = Number((100 * (1 - options.alpha)).toPrecision(6))
  const [first] = options.tests
  const corrections =
    options.tests.every((test) => test === "tukey") || options.correction === "none"
      ? []
      : [`p adjusted by ${correctionOver(options.correction, familySize(rows, options))}`]
  const said = remarks(rows)
  const marked = rows.some(({ adjusted, test }) => test === first && adjusted <= options.alpha)
  return {
    title,
    columns: [
      { name: "kind", align: "left" },
      { name: "measure", align: "left" },
      { name: "baseline", align: "left" },
      { name: "system", align: "left" },
      { name: "queries", align: "right" },
      { name: "means", align: "right" },
      { name: "Δ", align: "right" },
      { name: `${percent}% interval`, align: "right" },
      { name: "d_z", align: "right" },
      { name: "win/tie/loss", align: "right" },
      ...options.tests.map((test) => ({ name: shortNames[test], align: "right" as const })),
      { name: "needed", align: "right" },
    ],
    rows: byPair(rows, options.tests.length).map((pair) => {
      const row = pair[0]!
      return [
        row.kind,
        row.measure,
        row.baseline,
        row.system,
        String(row.queries),
        `${row.mean_baseline.toFixed(4)} → ${row.mean_system.toFixed(4)}`,
        `${signed(row.difference, 4)}${row.adjusted <= options.alpha ? mark : " "}`,
        row.lower === null ? "–" : `[${signed(row.lower, 4)}, ${signed(row.upper, 4)}]`,
        signed(row.effect, 3),
        `${row.wins}/${row.ties}/${row.losses}`,
        ...pair.map(({ adjusted }) => probability(adjusted)),
        row.needed === null ? "–" : String(row.needed),
      ]
    }),
    notes: [
      ...conclusions(rows, standings, options),
      marked ? `${mark} p ≤ ${options.alpha} by ${testNames[first]}` : `no p ≤ ${options.alpha} by ${testNames[first]}`,
      ...corrections,
      `Δ is system less baseline, its interval ${intervalSaid(rows, options)}; d_z is Cohen's; needed is the number of queries to see Δ with power ${options.power}`,
      ...(several ? [weightingNames[options.weighting]] : []),
      ...said,
    ],
  }
}
