import { fill, toElement } from "./dom.ts"
import { h, type Markup } from "./Markup.ts"

export interface VirtualListOptions {
  /** What a screen reader calls the list. */
  readonly label: string
  /** Height of every row, in pixels. */
  readonly rowHeight: number
  /** What stands in a row. */
  readonly row: (position: number) => ReadonlyArray<Markup | string>
  /** Called when a row is chosen, by pointer or by keys. */
  readonly onChoose: (position: number) => void
}

/** A list of which only the visible rows are in the document, so that ten thousand cost what twenty do. */
export interface VirtualList {
  readonly element: HTMLElement
  /** Shows other rows. */
  readonly setRows: (count: number, chosen: number | undefined) => void
  /** Marks a row as chosen and brings it into view. */
  readonly choose: (position: number | undefined) => void
  readonly chosen: () => number | undefined
  readonly length: () => number
}

/** Rows beyond the visible ones, on each side, that are in the document. */
const margin = 6

export const virtualList = ({ label, rowHeight, row, onChoose }: VirtualListOptions): VirtualList => {
  const element = toElement(h("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": label }))
  const canvas = toElement(h("div", { class: "canvas", role: "presentation" }))
  element.append(canvas)
  let count = 0
  let chosen: number | undefined
  let drawn = ""

  const draw = (force = false): void => {
    const from = Math.max(0, Math.floor(element.scrollTop / rowHeight) - margin)
    const to = Math.min(count, Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + margin)
    const asked = `${from} ${to}`
    if (asked === drawn && !force) return
    drawn = asked
    const rows: Array<Markup> = []
    for (let position = from; position < to; position++) {
      rows.push(
        h(
          "div",
          {
            class: "row",
            role: "option",
            id: `option-${position}`,
            "data-position": position,
            "aria-selected": position === chosen ? "true" : "false",
            "aria-setsize": count,
            "aria-posinset": position + 1,
            style: `top:${position * rowHeight}px;height:${rowHeight}px`,
          },
          row(position),
        ),
      )
    }
    fill(canvas, rows)
    if (chosen !== undefined && chosen >= from && chosen < to) {
      element.setAttribute("aria-activedescendant", `option-${chosen}`)
    } else element.removeAttribute("aria-activedescendant")
  }

  const reveal = (position: number): void => {
    const [top, bottom] = [position * rowHeight, (position + 1) * rowHeight]
    if (top < element.scrollTop) element.scrollTop = top
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight
  }

  const choose = (position: number | undefined): void => {
    chosen = position
    if (position !== undefined) reveal(position)
    draw(true)
  }

  element.addEventListener("scroll", () => draw(), { passive: true })
  new ResizeObserver(() => draw(true)).observe(element)
  element.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>(".row") : null
    const position = target?.dataset["position"]
    if (position !== undefined) onChoose(Number(position))
  })
  element.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(element.clientHeight / rowHeight) - 1)
    const now = chosen ?? -1
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: now + 1,
      ArrowUp: now - 1,
      PageDown: now + page,
      PageUp: now - page,
      Home: 0,
      End: count - 1,
    }
    const wanted = moves[event.key]
    if (wanted === undefined || count === 0) return
    event.preventDefault()
    onChoose(Math.min(count - 1, Math.max(0, wanted)))
  })
  return {
    element,
    setRows: (rows, selected) => {
      count = rows
      chosen = selected
      canvas.style.height = `${rows * rowHeight}px`
      if (selected === undefined) element.scrollTop = 0
      else reveal(selected)
      draw(true)
    },
    choose,
    chosen: () => chosen,
    length: () => count,
  }
}
