import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { formGroups, RowSum, squaredNorm, updateOf } from "../../../neural/optimizers/index.ts"
import { OptimizerSettings } from "../../../schemas/index.ts"

const Numbers = Schema.Array(Schema.Number)
const golden = Schema.decodeUnknownSync(
  Schema.Struct({
    rates: Numbers,
    after: Numbers,
    weights: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        shape: Numbers,
        initial: Numbers,
        gradients: Schema.Array(Numbers),
      }),
    ),
    cases: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        settings: OptimizerSettings,
        expected: Schema.Array(Schema.Record({ key: Schema.String, value: Numbers })),
      }),
    ),
  }),
)(JSON.parse(readFileSync(join(import.meta.dirname, "../../reference/optimizers/golden.json"), "utf8")))

const settingsOf = (given: unknown): OptimizerSettings => Schema.decodeUnknownSync(OptimizerSettings)(given)

const largestError = (actual: Float32Array, expected: readonly number[]): number =>
  expected.reduce((worst, value, i) => Math.max(worst, Math.abs((actual[i] ?? Number.NaN) - value)), 0)

describe("optimizers", () => {
  it.each(golden.cases)("T9 $name gives the reference's weights", ({ expected, settings }) => {
    for (const { gradients, initial, name, shape } of golden.weights) {
      const weight = Float32Array.from(initial)
      const update = updateOf(settings, shape, false)
      gradients.forEach((gradient, step) => {
        const rate = golden.rates[step] ?? Number.NaN
        const values = Float32Array.from(gradient)
        update.apply(
          weight,
          { kind: "dense", values },
          { rate, decay: settings.weightDecay, scale: 1, count: step + 1 },
        )
        const seen = golden.after.indexOf(step + 1)
        if (seen >= 0) expect(largestError(weight, expected[seen]?.[name] ?? [])).toBeLessThan(2e-6)
      })
    }
  })

  const width = 3
  const [entries, steps] = [6, 9]
  /** The rows that each step uses, some of them twice, and their gradients. */
  const used = Array.from({ length: steps }, (_, step) =>
    [step % 2, 3, 3, (step * step) % 5].filter((row) => row < entries),
  )
  const gradientsOf = (step: number): Float32Array =>
    Float32Array.from({ length: (used[step]?.length ?? 0) * width }, (_, i) => Math.sin(1 + 3 * step + i))
  const begin = (): Float32Array => Float32Array.from({ length: entries * width }, (_, i) => Math.cos(i))

  const train = (settings: OptimizerSettings, byRow: boolean) => {
    const weight = begin()
    const update = updateOf(settings, [entries, width], byRow)
    const sum = new RowSum(entries, width)
    for (let step = 0; step < steps; step++) {
      const indices = BigInt64Array.from(used[step] ?? [], BigInt)
      sum.clear()
      sum.add(indices, gradientsOf(step))
      const gradient = sum.gradient()
      const values = new Float32Array(entries * width)
      gradient.rows.forEach((row, place) => {
        values.set(gradient.values.subarray(place * width, (place + 1) * width), row * width)
      })
      expect(squaredNorm(gradient)).toBeCloseTo(squaredNorm({ kind: "dense", values }), 10)
      const terms = { rate: 0.01, decay: 0.1, scale: 0.5, count: step + 1 }
      update.apply(weight, byRow ? gradient : { kind: "dense", values }, terms)
    }
    return { weight, memory: update.memory }
  }

  it.each(["adamw", "adafactor"] as const)("T10 %s with gradients by row is that with the whole gradient", (kind) => {
    const settings = settingsOf({ kind })
    const [byRow, whole] = [train(settings, true), train(settings, false)]
    expect(byRow.weight).toEqual(whole.weight)
    expect(byRow.memory).toMatchObject(whole.memory)
  })

  it("T11 updating touched rows alone leaves the others as they are, and decays moments by the steps that passed", () => {
    const [touched, all] = [
      train(settingsOf({ embeddings: "touched" }), true),
      train(settingsOf({ embeddings: "all" }), true),
    ]
    const rowOf = (weight: ArrayLike<number> | undefined, row: number): readonly number[] =>
      Array.from(weight ?? []).slice(row * width, (row + 1) * width)
    expect(rowOf(touched.weight, 5)).toEqual(rowOf(begin(), 5))
    const last = used.map((rows) => rows.includes(3)).lastIndexOf(true)
    expect(last).toBe(steps - 1)
    // Touched at every step, and last touched in the last one.
    expect(rowOf(touched.weight, 3)).toEqual(rowOf(all.weight, 3))
    const moments = (of: typeof touched, row: number) => ["first", "second"].map((name) => rowOf(of.memory[name], row))
    for (const row of [3, (steps - 1) % 2]) {
      moments(touched, row).forEach((moment, which) => {
        moment.forEach((value, i) => expect(value).toBeCloseTo(moments(all, row)[which]?.[i] ?? Number.NaN, 6))
      })
    }
    expect(touched.memory["touched"]).toEqual(
      Int32Array.from({ length: entries }, (_, row) => used.map((rows) => rows.includes(row)).lastIndexOf(true) + 1),
    )
  })
})

describe("groups", () => {
  const names = ["shared.weight", "encoder.block.0.layer_norm.weight", "encoder.block.0.q.weight", "head.score.bias"]
  const formed = (given: unknown) => formGroups(settingsOf(given), names)
  const groups = (...patterns: readonly string[]) => ({
    groups: patterns.map((pattern, i) => ({ name: `g${i}`, pattern, frozen: pattern.includes("shared") })),
  })

  it("T12 a weight belongs to the first group whose pattern its name fits; norms and biases do not decay", () => {
    const found = Either.getOrThrow(formed(groups("^shared", "^head", ".")))
    expect(names.map((name) => found.get(name))).toEqual([
      { group: 0, frozen: true, decays: true },
      { group: 2, frozen: false, decays: false },
      { group: 2, frozen: false, decays: true },
      { group: 1, frozen: false, decays: false },
    ])
    const all = Either.getOrThrow(formed({ withoutDecay: "" }))
    expect([...all.values()].every(({ decays }) => decays)).toBe(true)
  })

  it.each<readonly [string, unknown, RegExp]>([
    ["fits nothing", groups("^decoder", "."), /group g0, «\^decoder» fits no weight/],
    ["comes too late", groups(".", "^head"), /g1, «\^head» fits only weights that belong to earlier groups/],
    ["leaves weights over", groups("^head"), /leave weights without a group/],
    ["needs another optimizer", { kind: "adafactor", embeddings: "touched" }, /«touched» goes with adamw only/],
    ["is broken", groups("(", "."), /«\(» is no regular expression/],
    ["freezes everything", groups("shared|."), /all others are frozen/],
  ])("T12 a pattern that %s is refused, with the names", (_, given, message) => {
    const problem = Either.getOrThrow(Either.flip(formed(given)))
    expect(problem.message).toMatch(message)
    expect(problem.message).toContain("encoder.block.0.q.weight")
  })
})
