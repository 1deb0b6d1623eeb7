import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Onnx from "../../../neural/onnx/index.ts"
import { DropoutMasks, dropoutFeeds } from "../../../neural/training/DropoutMasks.ts"
import { runGraph } from "../onnx/run.ts"

const rate = 0.3
const [heads, width] = [4, 64]
const places = ["first", "second"]

/** Which elements of ones are dropped at tensors of every shape that models have, by place and shape. */
const dropped = (seed: number, step: number, items: readonly number[], sequence: number) =>
  Effect.gen(function* () {
    const [batch, length] = [Onnx.dimensions.named("batch"), Onnx.dimensions.named("sequence")]
    const masks = new DropoutMasks(rate, batch, length)
    const shapes: Readonly<Record<string, Onnx.Shape>> = {
      states: [Onnx.dimensions.multiply(batch, length), width],
      pooled: [batch, width],
      attention: [batch, heads, length, length],
      first: [batch, heads, 1, length],
      decoder: [batch, heads, 1],
      blocks: [batch, heads, Onnx.dimensions.dividedUp(length, 4) ?? 1, 1, 4, 12],
    }
    const outputs = Object.fromEntries(
      places.flatMap((place) =>
        Object.entries(shapes).map(([name, shape]) => [
          `${place} ${name}`,
          masks.drop(Onnx.expand(Onnx.scalar(1), shape), `${place}.${name}`),
        ]),
      ),
    )
    const results = yield* runGraph(
      { name: "masks", inputs: masks.inputs, outputs },
      dropoutFeeds(seed, step, items, sequence),
    )
    return new Map(
      [...results].map(([name, { data, shape }]) => [name, { shape, kept: Array.from(data, Number) }] as const),
    )
  })

type Masks = Effect.Effect.Success<ReturnType<typeof dropped>>

const keptOf = (masks: Masks, name: string): readonly number[] => masks.get(name)?.kept ?? []

/** How far the correlation of two masks is from 0, in standard deviations of independent ones. */
const dependence = (a: readonly number[], b: readonly number[]): number => {
  const n = Math.min(a.length, b.length)
  let both = 0
  for (let i = 0; i < n; i++) both += Number(a[i] === 0) * Number(b[i] === 0)
  return Math.abs(both - n * rate * rate) / Math.sqrt(n * rate * rate * (1 - rate * rate))
}

const items = Array.from({ length: 24 }, (_, i) => i)
const sequence = 20

describe("dropout", () => {
  it.effect("T15 drops its share, scales the rest, and is independent across places, steps and seeds", () =>
    Effect.gen(function* () {
      const masks = yield* dropped(1, 5, items, sequence)
      for (const { kept } of masks.values()) {
        expect(new Set(kept)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]))
        const zeros = kept.filter((value) => value === 0).length
        const deviation = Math.sqrt(kept.length * rate * (1 - rate))
        expect(Math.abs(zeros - rate * kept.length) / deviation).toBeLessThan(4.5)
      }
      const [later, other] = [yield* dropped(1, 6, items, sequence), yield* dropped(2, 5, items, sequence)]
      for (const name of masks.keys()) {
        expect(dependence(keptOf(masks, name), keptOf(later, name))).toBeLessThan(4.5)
        expect(dependence(keptOf(masks, name), keptOf(other, name))).toBeLessThan(4.5)
        expect(
          dependence(keptOf(masks, name), keptOf(masks, name.replace("first ", "second "))) < 4.5 ||
            name.startsWith("second"),
        ).toBe(true)
      }
    }),
  )

  it.effect("T15 neighbours along every axis are independent", () =>
    Effect.gen(function* () {
      const masks = yield* dropped(3, 0, items, sequence)
      for (const { kept, shape } of masks.values()) {
        for (let axis = 0, stride = kept.length; axis < shape.length; axis++) {
          const size = shape[axis] ?? 1
          stride /= size
          if (size === 1) continue
          for (const distance of [1, 2, 3]) {
            const has = kept.map((_, i) => Math.floor(i / stride) % size < size - distance)
            const [here, there] = [kept.filter((_, i) => has[i]), kept.filter((_, i) => has[i - distance * stride])]
            expect(dependence(here, there)).toBeLessThan(4.5)
          }
        }
      }
    }),
  )

  it.effect("T15 an element's mask does not depend on the batch and the padding it is in", () =>
    Effect.gen(function* () {
      const together = yield* dropped(1, 2, items, sequence)
      const apart = yield* dropped(1, 2, [7, 3], sequence + 5)
      const at = (masks: Masks, name: string, ...index: readonly number[]): number | undefined => {
        const { kept = [], shape = [] } = masks.get(name) ?? {}
        return kept[index.reduce((offset, each, axis) => offset * (shape[axis] ?? 1) + each, 0)]
      }
      for (const [row, item] of [7, 3].entries()) {
        for (let position = 0; position < sequence; position++) {
          for (let channel = 0; channel < width; channel++) {
            const [one, other] = [item * sequence + position, row * (sequence + 5) + position]
            expect(at(apart, "first states", other, channel)).toBe(at(together, "first states", one, channel))
          }
          for (let head = 0; head < heads; head++) {
            expect(at(apart, "first first", row, head, 0, position)).toBe(
              at(together, "first first", item, head, 0, position),
            )
            for (let query = 0; query < sequence; query++) {
              expect(at(apart, "first attention", row, head, query, position)).toBe(
                at(together, "first attention", item, head, query, position),
              )
            }
          }
        }
      }
    }),
  )
})
