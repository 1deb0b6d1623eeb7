import { type PlotOptions, plot } from "@observablehq/plot"
import { fill, toElement } from "./dom.ts"
import { type Content, h } from "./Markup.ts"

/** A table of what a plot shows, for those who cannot see it or want the numbers. */
export interface PlotData {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

/** Rows of a plot's table that are written out; a longer one says how many are left. */
const writtenRows = 200

const dataTable = ({ columns, rows }: PlotData): Content =>
  h(
    "details",
    { class: "data" },
    h("summary", {}, "The numbers"),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            columns.map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          rows.slice(0, writtenRows).map((row) =>
            h(
              "tr",
              {},
              row.map((cell, position) =>
                position === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: "number" }, cell),
              ),
            ),
          ),
        ),
      ),
      rows.length > writtenRows && h("p", {}, `and ${rows.length - writtenRows} more`),
    ),
  )

/** What a plot shows, besides its marks. */
export interface PlotFrame {
  /** In words, for those who do not see it. */
  readonly description: string
  readonly caption: Content
  readonly data: PlotData
}

/** A plot that is in the page. */
export interface DrawnPlot {
  readonly figure: HTMLElement
  /** What the pointer is at: the datum of a mark with a pointer, or nothing. */
  readonly pointed: () => unknown
}

/** The width that a plot inside an element has. */
export const widthIn = (host: Element): number => Math.max(280, Math.floor(host.getBoundingClientRect().width))

/** How many marks an axis has room for. */
export const ticksIn = (width: number): number => Math.max(3, Math.min(8, Math.floor(width / 95)))

/** The height of a name at the end of a curve, in pixels. */
const nameHeight = 14

/**
 * How far names at the ends of curves have to be moved down, in pixels, so that none lies on another.
 *
 * @param values where the curves end; `low` to `high` is drawn over a height of so many pixels.
 */
export const nameOffsets = (
  values: ReadonlyArray<number>,
  low: number,
  high: number,
  pixels: number,
): ReadonlyArray<number> => {
  const scale = high > low ? pixels / (high - low) : 0
  const places = values.map((value, position) => ({ position, y: (high - value) * scale })).sort((a, b) => a.y - b.y)
  const offsets = values.map(() => 0)
  let free = Number.NEGATIVE_INFINITY
  for (const { position, y } of places) {
    const placed = Math.max(y, free)
    offsets[position] = placed - y
    free = placed + nameHeight
  }
  return offsets
}

/** Draws a plot into a figure of its own at the end of a host. */
export const drawPlot = (host: Element, options: PlotOptions, frame: PlotFrame): DrawnPlot => {
  const drawn = plot({ ...options, ariaLabel: frame.description, style: { background: "none", fontSize: "12px" } })
  drawn.setAttribute("role", "img")
  const figure = toElement(h("figure", {}, h("figcaption", {}, frame.caption)))
  figure.append(drawn, toElement(h("div", {}, dataTable(frame.data))))
  host.append(figure)
  return { figure, pointed: (): unknown => drawn.value }
}

/** Takes the plots off a host. */
export const clearPlots = (host: Element): void => fill(host)
