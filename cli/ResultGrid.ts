import {
  type DatasetSummary,
  distinct,
  formatValue,
  legendOf,
  marksOf,
  notesOf,
  queriesText,
  seedsLegend,
  slicesOf,
  tableRows,
} from "./ResultTable.ts"
import type { TextGrid } from "./TextGrid.ts"

/** The result table for papers and pages: a grid for each collection, split and slice of the queries. */
export const resultGrids = (datasets: ReadonlyArray<DatasetSummary>): ReadonlyArray<TextGrid> =>
  datasets.flatMap(({ dataset, summary, significance }) => {
    const { candidates, measures, systems } = summary
    const marked = marksOf(significance)
    return distinct(systems.map((row) => row.split)).flatMap((split) => {
      const ofSplit = systems.filter((row) => row.split === split)
      return slicesOf(ofSplit).map((kind): TextGrid => {
        const rows = ofSplit.filter((row) => row.kind === kind)
        const oracle = candidates.find((row) => row.split === split && row.kind === kind)
        const which = kind === "all" ? "" : ` · ${kind}`
        return {
          title: `${dataset} · ${split}${which} · ${queriesText(rows[0]?.queries ?? 0)}`,
          columns: [{ name: "System", align: "left" }, ...measures.map((name) => ({ name, align: "right" }) as const)],
          rows: [
            ...tableRows(summary, rows, marked).map(({ figure, label }) => [label, ...measures.map(figure)]),
            ...(oracle === undefined
              ? []
              : [
                  [
                    `oracle @${oracle.depth}, recall ${oracle.recall.toFixed(4)}`,
                    ...measures.map((measure) => formatValue(measure, oracle.oracle[measure])),
                  ],
                ]),
          ],
          notes: [
            ...legendOf(significance, split),
            ...seedsLegend(summary),
            ...notesOf(summary, split, significance),
          ].map((line) => line.trim()),
        }
      })
    })
  })

/** The result table as one flat table with every digit, for other programs. */
export const resultRows = (
  datasets: ReadonlyArray<DatasetSummary>,
): { readonly columns: ReadonlyArray<string>; readonly rows: ReadonlyArray<ReadonlyArray<string | number | null>> } => {
  const measures = distinct(datasets.flatMap(({ summary }) => summary.measures))
  return {
    columns: ["dataset", "split", "kind", "system", "queries", "missing", ...measures],
    rows: datasets.flatMap(({ dataset, summary }) =>
      summary.systems.map((row) => [
        dataset,
        row.split,
        row.kind,
        row.system,
        row.queries,
        row.missing,
        ...measures.map((measure) => row.measures[measure] ?? null),
      ]),
    ),
  }
}
