import { areaY, lineY, pointer, tip } from "@observablehq/plot"
import { fileNameOf } from "./fileName.ts"
import { h } from "./Markup.ts"
import { below, beside, marginFor, namesAtEnds } from "./marks.ts"
import { valueText } from "./numbers.ts"
import { lookAt } from "./Palette.ts"
import { chosenAbove, type Page, type Part, plotPart } from "./Part.ts"
import type { PlotSpec } from "./PlotSpec.ts"
import type { ProfileCurve } from "./ReportModel.ts"
import { kindsOf, type Shown } from "./View.ts"

/** One value of a curve. */
interface Point {
  readonly system: string
  readonly depth: number
  readonly value: number
  readonly lower: number | null
  readonly upper: number | null
}

const pointsOf = ({ lower, system, upper, values }: ProfileCurve): ReadonlyArray<Point> =>
  values.map((value, i) => ({ system, depth: i + 1, value, lower: lower[i] ?? null, upper: upper[i] ?? null }))

/** Depths on the axis, and in the plot's table. */
const told: ReadonlyArray<number> = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000]

/** On an axis that is narrower than so many pixels. */
const toldNarrow: ReadonlyArray<number> = [1, 3, 10, 30, 100, 300, 1000]
const narrow = 280

const plotHeight = 300
/** What a name needs below another, so that a plot of many systems is higher. */
const nameHeight = 15

const kindPlot = (
  shown: Shown,
  family: string,
  kind: string,
  curves: ReadonlyArray<ProfileCurve>,
  [low, high]: readonly [number, number],
): PlotSpec => {
  const { dataset, firstSystem, placeOf, secondSystem, split } = shown
  const depth = Math.max(...curves.map(({ values }) => values.length))
  const depths = told.filter((at) => at <= depth)
  const isPair = (system: string): boolean => system === firstSystem || system === secondSystem
  // The compared pair is drawn last, above the others.
  const ordered = [...curves].sort((a, b) => Number(isPair(a.system)) - Number(isPair(b.system)))
  const hasBands = curves.some(({ lower, system }) => isPair(system) && lower.some((bound) => bound !== null))
  const which = kind === "all" ? "all queries" : `${kind} queries`
  return {
    description: `Mean ${family} of each system at depths 1 to ${depth}, ${which}`,
    caption: [
      h("strong", {}, `${family}@depth`),
      `, ${which}`,
      hasBands && `; the bands are 95 % intervals of ${firstSystem} and ${secondSystem}`,
      ".",
    ],
    data: {
      file: fileNameOf({ ...shown, view: { ...shown.view, kind } }, family, "depth"),
      title: `${family} by depth on ${dataset.name}, ${split.name}, ${which}`,
      columns: [
        { name: "System" },
        { name: "Depth", text: String },
        ...[family, "95 % from", "to"].map((name) => ({ name, text: (value: number) => valueText(family, value) })),
      ],
      rows: curves.flatMap((curve) =>
        pointsOf(curve)
          .filter((point) => depths.includes(point.depth))
          .map(({ depth, lower, system, upper, value }) => [system, depth, value, lower, upper]),
      ),
    },
    options: (canvas) => {
      const { colours, isLive, width } = canvas
      const look = (system: string) => lookAt(colours, placeOf(system))
      const named = curves.map(({ system, values }) => ({
        name: system,
        x: values.length,
        y: values.at(-1) ?? 0,
        look: look(system),
        isStrong: isPair(system),
      }))
      const marginRight = marginFor(
        named.map(({ name }) => name),
        canvas,
      )
      const ticks = width - marginRight < narrow ? toldNarrow.filter((at) => at <= depth) : depths
      return {
        width,
        height: Math.max(plotHeight, curves.length * nameHeight + 80),
        marginLeft: 40,
        marginRight,
        marginTop: 30,
        marginBottom: 44,
        x: { type: "log", domain: [1, Math.max(2, depth)] },
        y: { domain: [low, high], nice: true },
        marks: [
          ...beside(colours, { label: family, ticks: 5 }),
          below(colours, { label: "depth", ticks, tickFormat: String }),
          ...ordered
            .filter(({ system }) => isPair(system))
            .map((curve) =>
              areaY(
                pointsOf(curve).filter(({ lower }) => lower !== null),
                { x: "depth", y1: "lower", y2: "upper", fill: look(curve.system).colour, fillOpacity: 0.13 },
              ),
            ),
          ...ordered.map((curve) =>
            lineY(pointsOf(curve), {
              x: "depth",
              y: "value",
              stroke: look(curve.system).colour,
              strokeDasharray: look(curve.system).dashes,
              strokeWidth: isPair(curve.system) ? 2.4 : 1.3,
            }),
          ),
          namesAtEnds(named, canvas),
          ...(isLive
            ? [
                tip(
                  curves.flatMap(pointsOf),
                  pointer({
                    x: "depth",
                    y: "value",
                    title: ({ depth, lower, system, upper, value }: Point) =>
                      [
                        system,
                        `${family}@${depth} ${valueText(family, value)}`,
                        ...(lower === null || upper === null
                          ? []
                          : [`95 % ${valueText(family, lower)} to ${valueText(family, upper)}`]),
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

/** What a measure comes to when the list is read to depth 1, 2, 3, …: for each kind of query a plot, all on one scale. */
export const depthPlots = (page: Page): Part =>
  plotPart("depth", [...chosenAbove, "depth"], 2, async (shown) => {
    const { dataset, firstSystem, secondSystem, split, view } = shown
    if (!dataset.hasProfile) return { plots: [] }
    const ofSplit = (await page.blocks.profile(view.dataset)).filter((curve) => curve.split === split.name)
    const families = [...new Set(ofSplit.map(({ measure }) => measure))]
    const family = families.find((each) => each === view.depth) ?? families[0] ?? ""
    const kinds = view.kind !== "all" || kindsOf(split).length === 0 ? [view.kind] : kindsOf(split)
    const curves = ofSplit.filter(({ kind, measure }) => measure === family && kinds.includes(kind))
    if (curves.length === 0) return { plots: [] }
    const bounds = curves.flatMap(({ lower, system, upper, values }) => [
      ...values,
      ...(system === firstSystem || system === secondSystem ? [...lower, ...upper] : []),
    ])
    const known = bounds.filter((bound) => bound !== null)
    const scale = [Math.min(...known), Math.max(...known)] as const
    return {
      choice: {
        field: "depth",
        label: "Measure over depth",
        chosen: family,
        options: families.map((value) => ({ value, text: value })),
      },
      plots: kinds.map((kind) =>
        kindPlot(
          shown,
          family,
          kind,
          curves.filter((curve) => curve.kind === kind),
          scale,
        ),
      ),
    }
  })
