import type { CandidatesSummary, EvaluationSummary, KindSlice, SystemSummary } from "../schemas/index.ts"

/** One collection's summary, under the name that the table gives it. */
export interface DatasetSummary {
  readonly dataset: string
  readonly summary: EvaluationSummary
}

interface Line {
  readonly label: string
  readonly cells: ReadonlyArray<string>
}

const formatValue = (measure: string, value: number | undefined): string => {
  if (value === undefined) return "–"
  return /^Num/.test(measure) ? String(value) : value.toFixed(4)
}

const queriesText = (count: number): string => `${count.toLocaleString("en-US")} ${count === 1 ? "query" : "queries"}`

/** Keeps the first of each, in order. */
const distinct = <A>(values: Iterable<A>): ReadonlyArray<A> => [...new Set(values)]

const sliceLines = (
  measures: ReadonlyArray<string>,
  systems: ReadonlyArray<SystemSummary>,
  candidates: CandidatesSummary | undefined,
): ReadonlyArray<Line> => [
  ...systems.map(
    (row): Line => ({
      label: row.missing === 0 ? row.system : `${row.system} (${queriesText(row.missing)} without result)`,
      cells: measures.map((measure) => formatValue(measure, row.measures[measure])),
    }),
  ),
  ...(candidates === undefined
    ? []
    : [
        {
          label: `oracle @${candidates.depth} · recall ${candidates.recall.toFixed(4)}`,
          cells: measures.map((measure) => formatValue(measure, candidates.oracle[measure])),
        },
      ]),
]

/** The kinds worth a block of their own: with a single kind, `all` says it all. */
const slicesOf = (rows: ReadonlyArray<SystemSummary>): ReadonlyArray<KindSlice> => {
  const kinds = distinct(rows.map((row) => row.kind))
  return kinds.length <= 2 ? kinds.filter((kind) => kind === "all") : kinds
}

/**
 * The result table as text: for each collection and split a block, in it the systems for all queries and per kind, and below
 * them what the candidates allow: their recall, and the best score any reranker of them could reach.
 */
export const renderResultTable = (datasets: ReadonlyArray<DatasetSummary>): string => {
  const blocks: Array<string> = []
  for (const { dataset, summary } of datasets) {
    const { measures } = summary
    for (const split of distinct(summary.systems.map((row) => row.split))) {
      const rows = summary.systems.filter((row) => row.split === split)
      const slices = slicesOf(rows).map((kind) => {
        const ofKind = rows.filter((row) => row.kind === kind)
        const candidates = summary.candidates.find((row) => row.split === split && row.kind === kind)
        const only = distinct(rows.map((row) => row.kind)).filter((other) => other !== "all")
        const name = kind === "all" && only.length === 1 ? `all, each a ${only[0]!} query` : kind
        const queries = ofKind[0]?.queries ?? 0
        return {
          heading: `${name} · ${queriesText(queries)}`,
          lines: sliceLines(measures, ofKind, candidates),
        }
      })
      const title = `${dataset} · ${split}`
      const labels = slices.flatMap((slice) => [
        `  ${slice.heading}`,
        ...slice.lines.map((line) => `    ${line.label}`),
      ])
      const labelWidth = Math.max(title.length, ...labels.map((label) => label.length))
      const widths = measures.map((measure, column) =>
        Math.max(measure.length, ...slices.flatMap((slice) => slice.lines.map((line) => line.cells[column]!.length))),
      )
      const row = (label: string, cells: ReadonlyArray<string>): string =>
        [label.padEnd(labelWidth), ...cells.map((cell, column) => cell.padStart(widths[column]!))].join("  ").trimEnd()
      blocks.push(
        [
          row(title, measures),
          ...slices.flatMap((slice) => [
            `  ${slice.heading}`,
            ...slice.lines.map((line) => row(`    ${line.label}`, line.cells)),
          ]),
        ].join("\n"),
      )
    }
  }
  return blocks.join("\n\n")
}
