import type {
  CandidatesSummary,
  EvaluationSummary,
  KindSlice,
  Significance,
  SignificanceSummary,
  SystemSummary,
} from "../schemas/index.ts"
import { correctedTogether, correctionOver, isShown, sweepNotes, testNames, wasChosen } from "../schemas/index.ts"
import { displayWidth, paddedAfter } from "./DisplayWidth.ts"
import { wrapped } from "./TextGrid.ts"

/** One collection's summary, under the name that the table gives it. */
export interface DatasetSummary {
  readonly dataset: string
  readonly summary: EvaluationSummary
  /** Which differences are marked; none where the systems were not compared. */
  readonly significance?: SignificanceSummary
}

/** A longer title has a line of its own. */
const longestTitle = 24

/** Characters of a note's line, without its indentation. */
const noteWidth = 76

/** Marks of baselines, in the order of the baselines. */
const marks = ["†", "‡", "§", "¶", "‖", "#"] as const

interface Line {
  readonly label: string
  readonly cells: ReadonlyArray<string>
}

/** A figure: four decimals, or where the measure counts a whole number, of means of such with one decimal. */
export const formatValue = (measure: string, value: number | undefined): string => {
  if (value === undefined) return "–"
  if (!/^Num/.test(measure)) return value.toFixed(4)
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}

/** `6,980 queries`. */
export const queriesText = (count: number): string =>
  `${count.toLocaleString("en-US")} ${count === 1 ? "query" : "queries"}`

/** Keeps the first of each, in order. */
export const distinct = <A>(values: Iterable<A>): ReadonlyArray<A> => [...new Set(values)]

/** The marks of a figure: one for each baseline that the system differs from. */
export type MarksOf = (row: SystemSummary, measure: string) => string

/** Finds the marks of figures. */
export const marksOf = (significance: SignificanceSummary | undefined): MarksOf => {
  if (significance === undefined) return () => ""
  const { alpha, baselines, rows } = significance
  const keyOf = ({ split, kind, measure, system }: Pick<Significance, "split" | "kind" | "measure" | "system">) =>
    [split, kind, measure, system].join("\t")
  const found = new Map<string, string>()
  for (const row of rows) {
    const mark = marks[baselines.indexOf(row.baseline)]
    if (mark !== undefined && row.adjusted <= alpha) found.set(keyOf(row), (found.get(keyOf(row)) ?? "") + mark)
  }
  return ({ split, kind, system }, measure) => found.get(keyOf({ split, kind, measure, system })) ?? ""
}

/** What the marks of a split's figures say, of those that stand there; nothing where nothing was compared. */
export const legendOf = (significance: SignificanceSummary | undefined, split: string): ReadonlyArray<string> => {
  if (significance === undefined) return []
  const { test, correction, alpha, baselines, rows } = significance
  const compared = rows.filter((row) => row.split === split)
  if (compared.length === 0) return []
  const how = test === "tukey" ? "" : `, ${correctionOver(correction, correctedTogether(significance, split))}`
  const marked = new Set(compared.filter(({ adjusted }) => adjusted <= alpha).map(({ baseline }) => baseline))
  const names = baselines.flatMap((baseline, position) =>
    marked.has(baseline) ? [`${marks[position] ?? ""} differs from ${baseline}`] : [],
  )
  const said = names.length === 0 ? `nothing differs from ${baselines.join(" or ")}` : names.join(", ")
  return [`  ${said} (${testNames[test]}${how}, p ≤ ${alpha})`]
}

/** A row of the table: a system, or several that differ by the seed, with their mean and its standard deviation. */
export interface TableRow {
  readonly label: string
  readonly figure: (measure: string) => string
  readonly unjudged: number
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The standard deviation of a sample. */
const deviation = (values: ReadonlyArray<number>): number => {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/** The mean over the seeds, marked where every seed's figure is. */
const repeatedRow = (system: string, rows: ReadonlyArray<SystemSummary>, marked: MarksOf): TableRow => ({
  label: `${system} (${rows.length} seeds)`,
  figure: (measure) => {
    const values = rows.flatMap((row) => row.measures[measure] ?? [])
    if (values.length < rows.length) return "–"
    const shared = rows
      .map((row) => marked(row, measure))
      .reduce((common, own) => [...common].filter((mark) => own.includes(mark)).join(""))
    return `${formatValue(measure, mean(values))} ±${formatValue(measure, deviation(values))}${shared}`
  },
  unjudged: mean(rows.map(({ unjudged }) => unjudged)),
})

const singleRow = (row: SystemSummary, marked: MarksOf): TableRow => ({
  label: row.missing === 0 ? row.system : `${row.system} (${queriesText(row.missing)} without result)`,
  figure: (measure) => formatValue(measure, row.measures[measure]) + marked(row, measure),
  unjudged: row.unjudged,
})

/** The rows of one split and slice of the queries; systems that differ by the seed share one, at the place of the first. */
export const tableRows = (
  summary: EvaluationSummary,
  rows: ReadonlyArray<SystemSummary>,
  marked: MarksOf,
): ReadonlyArray<TableRow> =>
  rows.flatMap((row) => {
    if (!isShown(summary.sweeps, row.split, row.system)) return []
    const repeated = summary.repeats.find(({ of }) => of.includes(row.system))
    const of = repeated === undefined ? [] : rows.filter(({ system }) => repeated.of.includes(system))
    const chosen = wasChosen(summary.sweeps, row.system) ? " *" : ""
    const asChosen = (made: TableRow): TableRow => ({ ...made, label: made.label + chosen })
    if (repeated === undefined || of.length < 2) return [asChosen(singleRow(row, marked))]
    return of[0] === row ? [asChosen(repeatedRow(repeated.system, of, marked))] : []
  })

/** What has to be said of figures with a deviation; nothing where there is none. */
export const seedsLegend = ({ repeats }: EvaluationSummary): ReadonlyArray<string> =>
  repeats.length === 0
    ? []
    : ["  ± is the standard deviation over the seeds; a mark stands where it would with each of them alone"]

/** What has to be known of a split's figures, but for the marks: what was chosen, what the collection and its judgements are like. */
export const notesOf = (
  summary: EvaluationSummary,
  split: string,
  significance: SignificanceSummary | undefined,
): ReadonlyArray<string> => [
  ...sweepNotes(summary.sweeps, split, significance).map((note) => `  ${note}`),
  ...summary.notes.filter((note) => note.split === split).map(({ text }) => `  ${text}`),
]

const sliceLines = (
  measures: ReadonlyArray<string>,
  rows: ReadonlyArray<TableRow>,
  candidates: CandidatesSummary | undefined,
): ReadonlyArray<Line> => [
  ...rows.map(
    ({ figure, label, unjudged }): Line => ({
      label,
      cells: [...measures.map(figure), `${(100 * unjudged).toFixed(0)}%`],
    }),
  ),
  ...(candidates === undefined
    ? []
    : [
        {
          label: `oracle @${candidates.depth}`,
          cells: [...measures.map((measure) => formatValue(measure, candidates.oracle[measure])), ""],
        },
      ]),
]

/** The kinds worth a block of their own: with a single kind, `all` says it all. */
export const slicesOf = (rows: ReadonlyArray<SystemSummary>): ReadonlyArray<KindSlice> => {
  const kinds = distinct(rows.map((row) => row.kind))
  return kinds.length <= 2 ? kinds.filter((kind) => kind === "all") : kinds
}

/** A note below a table, in lines that fit a terminal. */
const noteLines = (note: string): ReadonlyArray<string> =>
  wrapped(note.trim(), noteWidth).map((line, at) => `${at === 0 ? "  " : "    "}${line}`)

/**
 * The result table as text: for each collection and split a block, in it the systems for all queries and per kind, and below
 * them what the candidates allow: their recall, and the best score any reranker of them could reach. The last column is the
 * share of the first ten results that nobody judged. Figures that differ from a baseline's are marked, and below the block
 * stands by which test. The usual measures and names of usual lengths fit 80 columns.
 */
export const renderResultTable = (datasets: ReadonlyArray<DatasetSummary>): string => {
  const blocks: Array<string> = []
  for (const { dataset, summary, significance } of datasets) {
    const { measures } = summary
    const marked = marksOf(significance)
    for (const split of distinct(summary.systems.map((row) => row.split))) {
      const rows = summary.systems.filter((row) => row.split === split)
      const slices = slicesOf(rows).map((kind) => {
        const ofKind = rows.filter((row) => row.kind === kind)
        const candidates = summary.candidates.find((row) => row.split === split && row.kind === kind)
        const only = distinct(rows.map((row) => row.kind)).filter((other) => other !== "all")
        const name = kind === "all" && only.length === 1 ? `all, each a ${only[0]!} query` : kind
        const queries = ofKind[0]?.queries ?? 0
        const recall = candidates === undefined ? "" : ` · candidates' recall ${candidates.recall.toFixed(4)}`
        return {
          heading: `${name} · ${queriesText(queries)}${recall}`,
          lines: sliceLines(measures, tableRows(summary, ofKind, marked), candidates),
        }
      })
      const title = `${dataset} · ${split}`
      const shownLabels = slices.flatMap(({ lines }) => lines.map(({ label }) => displayWidth(label) + 4))
      const labelWidth = Math.max(displayWidth(title) > longestTitle ? 0 : displayWidth(title), ...shownLabels)
      // Deviations and marks hang to the right of the figures, so that the figures stand below each other.
      const lengthOf = (cell: string): number => cell.replace(/(?: ±\S+?)?[†‡§¶‖#]*$/, "").length
      const columns = [...measures, "unjudged"].map((name, column) => {
        const cells = slices.flatMap((slice) => slice.lines.map((line) => line.cells[column]!))
        const hanging = Math.max(0, ...cells.map((cell) => cell.length - lengthOf(cell)))
        return { name, hanging, width: Math.max(name.length, ...cells.map((cell) => lengthOf(cell) + hanging)) }
      })
      const placed = (cell: string, column: number): string => {
        const { hanging, width } = columns[column]!
        return `${cell}${" ".repeat(hanging - (cell.length - lengthOf(cell)))}`.padStart(width)
      }
      const row = (label: string, cells: ReadonlyArray<string>): string =>
        [paddedAfter(label, labelWidth), ...cells.map(placed)].join("  ").trimEnd()
      blocks.push(
        [
          ...(displayWidth(title) > labelWidth ? [title] : []),
          [
            paddedAfter(displayWidth(title) > labelWidth ? "" : title, labelWidth),
            ...columns.map(({ name, width }) => name.padStart(width)),
          ].join("  "),
          ...slices.flatMap((slice) => [
            `  ${slice.heading}`,
            ...slice.lines.map((line) => row(`    ${line.label}`, line.cells)),
          ]),
          ...[
            ...legendOf(significance, split),
            ...seedsLegend(summary),
            ...notesOf(summary, split, significance),
          ].flatMap(noteLines),
        ].join("\n"),
      )
    }
  }
  return blocks.join("\n\n")
}
