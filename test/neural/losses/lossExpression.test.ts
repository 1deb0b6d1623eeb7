import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { lossExpression, lossOf, losses as registered } from "../../../neural/losses/index.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { layerOnnxRuntime, OnnxRuntime, type Tensor } from "../../../neural/runtime/index.ts"
import { countsIn, type KnownLoss, knownLosses as losses, type PlainList, plainLoss } from "./closedForms.ts"

type Precision = "float32" | "float64"

interface Outcome {
  readonly loss: number
  readonly counted: number
  readonly components: Readonly<Record<string, number>>
  /** One row a list, without padding. */
  readonly gradient: readonly (readonly number[])[]
}

type Evaluate = (lists: readonly PlainList[], padding?: number) => Promise<Outcome>

const tensor = (type: Precision, shape: readonly number[], data: readonly number[]): Tensor =>
  type === "float32" ? { type, shape, data: Float32Array.from(data) } : { type, shape, data: Float64Array.from(data) }

/** A loss and its gradient as a session on the CPU. Padding has the value that is given, NaN if none is. */
const evaluator = (loss: KnownLoss, type: Precision) =>
  Effect.gen(function* () {
    const shape = [Onnx.dimensions.named("lists"), Onnx.dimensions.named("m")]
    const [scores, grades] = [Onnx.input("scores", type, shape), Onnx.input("grades", type, shape)]
    const [mask, teacher] = [Onnx.input("mask", type, shape), Onnx.input("teacher", type, shape)]
    const { components, counted, loss: total } = lossExpression(loss, { scores, grades, mask, teacher })
    const [gradient] = Onnx.gradients([{ of: total }], [scores])
    if (gradient === undefined) return yield* Effect.dieMessage("no gradient")
    const named = Object.fromEntries(Object.entries(components).map(([name, each]) => [`component ${name}`, each]))
    const graph = {
      name: loss.kind,
      inputs: [scores, grades, mask, teacher],
      outputs: { loss: total, counted, gradient, ...named },
    }
    const runtime = yield* OnnxRuntime
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model)
    const session = yield* runtime.open({ name: graph.name, bytes }, { device: "cpu", threads: 1 })

    const evaluate = (lists: readonly PlainList[], padding = Number.NaN): Effect.Effect<Outcome, unknown> =>
      Effect.gen(function* () {
        const m = Math.max(...lists.map((list) => list.scores.length)) + 1
        const padded = (rows: readonly (readonly number[])[], value: number): Tensor =>
          tensor(
            type,
            [lists.length, m],
            rows.flatMap((row) => Array.from({ length: m }, (_, i) => row[i] ?? value)),
          )
        const results = yield* session.run({
          scores: padded(
            lists.map((list) => list.scores),
            padding,
          ),
          grades: padded(
            lists.map((list) => list.grades),
            padding,
          ),
          mask: padded(
            lists.map((list) => list.scores.map(() => 1)),
            0,
          ),
          teacher: padded(
            lists.map((list) => list.teacher),
            padding,
          ),
        })
        const numbers = (name: string): readonly number[] => Array.from(results.get(name)?.data ?? [], Number)
        const rows = numbers("gradient")
        return {
          loss: numbers("loss")[0] ?? Number.NaN,
          counted: numbers("counted")[0] ?? Number.NaN,
          components: Object.fromEntries(
            Object.keys(components).map((name) => [name, numbers(`component ${name}`)[0] ?? Number.NaN]),
          ),
          gradient: lists.map((list, row) => rows.slice(row * m, row * m + list.scores.length)),
        }
      })
    return (lists: readonly PlainList[], padding?: number) => Effect.runPromise(evaluate(lists, padding))
  })

const titled = losses.map((loss) => [Object.values(loss).join(" "), loss] as const)

/** Scores that differ by a hundredth at least, so that no small step changes their order, and seldom lie near a margin. */
const distinctScores = (n: number): fc.Arbitrary<readonly number[]> =>
  fc
    .uniqueArray(fc.integer({ min: -400, max: 400 }), { minLength: n, maxLength: n })
    .map((values) => values.map((value) => value / 100))

const list: fc.Arbitrary<PlainList> = fc.integer({ min: 1, max: 9 }).chain((n) =>
  fc.record({
    scores: distinctScores(n),
    grades: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: n, maxLength: n }),
    teacher: distinctScores(n),
  }),
)
const lists = fc.array(list, { minLength: 1, maxLength: 5 })

/** Lists that count. */
const telling = list.filter(countsIn)

const close = (actual: number, expected: number, tolerance: number): boolean =>
  Math.abs(actual - expected) <= tolerance * (1 + Math.abs(expected))

const options = { seed: 20, numRuns: 40 }

const withLoss = (
  loss: KnownLoss,
  type: Precision,
  body: (evaluate: Evaluate) => Promise<void>,
): Effect.Effect<void, unknown> =>
  Effect.flatMap(evaluator(loss, type), (evaluate) =>
    Effect.tryPromise({ try: () => body(evaluate), catch: (e) => e }),
  ).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

describe.each(titled)("%s", (title, loss) => {
  it.effect.each([
    ["float64", 1e-11],
    ["float32", 2e-5],
  ] as const)(`T2 ${title}: values, parts and gradient are the closed form's, in %s to %f`, ([type, tolerance]) =>
    withLoss(loss, type, async (evaluate) => {
      await fc.assert(
        fc.asyncProperty(lists, async (given) => {
          const counting = given.filter(countsIn)
          const expected = counting.map((each) => plainLoss(loss, each))
          const mean = (values: readonly number[]): number =>
            values.reduce((a, b) => a + b, 0) / Math.max(1, values.length)
          const { components, counted, gradient, loss: total } = await evaluate(given)
          expect(counted).toBe(counting.length)
          expect(close(total, mean(expected.map(({ value }) => value)), tolerance)).toBe(true)
          for (const [name, value] of Object.entries(components)) {
            const parts = expected.map((each) => each.components[name]?.value ?? Number.NaN)
            expect(close(value, mean(parts), tolerance)).toBe(true)
          }
          given.forEach((each, row) => {
            const slopes = countsIn(each) ? plainLoss(loss, each).gradient : each.scores.map(() => 0)
            slopes.forEach((slope, i) => {
              expect(close(gradient[row]?.[i] ?? Number.NaN, slope / Math.max(1, counting.length), tolerance)).toBe(
                true,
              )
            })
          })
        }),
        options,
      )
    }),
  )

  it(`T2 ${title}: the closed form's gradient is that of finite differences`, () => {
    fc.assert(
      fc.property(telling, (given) => {
        const step = 1e-5
        const at = (i: number, by: number): number =>
          plainLoss(loss, { ...given, scores: given.scores.map((s, j) => (i === j ? s + by : s)) }).value
        plainLoss(loss, given).gradient.forEach((slope, i) => {
          expect(close(slope, (at(i, step) - at(i, -step)) / (2 * step), 1e-6)).toBe(true)
        })
      }),
      options,
    )
  })

  it.effect(`T3 ${title}: items under a mask of 0 have no influence, not in one bit`, () =>
    withLoss(loss, "float32", async (evaluate) => {
      await fc.assert(
        fc.asyncProperty(lists, fc.constantFrom(0, 3, -1e30, Number.POSITIVE_INFINITY), async (given, padding) => {
          expect(await evaluate(given, padding)).toEqual(await evaluate(given))
        }),
        options,
      )
    }),
  )

  it.effect(`T4 ${title}: lists without a relevant item, or with one grade alone, change nothing`, () =>
    withLoss(loss, "float32", async (evaluate) => {
      const silent: readonly PlainList[] = [
        { scores: [1, 2, 3], grades: [0, 0, 0], teacher: [1, 2, 3] },
        { scores: [3, 1], grades: [2, 2], teacher: [1, 2] },
        { scores: [5], grades: [1], teacher: [1] },
        { scores: [5, 2, 1], grades: [-1, 0, -2], teacher: [1, 2, 4] },
      ]
      const alone = await evaluate(silent)
      expect(alone).toMatchObject({ loss: 0, counted: 0 })
      expect(alone.gradient.flat().every((slope) => slope === 0)).toBe(true)
      await fc.assert(
        fc.asyncProperty(telling, async (given) => {
          const [one, many] = [await evaluate([given]), await evaluate([given, ...silent])]
          expect(many.counted).toBe(1)
          expect(close(many.loss, one.loss, 1e-6)).toBe(true)
          one.gradient[0]?.forEach((slope, i) => {
            expect(close(many.gradient[0]?.[i] ?? Number.NaN, slope, 1e-6)).toBe(true)
          })
        }),
        options,
      )
    }),
  )

  it.effect(
    `T5 ${title}: the order of a list's items does not matter, nor, but for pointwise, a shift of its scores`,
    () =>
      withLoss(loss, "float64", async (evaluate) => {
        const shuffled = telling.chain((given) =>
          fc.tuple(
            fc.constant(given),
            fc.shuffledSubarray(
              given.scores.map((_, i) => i),
              { minLength: given.scores.length },
            ),
            fc.double({ min: -20, max: 20, noNaN: true }),
          ),
        )
        await fc.assert(
          fc.asyncProperty(shuffled, async ([given, order, shift]) => {
            const moved = (values: readonly number[]): readonly number[] => order.map((i) => values[i]!)
            const by = loss.kind === "pointwise" ? 0 : shift
            const [plain, other] = [
              await evaluate([given]),
              await evaluate([
                {
                  scores: moved(given.scores).map((score) => score + by),
                  grades: moved(given.grades),
                  teacher: moved(given.teacher),
                },
              ]),
            ]
            expect(close(other.loss, plain.loss, 1e-9)).toBe(true)
            moved(plain.gradient[0] ?? []).forEach((slope, i) => {
              expect(close(other.gradient[0]?.[i] ?? Number.NaN, slope, 1e-9)).toBe(true)
            })
          }),
          options,
        )
      }),
  )
})

describe("what a loss wants", () => {
  it.effect.each(titled.filter(([, loss]) => loss.kind !== "marginmse"))(
    "T6 %s: a perfect ranking has a lower loss the larger its margins, and a lower one than its reverse",
    ([, loss]) =>
      withLoss(loss, "float64", async (evaluate) => {
        const binary = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2, maxLength: 9 })
        await fc.assert(
          fc.asyncProperty(
            binary.filter((grades) => new Set(grades).size === 2),
            async (grades) => {
              const apart = async (margin: number): Promise<number> => {
                const scores = grades.map((grade) => margin * (grade - 0.5))
                return (await evaluate([{ scores, grades, teacher: scores }])).loss
              }
              const [narrow, wide, wider] = [await apart(0.1), await apart(0.5), await apart(3)]
              expect(wide).toBeLessThan(narrow)
              expect(wider).toBeLessThan(wide)
              expect(wider).toBeLessThan(await apart(-3))
            },
          ),
          options,
        )
      }),
  )

  it.effect(
    "T7 the hybrid is pairwise at α = 1 and k ≥ m, softmax at α = 0 over all, and its parts' mixture between",
    () =>
      Effect.gen(function* () {
        const of = (loss: KnownLoss) => evaluator(loss, "float32")
        const [pairwise, softmax] = [yield* of({ kind: "pairwise" }), yield* of({ kind: "softmax" })]
        const onlyPairs = yield* of({ kind: "hybrid", alpha: 1, k: 20, scope: "all" })
        const onlySoftmax = yield* of({ kind: "hybrid", alpha: 0, k: 3, scope: "all" })
        const mixed = yield* of({ kind: "hybrid", alpha: 0.25, k: 3, scope: "remainder" })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(lists, async (given) => {
              const outcome = async (evaluate: Evaluate) => {
                const { gradient, loss } = await evaluate(given)
                return { gradient: gradient.map((row) => row.map((slope) => slope + 0)), loss }
              }
              expect(await outcome(onlyPairs)).toEqual(await outcome(pairwise))
              expect(await outcome(onlySoftmax)).toEqual(await outcome(softmax))
              const { components, loss } = await mixed(given)
              const { pairwise: pairs = Number.NaN, softmax: rest = Number.NaN } = components
              expect(close(loss, 0.25 * pairs + 0.75 * rest, 1e-6)).toBe(true)
            }),
            options,
          ),
        )
      }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
  )

  it.effect("T8 of equal scores the later item of a list ranks first", () =>
    withLoss({ kind: "hybrid", alpha: 0.5, k: 1, scope: "remainder" }, "float64", async (evaluate) => {
      const tied: PlainList = { scores: [1, 1, 0, 1], grades: [0, 2, 1, 0], teacher: [0, 0, 0, 0] }
      const { components } = await evaluate([tied])
      // The last of the three ranks first: its pairs count, and the softmax goes over the three others.
      const ahead = [0, -1].map((difference) => Math.log1p(Math.exp(-difference)))
      expect(components["pairwise"]).toBeCloseTo(((ahead[0] ?? 0) + (ahead[1] ?? 0)) / 2, 12)
      const partition = Math.log(2 * Math.E + 1)
      expect(components["softmax"]).toBeCloseTo(partition - 2 / 3, 12)
    }),
  )

  it("T2 marginmse without a teacher's scores is refused", () => {
    const shape = [2, 3]
    const given = ["scores", "grades", "mask"].map((name) => Onnx.input(name, "float32", shape))
    const [scores, grades, mask] = given
    if (scores === undefined || grades === undefined || mask === undefined) throw new Error("three inputs")
    expect(() => lossExpression({ kind: "marginmse" }, { scores, grades, mask })).toThrow(/teacher/)
  })
})

describe("the registry of losses", () => {
  it.each(registered.map(({ name }) => name))(
    "T66 %s has a closed form that its expression is compared with",
    (name) => {
      expect(losses.map(({ kind }) => kind)).toContain(name)
    },
  )

  it("T66 settings that are left out have their defaults, and what is none is refused", () => {
    expect(lossOf("hybrid", { k: 3 })).toEqual({ kind: "hybrid", alpha: 0.5, k: 3, scope: "all" })
    expect(lossOf("softmax", {})).toEqual({ kind: "softmax" })
    expect(() => lossOf("hybrid", { k: 0 })).toThrow(/k/)
  })
})
