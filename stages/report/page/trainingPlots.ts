import { dot, lineY, pointerX, ruleX, tip, windowY } from "@observablehq/plot"
import { logTicks } from "./costAxis.ts"
import { fileNameOf } from "./fileName.ts"
import { h } from "./Markup.ts"
import { below, beside, marginFor, namesAtEnds } from "./marks.ts"
import { countText } from "./numbers.ts"
import { type Look, lookAt, type Palette } from "./Palette.ts"
import { type Page, type Part, plotPart } from "./Part.ts"
import type { PlotSpec } from "./PlotSpec.ts"
import type { TrainingLogs } from "./ReportModel.ts"
import type { Shown } from "./View.ts"

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
  /** Whether its values follow a plan: then nothing is smoothed, which would round its corners. */
  readonly isPlanned: boolean
}

const isValidation = (series: string): boolean => /^(?:dev|validation)\./.test(series)

const panels: ReadonlyArray<Panel> = [
  { title: "Loss", has: (series) => /^loss(?:\.|$)/.test(series), isLogarithmic: false, isPlanned: false },
  { title: "Validation", has: isValidation, isLogarithmic: false, isPlanned: false },
  { title: "Learning rate", has: (series) => series.startsWith("learningRate"), isLogarithmic: false, isPlanned: true },
  {
    title: "Norm of the gradient",
    has: (series) => /^gradientNorm/.test(series),
    isLogarithmic: true,
    isPlanned: false,
  },
]

/** Lines of one model have its colour, and differ by these. */
const dashes = ["none", "6,3", "2,2.5", "8,3,2,3", "1,3"] as const

const plotHeight = 250
const nameHeight = 15

/** Points of a line; a longer one is thinned evenly, keeping its last and the step that was kept. */
const linePoints = 600

/** From so many points on a line is noisy, and its moving mean is drawn over it; over such a part of the points. */
const manyPoints = 100
const smoothedPart = 1 / 30

const thinned = (points: ReadonlyArray<Logged>, kept: number | undefined): ReadonlyArray<Logged> => {
  const stride = Math.ceil(points.length / linePoints)
  return points.filter(
    ({ step }, position) => position % stride === 0 || position === points.length - 1 || step === kept,
  )
}

const numberText = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(2) : value.toFixed(4)

/** A number on an axis: short. */
const tickText = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3
    ? value.toExponential(0).replace("e-", "e−")
    : String(Number(value.toPrecision(3)))

/** The short name of a series within its panel: `loss.pairwise` is `pairwise`. */
const shortName = (series: string): string => (series.includes(".") ? series.slice(series.indexOf(".") + 1) : series)

const loggedOf = (logs: TrainingLogs): ReadonlyArray<Logged> =>
  logs.value.map((value, row) => ({
    value,
    system: logs.system[row] ?? "",
    series: logs.series[row] ?? "",
    step: logs.step[row] ?? 0,
  }))

interface Line {
  readonly name: string
  readonly system: string
  readonly points: ReadonlyArray<Logged>
  readonly look: (colours: Palette) => Look
}

const panelPlot = (
  shown: Shown,
  { has, isLogarithmic, isPlanned, title }: Panel,
  rows: ReadonlyArray<Logged>,
  isOneModel: boolean,
  kept: Readonly<Record<string, number>>,
): PlotSpec | undefined => {
  const { dataset, placeOf, view } = shown
  const grouped = new Map<string, Array<Logged>>()
  for (const row of rows) {
    if (!has(row.series)) continue
    const name = isOneModel ? shortName(row.series) : row.system
    const line = grouped.get(name)
    if (line === undefined) grouped.set(name, [row])
    else line.push(row)
  }
  const lines = [...grouped].map(([name, points], position): Line => {
    const system = points[0]?.system ?? ""
    return {
      name,
      system,
      points: thinned(points, kept[system]),
      look: (colours) => {
        const look = lookAt(colours, placeOf(system))
        return isOneModel ? { ...look, dashes: dashes[position % dashes.length] ?? "none" } : look
      },
    }
  })
  if (lines.length === 0) return undefined
  const isSmoothed = ({ points }: Line): boolean => !isPlanned && points.length >= manyPoints
  const isNoisy = lines.some(isSmoothed)
  const keptStep = isOneModel ? kept[view.training] : undefined
  const keptPoints = lines.flatMap((line) =>
    line.points.flatMap((point) => (point.step === kept[line.system] ? [{ ...point, look: line.look }] : [])),
  )
  const hasKept = keptStep !== undefined || keptPoints.length > 0
  return {
    description: `${title} by step: ${lines.map(({ name }) => name).join(", ")}`,
    caption: [
      h("strong", {}, title),
      isNoisy ? " by step, with its moving mean" : " by step",
      hasKept && "; ringed: the checkpoint that was kept",
      keptStep !== undefined && `, of step ${countText(keptStep)}`,
    ],
    data: {
      file: fileNameOf(shown, "training", ...(isOneModel ? [view.training] : []), title),
      title: `${title} by step, training on ${dataset.name}`,
      columns: [
        { name: "Line" },
        ...["Steps", "Kept"].map((name) => ({ name, text: countText })),
        ...["First", "Lowest", "Highest", "Last"].map((name) => ({ name, text: numberText })),
      ],
      rows: lines.map(({ name, points, system }) => {
        const values = points.map(({ value }) => value)
        return [
          ...[name, points.at(-1)?.step ?? null, kept[system] ?? null],
          ...[values[0] ?? null, Math.min(...values), Math.max(...values), values.at(-1) ?? null],
        ]
      }),
    },
    options: (canvas) => {
      const { colours, isLive, width } = canvas
      const named = lines.flatMap(({ look, name, points }) => {
        const end = points.at(-1)
        return end === undefined ? [] : [{ name, x: end.step, y: end.value, look: look(colours), isStrong: false }]
      })
      const values = lines.flatMap(({ points }) => points.map(({ value }) => value).filter((value) => value > 0))
      const ticks = isLogarithmic ? logTicks(Math.min(...values), Math.max(...values)) : 5
      return {
        width,
        height: Math.max(plotHeight, named.length * nameHeight + 76),
        marginLeft: 52,
        marginRight: marginFor(
          named.map(({ name }) => name),
          canvas,
        ),
        marginTop: 28,
        marginBottom: 44,
        x: {},
        // To the next power of ten would leave most of a plot empty.
        y: isLogarithmic ? { type: "log" as const } : { nice: true },
        marks: [
          ...beside(colours, { label: "", ticks, tickFormat: tickText }),
          below(colours, { label: "step", ticks: width < 480 ? 3 : 5, tickFormat: countText }),
          ...(keptStep === undefined
            ? []
            : [ruleX([keptStep], { stroke: colours.muted, strokeDasharray: "2,3", strokeOpacity: 0.8 })]),
          ...lines.flatMap((each) => {
            const { points } = each
            const { colour, dashes: strokeDasharray } = each.look(colours)
            const line = { x: "step", y: "value", stroke: colour, strokeDasharray }
            if (!isSmoothed(each)) return [lineY(points, { ...line, strokeWidth: 1.6 })]
            const k = Math.ceil(points.length * smoothedPart)
            return [
              lineY(points, { ...line, strokeDasharray: "none", strokeWidth: 1, strokeOpacity: 0.2 }),
              lineY(points, windowY({ k, anchor: "middle", strict: false }, { ...line, strokeWidth: 1.8 })),
            ]
          }),
          dot(keptPoints, {
            x: "step",
            y: "value",
            r: 5,
            fill: colours.paper,
            stroke: ({ look }: (typeof keptPoints)[number]) => look(colours).colour,
            strokeWidth: 2,
            className: "kept",
          }),
          namesAtEnds(named, canvas),
          ...(isLive
            ? [
                tip(
                  lines.flatMap(({ name, points }) => points.map((point) => ({ ...point, name }))),
                  pointerX({
                    x: "step",
                    y: "value",
                    title: (point: Logged & { readonly name: string }) =>
                      `${point.name}\nstep ${countText(point.step)}${point.step === kept[point.system] ? ", kept" : ""}\n${numberText(point.value)}`,
                  }),
                ),
              ]
            : []),
        ],
      }
    },
  }
}

/** Curves of what was logged while the models were trained: of one model with all its series, or of all side by side. */
export const trainingPlots = (page: Page): Part =>
  plotPart("training", ["dataset", "training"], 2, async (shown) => {
    const { dataset, view } = shown
    if (!dataset.hasTraining) return { plots: [] }
    const logs = await page.blocks.training(view.dataset)
    const logged = loggedOf(logs)
    const systems = [...new Set(logged.map(({ system }) => system))]
    const system = systems.find((name) => name === view.training) ?? (systems.length === 1 ? systems[0] : undefined)
    const ofModel = logged.filter((row) => row.system === system)
    const plots =
      system !== undefined
        ? panels.map((panel) =>
            panelPlot({ ...shown, view: { ...view, training: system } }, panel, ofModel, true, logs.kept),
          )
        : ["loss", ...new Set(logged.map(({ series }) => series).filter(isValidation))].map((series) => {
            const title = series === "loss" ? "Loss" : `Validation: ${shortName(series)}`
            const rows = logged.filter((row) => row.series === series)
            return panelPlot(
              shown,
              { title, has: () => true, isLogarithmic: false, isPlanned: false },
              rows,
              false,
              logs.kept,
            )
          })
    return {
      ...(systems.length > 1
        ? {
            choice: {
              field: "training",
              label: "Model",
              chosen: system ?? "",
              options: [{ value: "", text: "all models" }, ...systems.map((value) => ({ value, text: value }))],
            },
          }
        : {}),
      plots: plots.flatMap((plot) => plot ?? []),
    }
  })
