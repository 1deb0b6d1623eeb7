import { type StatisticalTest, weightingNames } from "../schemas/index.ts"
import type { Comparison, ComparisonOptions } from "../stages/evaluate/index.ts"
import { correctionNames, testNames } from "./ResultTable.ts"
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

/**
 * Comparisons of one split for people: a line for each pair, measure and kind, with every test's adjusted p, and below it
 * what was done and what has to be known of it.
 *
 * @param rows as `compareSystems` gives them.
 */
export const comparisonGrid = (
  title: string,
  rows: ReadonlyArray<Comparison>,
  options: ComparisonOptions,
  several: boolean,
): TextGrid => {
  const percent = Number((100 * (1 - options.alpha)).toPrecision(6))
  const [first] = options.tests
  const corrections =
    options.tests.every((test) => test === "tukey") || options.correction === "none"
      ? []
      : [`p adjusted by ${correctionNames[options.correction]} over ${familySize(rows, options)} comparisons`]
  const said = remarks(rows)
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
      `${mark} p ≤ ${options.alpha} by ${testNames[first]}`,
      ...corrections,
      `Δ is system less baseline, its interval ${intervalNames[options.interval]}; d_z is Cohen's; needed is the number of queries to see Δ with power ${options.power}`,
      ...(several ? [weightingNames[options.weighting]] : []),
      ...said,
    ],
  }
}
