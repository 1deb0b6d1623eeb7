import type { PlotOptions } from "@observablehq/plot"
import type { Content } from "./Markup.ts"
import type { Palette } from "./Palette.ts"
import type { TableData } from "./TableData.ts"

/** What a plot is drawn on. */
export interface Canvas {
  readonly width: number
  readonly colours: Palette
  /** How wide a text is, in pixels. */
  readonly measure: (text: string) => number
  /** Whether somebody can point at it; a file has no tips. */
  readonly isLive: boolean
}

/** A plot as data: what it shows in words, in numbers and, for a canvas, in marks. */
export interface PlotSpec {
  /** What it shows, for those who do not see it. */
  readonly description: string
  readonly caption: Content
  readonly data: TableData
  readonly widest?: number
  readonly options: (canvas: Canvas) => PlotOptions
  /** Called with the datum that is pointed at when it is chosen. */
  readonly choose?: (datum: unknown) => void
}
