import { axisX, axisY, gridY, lineY, pointerX, text, tip, windowY } from "@observablehq/plot"
import { contentOf, fill, showSection, toElement } from "./dom.ts"
import { h } from "./Markup.ts"
import type { Page, Part } from "./Part.ts"
import { drawPlot, nameOffsets, widthIn } from "./plots.ts"
import type { TrainingLogs } from "./ReportModel.ts"

/** One value of a series at a step. */
interface Logged {
  readonly system: string
  readonly series: string
  readonly step: number
  readonly value: number
}

/** Series that share a plot. */
interface Panel {
  readonly title: string
  readonly has: (series: string) => boolean
  readonly isLogarithmic: boolean
}

const panels: ReadonlyArray<Panel> = [
  { title: "Loss", has: (series) => /^loss(?:\.|$)/.test(series), isLogarithmic: false },
  { title: "Validation", has: (series) => /^(?:dev|validation)\./.test(series), isLogarithmic: false },
  { title: "Learning rate", has: (series) => series.startsWith("learningRate"), isLogarithmic: false },
  { title: "Norm of the gradient", has: (series) => /^gradientNorm/.test(series), isLogarithmic: true },
]

const strokes = [
  { stroke: "var(--accent)", strokeDasharray: "none" },
  { stroke: "var(--ink)", strokeDasharray: "none" },
  { stroke: "var(--muted)", strokeDasharray: "none" },
  { stroke: "var(--accent)", strokeDasharray: "5,3" },
  { stroke: "var(--ink)", strokeDasharray: "5,3" },
  { stroke: "var(--muted)", strokeDasharray: "5,3" },
  { stroke: "var(--accent)", strokeDasharray: "1.5,3" },
  { stroke: "var(--ink)", strokeDasharray: "1.5,3" },
] as const

const plotHeight = 240

/** Points of a line; a longer one is thinned evenly, keeping its last. */
const linePoints = 600

/** From so many points on a line is noisy, and its moving mean is drawn over it; over such a part of the points. */
const manyPoints = 100
const smoothedPart = 1 / 30

const thinned = (points: ReadonlyArray<Logged>): ReadonlyArray<Logged> => {
  const stride = Math.ceil(points.length / linePoints)
  return points.filter((_, position) => position % stride === 0 || position === points.length - 1)
}

const numberText = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(2) : value.toFixed(4)

/** The short name of a series within its panel: `loss.pairwise` is `pairwise`. */
const shortName = (series: string): string => (series.includes(".") ? series.slice(series.indexOf(".") + 1) : series)

const loggedOf = (logs: TrainingLogs): ReadonlyArray<Logged> =>
  logs.value.map((value, row) => ({
    value,
    system: logs.system[row] ?? "",
    series: logs.series[row] ?? "",
    step: logs.step[row] ?? 0,
  }))

/** Curves of what was logged while the models were trained: of one model with all its series, or of all side by side. */
export const trainingPlots = (page: Page): Part => {
  const host = contentOf("training")
  const choice = toElement(h("select", { "aria-label": "Model" }))
  const filters = toElement(h("div", { class: "filters" }))
  const grid = toElement(h("div", { class: "plots" }))
  filters.append(choice)
  let logged: ReadonlyArray<Logged> = []
  let drawnFor = -1

  const drawPanel = (panel: Panel, rows: ReadonlyArray<Logged>, isOneModel: boolean): void => {
    const lines = new Map<string, Array<Logged>>()
    for (const row of rows) {
      if (!panel.has(row.series)) continue
      const name = isOneModel ? shortName(row.series) : row.system
      const line = lines.get(name)
      if (line === undefined) lines.set(name, [row])
      else line.push(row)
    }
    if (lines.size === 0) return
    const named = [...lines].map(([name, points], position) => ({
      name,
      points: thinned(points),
      look: strokes[position % strokes.length]!,
    }))
    const ends = named.flatMap(({ name, points, look }) => {
      const end = points[points.length - 1]
      return end === undefined ? [] : [{ name, end, look }]
    })
    const all = named.flatMap(({ points }) => points.map(({ value }) => value))
    const offsets = nameOffsets(
      ends.map(({ end }) => end.value),
      Math.min(...all),
      Math.max(...all),
      plotHeight,
    )
    const longest = Math.max(...named.map(({ name }) => name.length))
    drawPlot(
      grid,
      {
        width: widthIn(grid) > 760 ? Math.floor((widthIn(grid) - 40) / 2) : widthIn(grid),
        height: plotHeight,
        marginLeft: 56,
        marginRight: Math.min(150, 12 + 6.6 * longest),
        marginBottom: 26,
        x: { label: null },
        y: { label: null, nice: true, ...(panel.isLogarithmic ? { type: "log" } : {}) },
        marks: [
          gridY({ stroke: "var(--rule)", strokeOpacity: 1, ticks: 5 }),
          axisY({ label: null, tickSize: 0, ticks: 5 }),
          axisX({ label: null, tickSize: 0, ticks: 5 }),
          ...named.flatMap(({ points, look }) => {
            const line = { x: "step", y: "value", ...look }
            if (points.length < manyPoints) return [lineY(points, { ...line, strokeWidth: 1.6 })]
            const k = Math.ceil(points.length * smoothedPart)
            return [
              lineY(points, { ...line, strokeWidth: 1, strokeOpacity: 0.22 }),
              lineY(points, windowY({ k, anchor: "middle", strict: false }, { ...line, strokeWidth: 1.8 })),
            ]
          }),
          ...ends.map(({ name, end, look }, position) =>
            text([end], {
              x: "step",
              y: "value",
              text: () => name,
              textAnchor: "start",
              dx: 5,
              dy: offsets[position] ?? 0,
              fill: look.stroke,
            }),
          ),
          tip(
            named.flatMap(({ name, points }) => points.map((point) => ({ ...point, name }))),
            pointerX({
              x: "step",
              y: "value",
              title: (point: Logged & { readonly name: string }) =>
                `${point.name}\nstep ${point.step}\n${numberText(point.value)}`,
            }),
          ),
        ],
      },
      {
        description: `${panel.title} by step: ${named.map(({ name }) => name).join(", ")}`,
        caption: [
          h("strong", {}, panel.title),
          named.some(({ points }) => points.length >= manyPoints) ? " by step, with its moving mean" : " by step",
        ],
        data: {
          columns: ["Line", "Steps", "First", "Lowest", "Highest", "Last"],
          rows: named.map(({ name, points }) => {
            const values = points.map(({ value }) => value)
            return [
              name,
              String(points[points.length - 1]?.step ?? 0),
              numberText(values[0] ?? 0),
              numberText(Math.min(...values)),
              numberText(Math.max(...values)),
              numberText(values[values.length - 1] ?? 0),
            ]
          }),
        },
      },
    )
  }

  const drawAll = (): void => {
    fill(grid)
    const system = choice instanceof HTMLSelectElement ? choice.value : ""
    const ofModel = logged.filter((row) => row.system === system)
    if (ofModel.length > 0) for (const panel of panels) drawPanel(panel, ofModel, true)
    else {
      const validations = [...new Set(logged.map(({ series }) => series))].filter((series) => panels[1]!.has(series))
      const compared = ["loss", ...validations]
      for (const series of compared) {
        const rows = logged.filter((row) => row.series === series)
        const title = series === "loss" ? "Loss" : `Validation: ${shortName(series)}`
        drawPanel({ title, has: () => true, isLogarithmic: false }, rows, false)
      }
    }
  }
  choice.addEventListener("input", drawAll)
  host.append(filters, grid)

  return {
    draw: async ({ view, dataset }) => {
      showSection("training", dataset.hasTraining)
      if (!dataset.hasTraining) return
      if (drawnFor !== view.dataset) {
        drawnFor = view.dataset
        logged = loggedOf(await page.blocks.training(view.dataset))
        const systems = [...new Set(logged.map(({ system }) => system))]
        fill(
          choice,
          systems.length > 1 && h("option", { value: "" }, "all models"),
          systems.map((system) => h("option", { value: system }, system)),
        )
      }
      drawAll()
    },
  }
}
