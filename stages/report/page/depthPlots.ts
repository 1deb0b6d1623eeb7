import { axisX, axisY, gridY, lineY, pointer, text, tip } from "@observablehq/plot"
import { contentOf, fill, showSection, toElement } from "./dom.ts"
import { h } from "./Markup.ts"
import { valueText } from "./numbers.ts"
import type { Page, Part } from "./Part.ts"
import { drawPlot, nameOffsets, widthIn } from "./plots.ts"
import type { ProfileCurve } from "./ReportModel.ts"
import { kindsOf, type Shown } from "./View.ts"

/** One value of a curve. */
interface Point {
  readonly system: string
  readonly depth: number
  readonly value: number
}

const pointsOf = ({ system, values }: ProfileCurve): ReadonlyArray<Point> =>
  values.map((value, position) => ({ system, depth: position + 1, value }))

/** Depths that the table of a plot lists. */
const told = [1, 3, 5, 10, 20, 50, 100] as const

const plotHeight = 280

/** Depths on the axis; fewer where a plot is narrower than so many pixels. */
const ticks: ReadonlyArray<number> = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
const fewTicks: ReadonlyArray<number> = [1, 20, 50, 100]
const narrow = 500

/** What is shown first: the measure that the two kinds of searcher are held against. */
const firstFamily = "nDCG"

/** How a system's curve is drawn: the pair that is compared stands out from the others. */
const lookOf = (system: string, { firstSystem, secondSystem }: Shown) =>
  system === secondSystem
    ? { stroke: "var(--accent)", strokeWidth: 2.4, named: true }
    : system === firstSystem
      ? { stroke: "var(--ink)", strokeWidth: 2, named: true }
      : { stroke: "var(--muted)", strokeWidth: 1, named: false }

/** What a measure comes to when the list is read to depth 1, 2, 3, …: for each kind of query a plot, with a curve a system. */
export const depthPlots = (page: Page): Part => {
  const host = contentOf("depth")
  const choice = toElement(h("select", { "aria-label": "Measure over depth" }))
  const filters = toElement(h("div", { class: "filters" }))
  const grid = toElement(h("div", { class: "plots" }))
  filters.append(choice)
  host.append(filters, grid)
  let chosen: string | undefined
  let drawn: (() => void) | undefined

  const drawKind = (shown: Shown, measure: string, kind: string, curves: ReadonlyArray<ProfileCurve>): void => {
    const lines = curves
      .filter((curve) => curve.kind === kind)
      .map((curve) => ({ curve, look: lookOf(curve.system, shown) }))
    // The compared pair is drawn last, above the others.
    const ordered = [...lines].sort((a, b) => a.look.strokeWidth - b.look.strokeWidth)
    const depth = Math.max(...lines.map(({ curve }) => curve.values.length))
    const ends = lines
      .filter(({ look }) => look.named)
      .map(({ curve, look }) => ({ system: curve.system, value: curve.values[curve.values.length - 1] ?? 0, look }))
      .sort((a, b) => b.value - a.value)
    const all = lines.flatMap(({ curve }) => curve.values)
    const offsets = nameOffsets(
      ends.map(({ value }) => value),
      Math.min(...all),
      Math.max(...all),
      plotHeight,
    )
    const isWide = widthIn(grid) > 760
    drawPlot(
      grid,
      {
        width: isWide ? Math.floor((widthIn(grid) - 40) / 2) : widthIn(grid),
        height: plotHeight,
        marginLeft: 40,
        marginRight: Math.min(180, 14 + 7.6 * Math.max(0, ...ends.map(({ system }) => system.length))),
        marginBottom: 28,
        x: { label: null, domain: [1, depth] },
        y: { label: null, nice: true },
        marks: [
          gridY({ stroke: "var(--rule)", strokeOpacity: 1, ticks: 5 }),
          axisY({ label: null, tickSize: 0, ticks: 5 }),
          axisX({
            label: null,
            tickSize: 0,
            ticks: (widthIn(grid) < narrow ? fewTicks : ticks).filter((at) => at <= depth),
          }),
          ...ordered.map(({ curve, look }) =>
            lineY(pointsOf(curve), { x: "depth", y: "value", stroke: look.stroke, strokeWidth: look.strokeWidth }),
          ),
          ...ends.map(({ system, value, look }, position) =>
            text([{ depth, value }], {
              x: "depth",
              y: "value",
              text: () => system,
              textAnchor: "start",
              dx: 6,
              dy: offsets[position] ?? 0,
              fill: look.stroke,
              fontWeight: 600,
            }),
          ),
          tip(
            lines.flatMap(({ curve }) => pointsOf(curve)),
            pointer({
              x: "depth",
              y: "value",
              title: (point: Point) => `${point.system}\n${measure}@${point.depth} ${valueText(measure, point.value)}`,
            }),
          ),
        ],
      },
      {
        description: `Mean ${measure} of each system at depths 1 to ${depth}, ${kind} queries`,
        caption: [h("strong", {}, `${measure}@depth`), kind === "all" ? ", all queries" : `, ${kind} queries`],
        data: {
          columns: ["System", ...told.filter((at) => at <= depth).map((at) => `@${at}`)],
          rows: lines.map(({ curve }) => [
            curve.system,
            ...told.filter((at) => at <= depth).map((at) => valueText(measure, curve.values[at - 1])),
          ]),
        },
      },
    )
  }

  choice.addEventListener("input", () => {
    chosen = choice instanceof HTMLSelectElement ? choice.value : undefined
    drawn?.()
  })

  return {
    draw: async (shown) => {
      const { view, dataset, split } = shown
      showSection("depth", dataset.hasProfile)
      if (!dataset.hasProfile) return
      const curves = (await page.blocks.profile(view.dataset)).filter((curve) => curve.split === split.name)
      const families = [...new Set(curves.map(({ measure }) => measure))]
      const kinds = view.kind !== "all" || kindsOf(split).length === 0 ? [view.kind] : kindsOf(split)
      drawn = () => {
        const wanted = chosen ?? firstFamily
        const family = families.find((each) => each === wanted) ?? families[0] ?? ""
        fill(
          choice,
          families.map((each) => h("option", { value: each, selected: each === family }, each)),
        )
        fill(grid)
        for (const kind of kinds)
          drawKind(
            shown,
            family,
            kind,
            curves.filter(({ measure }) => measure === family),
          )
      }
      drawn()
    },
  }
}
