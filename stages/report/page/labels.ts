/** A name, as wide as it is, and the point of a plot that it belongs to, in pixels. */
export interface Label {
  readonly x: number
  readonly y: number
  readonly width: number
}

/** Where a name stands: its left edge and its middle, in pixels. */
export interface Placed {
  readonly left: number
  readonly middle: number
}

/** The height that a name takes, in pixels. */
export const lineHeight = 14

/**
 * Middles of names below each other, as near to where they belong as they can be without touching, within `top` and `bottom`: those
 * that would touch share the room around their common middle (pooled adjacent violators, least squares).
 */
export const spread = (wanted: ReadonlyArray<number>, top: number, bottom: number): ReadonlyArray<number> => {
  const order = wanted.map((_, position) => position).sort((a, b) => wanted[a]! - wanted[b]! || a - b)
  // Each block is where its first name stands; the n-th name of all lies n line heights lower.
  const blocks: Array<{ sum: number; size: number }> = []
  order.forEach((position, nth) => {
    blocks.push({ sum: wanted[position]! - nth * lineHeight, size: 1 })
    for (;;) {
      const [before, last] = [blocks.at(-2), blocks.at(-1)]
      if (before === undefined || last === undefined || before.sum / before.size <= last.sum / last.size) break
      blocks.splice(-2, 2, { sum: before.sum + last.sum, size: before.size + last.size })
    }
  })
  const middles = wanted.map(() => 0)
  const lowest = bottom - (order.length - 1) * lineHeight
  let nth = 0
  for (const { size, sum } of blocks) {
    const first = Math.max(top, Math.min(lowest, sum / size))
    for (let i = 0; i < size; i++, nth++) middles[order[nth]!] = first + nth * lineHeight
  }
  return middles
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const touches = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

/** A straight line between two points of a plot, in pixels. */
export interface Segment {
  readonly from: readonly [x: number, y: number]
  readonly to: readonly [x: number, y: number]
}

/** Whether a line passes through a box: what is left of it within one side after the other (Liang and Barsky 1984). */
const crosses = ({ from: [x, y], to }: Segment, { bottom, left, right, top }: Box): boolean => {
  let [first, last] = [0, 1]
  for (const [at, towards, low, high] of [
    [x, to[0] - x, left, right],
    [y, to[1] - y, top, bottom],
  ] as const) {
    if (towards === 0) {
      if (at < low || at > high) return false
      continue
    }
    const ends = [(low - at) / towards, (high - at) / towards]
    first = Math.max(first, Math.min(...ends))
    last = Math.min(last, Math.max(...ends))
  }
  return first <= last
}

/** Distances from the point that are tried, in pixels, and directions: right and left first. */
const distances = [7, 12, 20, 30, 42, 56, 72, 90, 110, 135, 165, 200]
const directions = [0, 12, 1, 23, 11, 13, 6, 18, 3, 21, 9, 15, 2, 22, 10, 14, 4, 20, 8, 16, 5, 19, 7, 17]

/**
 * Places for the names of points, on no other name, no dot and no line, each as near to its point as there is room; over a line where
 * there is no other, and `undefined` for a name that has none at all.
 *
 * @param radius of the dots.
 * @param lines that the plot joins points by.
 */
export const placeAround = (
  labels: ReadonlyArray<Label>,
  radius: number,
  frame: Box,
  lines: ReadonlyArray<Segment> = [],
): ReadonlyArray<Placed | undefined> => {
  const taken: Array<Box> = labels.map(({ x, y }) => ({
    left: x - radius - 2,
    right: x + radius + 2,
    top: y - radius - 2,
    bottom: y + radius + 2,
  }))
  const placed = ({ width, x, y }: Label, avoided: ReadonlyArray<Segment>): Placed | undefined => {
    for (const distance of distances) {
      for (const direction of directions) {
        const angle = (direction * Math.PI) / 12
        const [across, down] = [Math.cos(angle), Math.sin(angle)]
        const left = x + across * (distance + width / 2) - width / 2
        const middle = y + down * (distance + lineHeight / 2)
        const box = { left, right: left + width, top: middle - lineHeight / 2, bottom: middle + lineHeight / 2 }
        const inside =
          box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom
        if (!inside || taken.some((other) => touches(box, other))) continue
        if (avoided.some((line) => crosses(line, box))) continue
        taken.push(box)
        return { left, middle }
      }
    }
    return undefined
  }
  return labels.map((label) => placed(label, lines) ?? placed(label, []))
}

/** A name of which the middle is left out, so much that it fits; the head keeps its share of what is left. */
const cut = (name: string, width: number, headShare: number, measure: (text: string) => number): string => {
  const characters = [...name]
  for (let kept = characters.length - 1; kept > 1; kept--) {
    const head = Math.round(kept * headShare)
    const text = `${characters.slice(0, head).join("")}…${characters.slice(characters.length - (kept - head)).join("")}`
    if (measure(text) <= width) return text
  }
  return `${characters[0] ?? ""}…`
}

/** Shares that the head of a shortened name may keep, in the order in which they are tried. */
const headShares = [0.5, 0.65, 0.8, 1, 0.35, 0.2, 0]

/** Names that fit a width, cut where they do not, and there so that those that differ do so still. */
export const shortened = (
  names: ReadonlyArray<string>,
  width: number,
  measure: (text: string) => number,
): ReadonlyArray<string> => {
  const fitting = (headShare: number): ReadonlyArray<string> =>
    names.map((name) => (measure(name) <= width ? name : cut(name, width, headShare, measure)))
  const distinct = new Set(names).size
  const tried = headShares.map(fitting)
  return tried.find((texts) => new Set(texts).size === distinct) ?? tried[0] ?? names
}
