import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { lineHeight, placeAround, type Segment, shortened, spread } from "../../stages/report/page/labels.ts"

const close = 1e-9

describe("names in plots", () => {
  it("P28 names at the ends of lines stand a line apart, in the order of their ends, within the plot", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 }), (wanted) => {
        const middles = spread(wanted, 10, 300)
        expect(middles).toHaveLength(wanted.length)
        const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b)
        const placed = order.map((i) => middles[i]!)
        for (const [nth, middle] of placed.entries()) {
          if (nth > 0) expect(middle - placed[nth - 1]!).toBeGreaterThanOrEqual(lineHeight - close)
          expect(middle).toBeGreaterThanOrEqual(10 - close)
          expect(middle).toBeLessThanOrEqual(300 + close)
        }
      }),
      { numRuns: 300, seed: 28 },
    )
  })

  it("P28 a name with room around it stands where its line ends", () => {
    expect(spread([200, 50, 100], 0, 300)).toEqual([200, 50, 100])
    expect(spread([100, 100], 0, 300)).toEqual([100 - lineHeight / 2, 100 + lineHeight / 2])
  })

  it("P28 names around points lie on no other name and no dot", () => {
    const point = fc.record({
      x: fc.integer({ min: 60, max: 700 }),
      y: fc.integer({ min: 20, max: 380 }),
      width: fc.integer({ min: 20, max: 160 }),
    })
    fc.assert(
      fc.property(fc.array(point, { maxLength: 20 }), (labels) => {
        const frame = { left: 40, right: 760, top: 0, bottom: 400 }
        const placed = placeAround(labels, 5, frame)
        const boxes = placed.flatMap((at, i) =>
          at === undefined
            ? []
            : [{ left: at.left, right: at.left + labels[i]!.width, top: at.middle - 7, bottom: at.middle + 7 }],
        )
        const dots = labels.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }))
        boxes.forEach((a, i) => {
          for (const b of [...boxes.slice(i + 1), ...dots]) {
            const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
            expect(apart).toBe(true)
          }
          expect(a.left >= frame.left && a.right <= frame.right && a.top >= frame.top && a.bottom <= frame.bottom).toBe(
            true,
          )
        })
      }),
      { numRuns: 150, seed: 29 },
    )
  })

  it("P28 names lie on no line that joins the points where there is room, and over it rather than nowhere", () => {
    const frame = { left: 40, right: 760, top: 0, bottom: 400 }
    const on = ({ left, middle }: { left: number; middle: number }, width: number, ends: ReadonlyArray<Segment>) =>
      ends.some(({ from: [x, y], to: [toX, toY] }) =>
        Array.from({ length: 1001 }, (_, i) => [x + ((toX - x) * i) / 1000, y + ((toY - y) * i) / 1000] as const).some(
          ([atX, atY]) => atX > left && atX < left + width && Math.abs(atY - middle) < lineHeight / 2,
        ),
      )
    const point = fc.record({ x: fc.integer({ min: 200, max: 600 }), y: fc.integer({ min: 100, max: 300 }) })
    fc.assert(
      fc.property(fc.array(point, { minLength: 2, maxLength: 4 }), (points) => {
        const labels = points.map((each) => ({ ...each, width: 60 }))
        const corners = points.map(({ x, y }) => [x, y] as const)
        const lines = corners.slice(1).map((to, i): Segment => ({ from: corners[i]!, to }))
        for (const at of placeAround(labels, 5, frame, lines)) expect(at !== undefined && !on(at, 60, lines)).toBe(true)
      }),
      { numRuns: 100, seed: 30 },
    )
    const everywhere = Array.from({ length: 40 }, (_, i): Segment => ({ from: [0, 10 * i], to: [800, 10 * i] }))
    expect(placeAround([{ x: 400, y: 200, width: 60 }], 5, frame, everywhere)[0]).toBeDefined()
  })

  it("P28 names that are cut fit, and are still told apart", () => {
    const measure = (text: string) => 7 * [...text].length
    const names = ["model-02-large-msmarco", "model-07-large-msmarco", "model-07-large-msmarco+bm25", "bm25"]
    const texts = shortened(names, 98, measure)
    expect(new Set(texts).size).toBe(4)
    for (const text of texts) expect(measure(text)).toBeLessThanOrEqual(98)
    expect(texts[3]).toBe("bm25")
    const heads = ["a-very-long-beginning-1", "a-very-long-beginning-2"]
    expect(new Set(shortened(heads, 70, measure)).size).toBe(2)
    const tails = ["1-a-very-long-ending", "2-a-very-long-ending"]
    expect(new Set(shortened(tails, 70, measure)).size).toBe(2)
  })
})
