import { axisX, dot, gridX, link, pointer, ruleX, tip } from "@observablehq/plot"
import { contentOf, showSection } from "./dom.ts"
import { h } from "./Markup.ts"
import { changeText, countText } from "./numbers.ts"
import type { Page, Part } from "./Part.ts"
import { clearPlots, drawPlot, ticksIn, widthIn } from "./plots.ts"
import type { ComparisonRow } from "./ReportModel.ts"
import { marksLegend, testName } from "./View.ts"

const rowHeight = 30

const pText = (p: number): string => (p < 0.0001 ? "< 0.0001" : p.toFixed(4))

/** The numbers of a comparison: p by each test in turn. */
const cells = (tests: ReadonlyArray<ComparisonRow>): ReadonlyArray<string> => {
  const [first] = tests
  if (first === undefined) return []
  const { system, baseline, difference, lower, upper, effect, wins, ties, losses, needed } = first
  return [
    `${system} − ${baseline}`,
    changeText(difference),
    lower === null || upper === null ? "–" : `${changeText(lower)} to ${changeText(upper)}`,
    effect === null ? "–" : effect.toFixed(2),
    `${countText(wins)}/${countText(ties)}/${countText(losses)}`,
    ...tests.map(({ adjusted }) => pText(adjusted)),
    needed === null ? "–" : countText(needed),
  ]
}

/** How far each system is from a baseline in the mean, with the interval, and by which test that is more than chance. */
export const comparisonPlot = (page: Page): Part => ({
  draw: async ({ view, dataset, split, measure }) => {
    const { significance } = dataset
    const isCompared = significance !== undefined && significance.rows.length > 0
    showSection("comparisons", isCompared)
    if (!isCompared) return
    const rows = (await page.blocks.comparisons(view.dataset)).filter(
      (row) => row.split === split.name && row.kind === view.kind && row.measure === measure,
    )
    const tests = [...new Set(rows.map(({ test }) => test))]
    const marking = rows.filter(({ test }) => test === significance.test)
    const host = contentOf("comparisons")
    clearPlots(host)
    if (marking.length === 0) return
    const nameOf = ({ system, baseline }: ComparisonRow): string =>
      significance.baselines.length > 1 ? `${system} − ${baseline}` : system
    const names = marking.map(nameOf)
    const isFound = ({ adjusted }: ComparisonRow): boolean => adjusted <= significance.alpha
    const width = Math.min(widthIn(host), 860)
    const ticks = ticksIn(width - 140)
    const longest = Math.max(...names.map((name) => name.length))
    const baselines = significance.baselines.join(", ")
    drawPlot(
      host,
      {
        width,
        height: names.length * rowHeight + 48,
        marginLeft: Math.min(220, 16 + longest * 7.4),
        marginRight: 24,
        x: { label: null, nice: true, zero: true },
        y: { domain: names, label: null, tickSize: 0 },
        marks: [
          gridX({ stroke: "var(--rule)", strokeOpacity: 1, ticks }),
          axisX({
            anchor: "bottom",
            label: null,
            tickSize: 0,
            ticks,
            tickFormat: (value: number) => changeText(value, 2),
          }),
          ruleX([0], { stroke: "var(--ink)" }),
          link(
            marking.filter(({ lower, upper }) => lower !== null && upper !== null),
            {
              x1: "lower",
              x2: "upper",
              y1: nameOf,
              y2: nameOf,
              stroke: (row: ComparisonRow) => (isFound(row) ? "var(--accent)" : "var(--muted)"),
              strokeWidth: 2,
            },
          ),
          dot(marking, {
            x: "difference",
            y: nameOf,
            r: 4.5,
            fill: (row: ComparisonRow) => (isFound(row) ? "var(--accent)" : "var(--paper)"),
            stroke: (row: ComparisonRow) => (isFound(row) ? "var(--accent)" : "var(--muted)"),
            strokeWidth: 1.8,
          }),
          tip(
            marking,
            pointer({
              x: "difference",
              y: nameOf,
              title: (row: ComparisonRow) =>
                [
                  `${row.system} − ${row.baseline}: ${changeText(row.difference)}`,
                  `p ${pText(row.adjusted)} after correction`,
                  `${row.wins} wins, ${row.ties} ties, ${row.losses} losses`,
                  ...(row.note === null ? [] : [row.note]),
                ].join("\n"),
            }),
          ),
        ],
      },
      {
        description: `Mean difference in ${measure} from ${baselines}, with 95 % intervals: ${marking.map((row) => `${nameOf(row)} ${changeText(row.difference)}`).join(", ")}`,
        caption: [
          h("strong", {}, `${measure}: difference from ${baselines}`),
          `. Filled: ${marksLegend(dataset).replace(/^\S+ /, "")}`,
        ],
        data: {
          columns: [
            "Comparison",
            "Difference",
            "95 % interval",
            "d",
            "Win/tie/loss",
            ...tests.map((test) => `p, ${testName(test)}`),
            "Queries needed",
          ],
          rows: marking.map((row) =>
            cells(
              tests.flatMap(
                (test) =>
                  rows.find(
                    (each) => each.test === test && each.system === row.system && each.baseline === row.baseline,
                  ) ?? [],
              ),
            ),
          ),
        },
      },
    )
  },
})
