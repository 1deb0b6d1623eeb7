import type { Blocks } from "./blocks.ts"
import type { ReportModel } from "./ReportModel.ts"
import type { Shown, View } from "./View.ts"

/** What a part of the page needs of the whole. */
export interface Page {
  readonly model: ReportModel
  readonly blocks: Blocks
  /** Shows something else: changes the view, and every part that depends on it. */
  readonly show: (change: Partial<View>) => void
}

/** A part of the page that draws what is shown. */
export interface Part {
  /** Draws; called again whenever the view or the width changes. What it returns is awaited, and an error in it is told. */
  readonly draw: (shown: Shown) => void | Promise<void>
}
