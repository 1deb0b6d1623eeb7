import { type Adapters, adaptedExpression } from "../adapters/index.ts"
import {
  type Floats,
  keepAll,
  type ModelDescription,
  modelExpression,
  Parameters,
  tokenBatch,
} from "../architectures/index.ts"
import { type Loss, lossExpression, needsTeacher } from "../losses/index.ts"
import * as Onnx from "../onnx/index.ts"
import { DropoutMasks } from "./DropoutMasks.ts"
import { type Flow, Recomputed } from "./recomputed.ts"

/** The output of a graph that holds a weight's gradient, in its shape or by row. */
export const gradientOutput = (weight: string): string => `gradient of ${weight}`
export const rowIndicesOutput = (weight: string): string => `rows of ${weight}`
/** The output of a graph that holds a part of the loss. */
export const componentOutput = (component: string): string => `component ${component}`

/** What the names of a group's inputs end with. */
export const groupSuffix = (group: number): string => `.${group}`

/** The graphs that a step is made of. Weights are inputs of them under their names. */
export interface TrainingGraphs {
  /** Texts → scores [texts], as the loss sees them: with dropout. */
  readonly score: Onnx.Graph
  /** scores, grades, mask and perhaps teacher, [lists, m] → loss, counted, components and the gradient of the scores. */
  readonly loss: Onnx.Graph
  /** Texts and the gradient of their scores, `seed` [texts] → the weights' gradients. */
  readonly backward: Onnx.Graph
  /**
   * All in one: the texts in so many groups, `slots` int64 [lists, m] (the text of each item, counted through the groups, or the
   * number of texts where there is none), grades, mask and perhaps teacher → loss, counted, components and the weights'
   * gradients. The inputs of a group are those of `score`, their names followed by `groupSuffix`.
   */
  readonly whole: (groups: number) => Onnx.Graph
  readonly components: readonly string[]
  /** The weights whose gradient comes in their shape, and those whose gradient comes by row. */
  readonly dense: readonly string[]
  readonly byRow: readonly string[]
}

/** Whether a weight is used by gathers along its first axis only. */
const isTable = (weight: Onnx.Expression, order: readonly Onnx.Expression[]): boolean =>
  weight.shape.length === 2 &&
  order.every(
    ({ inputs, operation }) =>
      !inputs.includes(weight) || (operation.kind === "Gather" && operation.axis === 0 && inputs[0] === weight),
  )

const scoredLists = (loss: Loss, scores: Floats) => {
  const shape = [Onnx.dimensions.named("lists"), Onnx.dimensions.named("m")]
  const grades = Onnx.input("grades", "float32", shape)
  const mask = Onnx.input("mask", "float32", shape)
  const teacher = Onnx.input("teacher", "float32", shape)
  const expressions = lossExpression(loss, { scores, grades, mask, teacher })
  const components = Object.fromEntries(
    Object.entries(expressions.components).map(([name, each]) => [componentOutput(name), each]),
  )
  return {
    loss: expressions.loss,
    inputs: needsTeacher(loss) ? [grades, mask, teacher] : [grades, mask],
    outputs: { loss: expressions.loss, counted: expressions.counted, ...components },
    components: Object.keys(expressions.components),
  }
}

/**
 * The graphs for training a model with a loss.
 *
 * @param frozen the names of weights without gradients: what only they need is not in the graphs
 * @param recompute whether the backward pass makes the values inside of layers again, instead of their being kept
 * @param adapters changes beside weights, whose factors are weights like others
 */
export const trainingGraphs = (
  description: ModelDescription,
  loss: Loss,
  rate: number,
  frozen: ReadonlySet<string>,
  adapters?: Adapters,
  recompute = false,
): TrainingGraphs => {
  const parameters = new Parameters()
  const scored = (suffix: string) => {
    const tokens = tokenBatch(suffix)
    const drops = rate > 0 || (adapters !== undefined && adapters.dropout > 0)
    const masks = drops ? new DropoutMasks(rate, tokens.batch, tokens.sequence, suffix) : undefined
    const plain = modelExpression(description, tokens, parameters, masks?.at(rate) ?? keepAll)
    const scores =
      adapters === undefined
        ? plain
        : adaptedExpression(plain, adapters, parameters, masks?.at(adapters.dropout) ?? keepAll)
    const types = description.architecture.tokenTypes ? [tokens.tokenTypes] : []
    const texts = [tokens.ids, tokens.attentionMask, ...types, ...(masks?.inputs ?? [])]
    const flow: Flow = { ids: tokens.ids, masks: masks?.inputs ?? [], scores }
    return { batch: tokens.batch, flow, scores, texts }
  }
  const { batch, flow, scores, texts } = scored("")
  const order = Onnx.inOrder([scores])
  const weights = Onnx.parametersOf({ name: "scores", inputs: texts, outputs: { scores } })
  const trained = weights.filter(({ name }) => !frozen.has(name))
  const byRow = trained.filter(({ expression }) => isTable(expression, order))
  const dense = trained.filter((weight) => !byRow.includes(weight))
  /**
   * The weights' gradients of something, as outputs; those that are made last stand first. onnxruntime makes what nothing else needs in
   * the order of the outputs from the last to the first: so a layer's gradients are made when the pass back comes through the layer, and
   * not at the end, which would keep all layers' values until then.
   */
  const gradientsOf = (
    differentiated: Onnx.Differentiated,
    flows: readonly Flow[],
  ): Readonly<Record<string, Onnx.Expression>> => {
    const again = recompute ? new Recomputed(flows) : undefined
    const cuts = again?.cuts ?? []
    const gradients = Onnx.differentiate([differentiated], {
      dense: [...dense.map(({ expression }) => expression), ...cuts],
      byRow: byRow.map(({ expression }) => expression),
    })
    const outputs: Record<string, Onnx.Expression> = {}
    byRow.forEach(({ name }, i) => {
      const { indices, rows } = gradients.byRow[i]!
      outputs[rowIndicesOutput(name)] = indices
      outputs[gradientOutput(name)] = rows
    })
    dense.forEach(({ name }, i) => {
      outputs[gradientOutput(name)] = gradients.dense[i]!
    })
    if (again === undefined) return outputs
    const ofWeights = dense.map(({ expression }, i) => ({ weight: expression, gradient: gradients.dense[i]! }))
    return again.rewritten(gradients.dense.slice(dense.length), ofWeights, outputs)
  }

  const lists = [Onnx.dimensions.named("lists"), Onnx.dimensions.named("m")]
  const given = Onnx.input("scores", "float32", lists)
  const apart = scoredLists(loss, given)
  const [gradient] = Onnx.gradients([{ of: apart.loss }], [given])
  const seed = Onnx.input("seed", "float32", [batch])

  const whole = (count: number): Onnx.Graph => {
    const groups = Array.from({ length: count }, (_, group) => scored(groupSuffix(group)))
    const slots = Onnx.input("slots", "int64", lists)
    // Places without a text have a score of their own, so that no text's gradient is added to from several places.
    const all = Onnx.concat([...groups.map((group) => group.scores), Onnx.constant([0], [1])], 0)
    const together = scoredLists(loss, Onnx.gather(all, slots))
    return {
      name: `step${count}`,
      inputs: [...groups.flatMap((group) => group.texts), slots, ...together.inputs],
      outputs: {
        ...gradientsOf(
          { of: together.loss },
          groups.map((group) => group.flow),
        ),
        ...together.outputs,
      },
    }
  }
  return {
    score: { name: "score", inputs: texts, outputs: { scores } },
    loss: {
      name: "loss",
      inputs: [given, ...apart.inputs],
      outputs: { ...apart.outputs, gradient: gradient ?? given },
    },
    backward: { name: "backward", inputs: [...texts, seed], outputs: gradientsOf({ of: scores, seed }, [flow]) },
    whole,
    components: apart.components,
    dense: dense.map(({ name }) => name),
    byRow: byRow.map(({ name }) => name),
  }
}
