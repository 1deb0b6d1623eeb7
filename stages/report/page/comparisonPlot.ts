import { dot, link, pointer, ruleX, tip } from "@observablehq/plot"
import { fileNameOf } from "./fileName.ts"
import { h } from "./Markup.ts"
import { marginFor, rowNames, underRows } from "./marks.ts"
import { changeText, countText, percentText, pText } from "./numbers.ts"
import { lookAt } from "./Palette.ts"
import { chosenAbove, type Page, type Part, plotPart } from "./Part.ts"
import type { PlotSpec } from "./PlotSpec.ts"
import { ticksIn } from "./plots.ts"
import type { ComparisonRow } from "./ReportModel.ts"
import { howTested, testName } from "./significance.ts"
import type { Cell } from "./TableData.ts"
import type { Shown } from "./View.ts"

const rowHeight = 30

/** The numbers of a comparison: p by each test in turn. */
const cells = (tests: ReadonlyArray<ComparisonRow>): ReadonlyArray<Cell> => {
  const [first] = tests
  if (first === undefined) return []
  const { baseline, difference, effect, losses, lower, needed, queries, system, ties, upper, wins } = first
  return [
    ...[system, baseline, queries, difference, lower, upper, effect, wins, ties, losses],
    ...tests.map(({ adjusted }) => adjusted),
    needed,
  ]
}

/** How far each system is from a baseline in the mean, on the scale of all baselines. */
const againstBaseline = (
  shown: Shown,
  baseline: string,
  rows: ReadonlyArray<ComparisonRow>,
  extent: readonly [number, number],
): PlotSpec => {
  const { dataset, measure, placeOf, secondSystem } = shown
  const { significance } = dataset
  if (significance === undefined) throw new Error("a comparison without significance")
  const level = percentText(1 - significance.alpha, 0)
  const tests = [...new Set(rows.map(({ test }) => test))]
  const marking = rows.filter(({ test }) => test === significance.test)
  const isFound = ({ adjusted }: ComparisonRow): boolean => adjusted <= significance.alpha
  const interval =
    significance.test === "tukey"
      ? `the ${level} intervals hold for all pairs at once`
      : `each ${level} interval looks at one comparison alone`
  const found = marking.some(isFound) ? "Filled: differs" : "None differs"
  return {
    description: `Mean difference in ${measure} from ${baseline}, with ${level} intervals: ${marking.map((row) => `${row.system} ${changeText(row.difference)}`).join(", ")}`,
    caption: [
      h("strong", {}, `${measure}: difference from ${baseline}`),
      `. ${found} (${howTested(significance, shown.split.name)}); ${interval}${marking.some(({ lower }) => lower === null) ? " (none for 5 queries and fewer)" : ""}.`,
    ],
    widest: 860,
    data: {
      file: fileNameOf(shown, measure, "against", baseline),
      title: `${measure} on ${dataset.name}, ${shown.split.name}: difference from ${baseline}`,
      columns: [
        { name: "System" },
        { name: "Baseline" },
        { name: "Queries", text: countText },
        { name: "Difference", text: changeText },
        { name: `${level} from`, text: changeText },
        { name: "to", text: changeText },
        { name: "d_z", text: (value) => changeText(value, 2) },
        { name: "Wins", text: countText },
        { name: "Ties", text: countText },
        { name: "Losses", text: countText },
        ...tests.map((test) => ({ name: `p, ${testName(test)}`, text: pText })),
        { name: "Queries needed", text: countText },
      ],
      rows: marking.map((row) =>
        cells(tests.flatMap((test) => rows.find((each) => each.test === test && each.system === row.system) ?? [])),
      ),
    },
    options: (canvas) => {
      const { colours, isLive, width } = canvas
      const systems = marking.map(({ system }) => system)
      const look = (system: string) => lookAt(colours, placeOf(system))
      const colour = ({ system }: ComparisonRow) => look(system).colour
      const ticks = ticksIn(width - 140)
      return {
        width,
        height: systems.length * rowHeight + 58,
        marginLeft: marginFor(systems, canvas),
        marginRight: 24,
        marginTop: 8,
        marginBottom: 44,
        x: { domain: [...extent], nice: true },
        y: { domain: systems, axis: null },
        marks: [
          ...underRows(colours, {
            label: `${measure}, difference from ${baseline}`,
            ticks,
            tickFormat: (value: number) => changeText(value, 2),
          }),
          rowNames(
            systems.map((system) => ({ system, look: look(system), isStrong: system === secondSystem })),
            canvas,
          ),
          ruleX([0], { stroke: colours.ink }),
          link(
            marking.filter(({ lower, upper }) => lower !== null && upper !== null),
            { x1: "lower", x2: "upper", y1: "system", y2: "system", stroke: colour, strokeWidth: 2 },
          ),
          dot(marking, {
            x: "difference",
            y: "system",
            r: 4.5,
            fill: (row: ComparisonRow) => (isFound(row) ? colour(row) : colours.paper),
            stroke: colour,
            strokeWidth: 1.8,
          }),
          ...(isLive
            ? [
                tip(
                  marking,
                  pointer({
                    x: "difference",
                    y: "system",
                    title: (row: ComparisonRow) =>
                      [
                        `${row.system} − ${row.baseline}: ${changeText(row.difference)}`,
                        `p ${pText(row.adjusted)} after correction`,
                        `${row.wins} wins, ${row.ties} ties, ${row.losses} losses`,
                        ...(row.note === null ? [] : [row.note]),
                      ].join("\n"),
                  }),
                ),
              ]
            : []),
        ],
      }
    },
  }
}

/** How far each system is from the baselines in the mean, with the interval, and by which test that is more than chance. */
export const comparisonPlot = (page: Page): Part =>
  plotPart("comparisons", chosenAbove, 1, async (shown) => {
    const { dataset, measure, split, view } = shown
    const { significance } = dataset
    if (significance === undefined || significance.rows.length === 0) return { plots: [] }
    const rows = (await page.blocks.comparisons(view.dataset)).filter(
      (row) => row.split === split.name && row.kind === view.kind && row.measure === measure,
    )
    const marking = rows.filter(({ test }) => test === significance.test)
    const ends = marking.flatMap(({ difference, lower, upper }) => [lower ?? difference, upper ?? difference])
    const extent = [Math.min(0, ...ends), Math.max(0, ...ends)] as const
    const baselines = [...new Set(marking.map(({ baseline }) => baseline))]
    return {
      plots: baselines.map((baseline) =>
        againstBaseline(
          shown,
          baseline,
          rows.filter((row) => row.baseline === baseline),
          extent,
        ),
      ),
    }
  })
