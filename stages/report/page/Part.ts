import type { Blocks } from "./blocks.ts"
import { contentOf, fill, showSection, toElement } from "./dom.ts"
import { h } from "./Markup.ts"
import type { PlotSpec } from "./PlotSpec.ts"
import { addPlot, widthIn } from "./plots.ts"
import type { ReportModel } from "./ReportModel.ts"
import type { Shown, View } from "./View.ts"

/** What a part of the page needs of the whole. */
export interface Page {
  readonly model: ReportModel
  readonly blocks: Blocks
  /** Shows something else. */
  readonly show: (change: Partial<View>) => void
}

/** A part of the page that draws what is shown. */
export interface Part {
  /** What of the view it is drawn of: it is drawn again when one of these changes. */
  readonly of: ReadonlyArray<keyof View>
  /** Whether its drawing depends on the width that it has. */
  readonly isPlot: boolean
  /** What it returns is awaited, and an error in it is told. */
  readonly draw: (shown: Shown) => void | Promise<void>
}

/** What nearly all parts are drawn of. */
export const chosenAbove = ["dataset", "split", "kind", "measure", "first", "second"] as const

/** A list to choose from that stands with a part, by the field of the view that it changes. */
export interface Choice {
  readonly field: keyof View
  readonly label: string
  readonly chosen: string
  readonly options: ReadonlyArray<{ readonly value: string; readonly text: string }>
}

/** What a part of plots shows. */
export interface Plots {
  readonly choice?: Choice
  readonly plots: ReadonlyArray<PlotSpec>
}

/** The widest page on which plots stand one below the other, and what is between two side by side, in pixels. */
const narrow = 760
const between = 40

const select = ({ chosen, field, label, options }: Choice) =>
  h(
    "select",
    { "aria-label": label, "data-field": field },
    options.map(({ text, value }) => h("option", { value, selected: value === chosen }, text)),
  )

/**
 * A part of plots: what they show is a function of what is shown above and of blocks of data. Without plots the section is not on the
 * page.
 *
 * @param columns how many stand side by side where there is room.
 */
export const plotPart = (
  id: string,
  of: Part["of"],
  columns: 1 | 2,
  plotsOf: (shown: Shown) => Plots | Promise<Plots>,
): Part => {
  let latest = 0
  return {
    of,
    isPlot: true,
    draw: async (shown) => {
      const drawing = ++latest
      const { choice, plots } = await plotsOf(shown)
      // Something else was chosen while the data were unpacked.
      if (drawing !== latest) return
      showSection(id, plots.length > 0)
      const host = contentOf(id)
      const focused =
        document.activeElement?.closest(`#${id} [data-field]`) !== null && host.contains(document.activeElement)
      fill(host, choice !== undefined && h("div", { class: "filters" }, select(choice)))
      const grid = toElement(h("div", { class: columns === 2 && plots.length > 1 ? "plots" : "" }))
      host.append(grid)
      const whole = widthIn(host)
      const width = columns === 2 && plots.length > 1 && whole > narrow ? Math.floor((whole - between) / 2) : whole
      for (const plot of plots) addPlot(grid, plot, width)
      if (focused) host.querySelector<HTMLElement>("[data-field]")?.focus()
    },
  }
}
