import type { OptimizerSettings } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import type { WeightGroup } from "../optimizers/index.ts"
import { gradientOutput, type TrainingGraphs } from "./trainingGraphs.ts"

type Floats = Onnx.Expression<"float32">

/** What a step is fed beside its texts and lists, [groups] each: the learning rates, and what of a weight that decays is kept. */
export const [ratesInput, keptInput] = ["rates", "kept"] as const
/** For all steps, [times] each: 1 / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ) of the first update of the run, of the second, and so on. */
export const [meanInput, rootInput] = ["mean corrections", "root corrections"] as const
/** How many updates the run has made: int64, without axes. */
export const madeInput = "made"
export const normOutput = "gradient norm"
/** The moments of a weight, by the names that the optimizer has for them. */
export const momentInput = (moment: "first" | "second", weight: string): string => `${moment}:${weight}`

const [madeOutput, goesOnOutput] = ["made by now", "goes on"] as const
const next = (name: string): string => `next ${name}`

const isFloats = (x: Onnx.Expression | undefined): x is Floats => x?.type === "float32"

/** Of what a graph computes, the floats of that name. */
const floatsOf = ({ name, outputs }: Onnx.Graph, wanted: string): Floats => {
  const found = outputs[wanted]
  if (!isFloats(found)) throw new Onnx.GraphError(name, `it has no floats called ${wanted}`)
  return found
}

const isFinite = (x: Floats): Onnx.Expression<"bool"> =>
  Onnx.lessOrEqual(Onnx.absolute(x), Onnx.scalar(Onnx.largestFloat))

/**
 * Steps that go on from one another in one run: forward, loss, backward, clipping and AdamW, as `AdamW` has it, with the weights and their
 * moments carried from step to step. A step of which nothing counts changes nothing; one that is not finite neither, and ends the run.
 *
 * @param groups of the trained weights
 */
export const repeatedSteps = (
  graphs: TrainingGraphs,
  groups: ReadonlyMap<string, WeightGroup>,
  { adamw: { beta1, beta2, epsilon }, clip, groups: settings }: OptimizerSettings,
): Onnx.RepeatedGraph => {
  const step = graphs.plain()
  const { trained } = graphs
  const gradients = trained.map(({ name }) => floatsOf(step, gradientOutput(name)))
  const squares = gradients.map((each) => Onnx.reduceSum(Onnx.multiply(each, each), [...each.shape.keys()], false))
  const norm = Onnx.squareRoot(squares.reduce((a, b) => Onnx.add(a, b)))
  const loss = floatsOf(step, "loss")
  const finite = Onnx.and(isFinite(loss), isFinite(norm))
  const counts = Onnx.and(finite, Onnx.greater(floatsOf(step, "counted"), Onnx.scalar(0)))
  const ifCounted = (then: number, otherwise: number): Floats =>
    Onnx.where(counts, Onnx.scalar(then), Onnx.scalar(otherwise))

  const times = Onnx.dimensions.named("times")
  const rates = Onnx.input(ratesInput, "float32", [settings.length])
  const kept = Onnx.input(keptInput, "float32", [settings.length])
  const means = Onnx.input(meanInput, "float32", [times])
  const roots = Onnx.input(rootInput, "float32", [times])
  const made = Onnx.input(madeInput, "int64", [])
  const mean = Onnx.gather(means, made)
  const root = Onnx.gather(roots, made)
  const [kept1, new1] = [ifCounted(beta1, 1), ifCounted(1 - beta1, 0)]
  const [kept2, new2] = [ifCounted(beta2, 1), ifCounted(1 - beta2, 0)]
  const scale =
    clip > 0
      ? Onnx.where(Onnx.greater(norm, Onnx.scalar(clip)), Onnx.divide(Onnx.scalar(clip), norm), Onnx.scalar(1))
      : undefined
  const one = (values: Floats, group: number): Floats => Onnx.reshape(Onnx.slice(values, 0, group, group + 1), [])
  const ofGroup = settings.map((_, group) => ({
    rate: Onnx.where(counts, Onnx.multiply(one(rates, group), mean), Onnx.scalar(0)),
    keeps: Onnx.where(counts, one(kept, group), Onnx.scalar(1)),
  }))

  const outputs: Record<string, Onnx.Expression> = {
    [goesOnOutput]: finite,
    [madeOutput]: Onnx.add(made, Onnx.cast(counts, "int64")),
  }
  const carried = new Map<string, string>([[madeInput, madeOutput]])
  const moments: Floats[] = []
  trained.forEach(({ expression: weight, name, shape }, w) => {
    const { decays = false, group = 0 } = groups.get(name) ?? {}
    const { keeps, rate } = ofGroup[group]!
    // A gradient that is not finite would also be found in what it is multiplied by 0 for.
    const sound = Onnx.where(finite, gradients[w]!, Onnx.scalar(0))
    const slope = scale === undefined ? sound : Onnx.multiply(sound, scale)
    const first = Onnx.input(momentInput("first", name), "float32", shape)
    const second = Onnx.input(momentInput("second", name), "float32", shape)
    moments.push(first, second)
    const m = Onnx.add(Onnx.multiply(first, kept1), Onnx.multiply(slope, new1))
    const v = Onnx.add(Onnx.multiply(second, kept2), Onnx.multiply(Onnx.multiply(slope, slope), new2))
    const below = Onnx.add(Onnx.multiply(Onnx.squareRoot(v), root), Onnx.scalar(epsilon))
    const old = decays ? Onnx.multiply(weight, keeps) : weight
    const results = {
      [name]: Onnx.subtract(old, Onnx.divide(Onnx.multiply(m, rate), below)),
      [momentInput("first", name)]: m,
      [momentInput("second", name)]: v,
    }
    for (const [state, value] of Object.entries(results)) {
      outputs[next(state)] = value
      carried.set(state, next(state))
    }
  })
  const told = Object.entries(step.outputs).filter(
    ([name]) => !trained.some((each) => name === gradientOutput(each.name)),
  )
  return {
    name: "steps",
    body: {
      name: "step",
      inputs: [...step.inputs, rates, kept, means, roots, made, ...moments],
      outputs: { ...outputs, ...Object.fromEntries(told), [normOutput]: norm },
    },
    carried,
    shared: new Set([meanInput, rootInput]),
    goesOn: goesOnOutput,
  }
}
