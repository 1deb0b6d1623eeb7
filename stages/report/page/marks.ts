import { axisX, axisY, gridX, gridY, type Markish } from "@observablehq/plot"
import { type Label, placeAround, type Segment, shortened, spread } from "./labels.ts"
import type { Look } from "./Palette.ts"
import type { Canvas } from "./PlotSpec.ts"

const namespace = "http://www.w3.org/2000/svg"

const svg = (tag: string, attributes: Readonly<Record<string, string | number>>, text?: string): SVGElement => {
  const element = document.createElementNS(namespace, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  if (text !== undefined) element.textContent = text
  return element
}

/** A name and the point, in the units of the plot, that it belongs to. */
export interface Named {
  readonly name: string
  readonly x: number
  readonly y: number
  readonly look: Look
  /** Whether it stands out from others. */
  readonly isStrong: boolean
}

const gap = 10
/** The largest part of a plot's width that names beside it take. */
const namePart = 0.38

/** The margin that names beside a plot need. */
export const marginFor = (names: ReadonlyArray<string>, { measure, width }: Canvas): number =>
  Math.ceil(gap + 4 + Math.min(namePart * width, Math.max(0, ...names.map(measure))))

const nameElement = (
  name: string,
  left: number,
  middle: number,
  { isStrong, look }: Pick<Named, "isStrong" | "look">,
  { paper }: Canvas["colours"],
): SVGElement =>
  svg(
    "text",
    {
      x: left.toFixed(1),
      y: middle.toFixed(1),
      dy: "0.32em",
      fill: look.colour,
      "text-anchor": "start",
      "font-weight": isStrong ? 700 : 400,
      // Read through the lines that pass behind it.
      stroke: paper,
      "stroke-width": 3,
      "stroke-linejoin": "round",
      "paint-order": "stroke",
      class: "name",
    },
    name,
  )

const leader = (points: ReadonlyArray<readonly [number, number]>, colour: string): SVGElement =>
  svg("polyline", {
    points: points.map((point) => point.map((at) => at.toFixed(1)).join(",")).join(" "),
    fill: "none",
    stroke: colour,
    "stroke-opacity": 0.55,
    "stroke-width": 0.8,
  })

/** Names in the right margin, one below the other, each led to the end of its line. */
export const namesAtEnds =
  (named: ReadonlyArray<Named>, { colours, measure }: Canvas): Markish =>
  (_index, scales, _values, { height, marginBottom, marginRight, marginTop, width }) => {
    const group = svg("g", { "aria-label": "names" })
    const right = width - marginRight
    const ends = named.map(({ x, y }) => ({ x: Number(scales.x?.(x)), y: Number(scales.y?.(y)) }))
    const middles = spread(
      ends.map(({ y }) => y),
      marginTop,
      height - marginBottom - 8,
    )
    const names = shortened(
      named.map(({ name }) => name),
      marginRight - gap - 4,
      measure,
    )
    named.forEach((each, position) => {
      const [end, middle] = [ends[position]!, middles[position]!]
      if (Math.abs(middle - end.y) > 2 || right - end.x > 2) {
        group.append(
          leader(
            [
              [end.x + 1, end.y],
              [right + 2, end.y],
              [right + gap - 2, middle],
            ],
            each.look.colour,
          ),
        )
      }
      group.append(nameElement(names[position] ?? "", right + gap, middle, each, colours))
    })
    return group
  }

/**
 * Names around their points, on no other name, no dot and no line. One that finds no room is left out, and is in the numbers.
 *
 * @param line that joins points of the plot, in its units, from one to the next.
 */
export const namesAround =
  (
    named: ReadonlyArray<Named>,
    line: ReadonlyArray<Pick<Named, "x" | "y">>,
    radius: number,
    { colours, measure, width: whole }: Canvas,
  ): Markish =>
  (_index, scales, _values, { height, marginBottom, marginLeft, marginTop, width }) => {
    const group = svg("g", { "aria-label": "names" })
    const names = shortened(
      named.map(({ name }) => name),
      namePart * whole,
      measure,
    )
    const labels = named.map(
      ({ x, y }, position): Label => ({
        x: Number(scales.x?.(x)),
        y: Number(scales.y?.(y)),
        width: measure(names[position] ?? ""),
      }),
    )
    const frame = { left: marginLeft + 2, right: width, top: marginTop, bottom: height - marginBottom - 2 }
    const corners = line.map(({ x, y }) => [Number(scales.x?.(x)), Number(scales.y?.(y))] as const)
    const lines = corners.slice(1).map((to, position): Segment => ({ from: corners[position]!, to }))
    placeAround(labels, radius, frame, lines).forEach((placed, position) => {
      const [each, label] = [named[position]!, labels[position]!]
      if (placed === undefined) return
      const { left, middle } = placed
      const nearest = Math.min(left + label.width, Math.max(left, label.x))
      if (Math.hypot(nearest - label.x, middle - label.y) > 3 * radius) {
        group.append(
          leader(
            [
              [label.x, label.y],
              [nearest, middle],
            ],
            each.look.colour,
          ),
        )
      }
      group.append(nameElement(names[position] ?? "", left, middle, each, colours))
    })
    return group
  }

interface AxisOptions {
  readonly label: string
  readonly ticks: number | ReadonlyArray<number>
  readonly tickFormat?: (value: number) => string
}

/** The axis of depth or cost, below the plot. */
export const below = ({ muted }: Canvas["colours"], { label, tickFormat, ticks }: AxisOptions): Markish =>
  axisX({
    anchor: "bottom",
    label,
    labelAnchor: "center",
    labelArrow: "none",
    tickSize: 0,
    ticks: typeof ticks === "number" ? ticks : [...ticks],
    color: muted,
    ...(tickFormat === undefined ? {} : { tickFormat }),
  })

/** The axis of values, left of the plot, with its rules. */
export const beside = (
  { muted, rule }: Canvas["colours"],
  { label, tickFormat, ticks: asked }: AxisOptions,
): ReadonlyArray<Markish> => {
  const ticks = typeof asked === "number" ? asked : [...asked]
  return [
    gridY({ stroke: rule, strokeOpacity: 1, ticks }),
    axisY({
      label,
      labelAnchor: "top",
      labelArrow: "none",
      tickSize: 0,
      ticks,
      color: muted,
      ...(tickFormat === undefined ? {} : { tickFormat }),
    }),
  ]
}

/** Rules and values below a plot whose rows are systems. */
export const underRows = (
  colours: Canvas["colours"],
  options: AxisOptions & { readonly ticks: number },
): ReadonlyArray<Markish> => [
  gridX({ stroke: colours.rule, strokeOpacity: 1, ticks: options.ticks }),
  below(colours, options),
]

/** The names of a plot's rows, in their systems' colours. */
export const rowNames =
  (
    rows: ReadonlyArray<{ readonly system: string; readonly look: Look; readonly isStrong: boolean }>,
    { colours, measure }: Canvas,
  ): Markish =>
  (_index, scales, _values, { marginLeft }) => {
    const group = svg("g", { "aria-label": "names" })
    const names = shortened(
      rows.map(({ system }) => system),
      marginLeft - gap - 2,
      measure,
    )
    for (const [position, { isStrong, look, system }] of rows.entries()) {
      const middle = Number(scales.y?.(system))
      const element = nameElement(names[position] ?? "", marginLeft - gap, middle, { isStrong, look }, colours)
      element.setAttribute("text-anchor", "end")
      group.append(element)
    }
    return group
  }
