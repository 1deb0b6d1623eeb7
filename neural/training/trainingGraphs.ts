import { type Adapters, adaptedExpression } from "../adapters/index.ts"
import {
  type Floats,
  keepAll,
  type ModelDescription,
  modelExpression,
  Parameters,
  tokenBatch,
} from "../architectures/index.ts"
import { type Loss, looksOverBatch, lossExpression, needsTeacher } from "../losses/index.ts"
import * as Onnx from "../onnx/index.ts"
import { DropoutMasks } from "./DropoutMasks.ts"
import { type Flow, Recomputed } from "./recomputed.ts"
import type { VectorScores } from "./Trainer.ts"

/** The output of a graph that holds a weight's gradient, in its shape or by row. */
export const gradientOutput = (weight: string): string => `gradient of ${weight}`
export const rowIndicesOutput = (weight: string): string => `rows of ${weight}`
/** The output of a graph that holds a part of the loss. */
export const componentOutput = (component: string): string => `component ${component}`

/** What the names of a group's inputs end with. */
export const groupSuffix = (group: number): string => `.${group}`

/**
 * The graphs that a step is made of. Weights are inputs of them under their names. What a model gives for a text is one score, or a
 * vector of `width` numbers: then the step's rows are the lists' passages, as their items lie, and behind them the lists' queries.
 */
export interface TrainingGraphs {
  /** Texts → `outcome` [texts], or [texts, width], as the loss sees it: with dropout. */
  readonly score: Onnx.Graph
  /**
   * `outcome` [lists, m], or [rows, width], grades, mask and perhaps teacher, [lists, m], and others, [lists, lists · m] → loss, counted,
   * components and the gradient of the outcome.
   */
  readonly loss: Onnx.Graph
  /** Texts and the gradient of their outcome, `seed` → the weights' gradients. */
  readonly backward: Onnx.Graph
  /**
   * All in one: the texts in so many groups, `slots` int64 [lists, m], or [rows] (the text of each item, counted through the groups, or
   * the number of texts where there is none), and what the loss reads beside → loss, counted, components and the weights'
   * gradients. The inputs of a group are those of `score`, their names followed by `groupSuffix`.
   */
  readonly whole: (groups: number) => Onnx.Graph
  /** As `whole` of one group, with every weight's gradient in its shape. */
  readonly plain: () => Onnx.Graph
  /** Numbers of a vector; undefined where the model gives scores. */
  readonly width: number | undefined
  /** Whether the loss reads which passages of a step are no answers to each list's query. */
  readonly overBatch: boolean
  readonly components: readonly string[]
  /** The weights that have gradients. */
  readonly trained: readonly Onnx.GraphParameter[]
  /** Those whose gradient comes in their shape, and those whose gradient comes by row. */
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

const listShape = [Onnx.dimensions.named("lists"), Onnx.dimensions.named("m")] as const
const [listCount, listSize] = listShape
const passageCount = Onnx.dimensions.multiply(listCount, listSize)
/** Of a step whose texts become vectors. */
const rowCount = Onnx.dimensions.add(passageCount, listCount)

/** Products of the rows' vectors: of each query with its list's passages, and with those of all lists. */
const products = (vectors: Floats, width: number, temperature: number) => {
  const passages = Onnx.slice(vectors, 0, 0, passageCount)
  const queries = Onnx.multiply(Onnx.slice(vectors, 0, passageCount, rowCount), 1 / temperature)
  const own = Onnx.matMul(
    Onnx.reshape(passages, [listCount, listSize, width]),
    Onnx.reshape(queries, [listCount, width, 1]),
  )
  return {
    scores: Onnx.reshape(own, [...listShape]),
    ofBatch: () => Onnx.gemm(queries, passages, { transposeB: true }),
  }
}

const scoredLists = (loss: Loss, outcome: Floats, width: number | undefined, how: VectorScores) => {
  const grades = Onnx.input("grades", "float32", listShape)
  const mask = Onnx.input("mask", "float32", listShape)
  const teacher = Onnx.input("teacher", "float32", listShape)
  const others = Onnx.input("others", "float32", [listCount, passageCount])
  const compared = width === undefined ? undefined : products(outcome, width, how.temperature)
  const overBatch = compared !== undefined && (how.inBatch > 0 || looksOverBatch(loss))
  const expressions = lossExpression(
    loss,
    {
      scores: compared?.scores ?? outcome,
      grades,
      mask,
      teacher,
      ...(overBatch ? { batch: { scores: compared.ofBatch(), others } } : {}),
    },
    compared === undefined ? 0 : how.inBatch,
  )
  const components = Object.fromEntries(
    Object.entries(expressions.components).map(([name, each]) => [componentOutput(name), each]),
  )
  return {
    loss: expressions.loss,
    inputs: [grades, mask, ...(needsTeacher(loss) ? [teacher] : []), ...(overBatch ? [others] : [])],
    outputs: { loss: expressions.loss, counted: expressions.counted, ...components },
    components: Object.keys(expressions.components),
    overBatch,
  }
}

/**
 * The graphs for training a model with a loss.
 *
 * @param frozen the names of weights without gradients: what only they need is not in the graphs
 * @param recompute whether the backward pass makes the values inside of layers again, instead of their being kept
 * @param adapters changes beside weights, whose factors are weights like others
 * @param how of a model that gives vectors
 */
export const trainingGraphs = (
  description: ModelDescription,
  loss: Loss,
  rate: number,
  frozen: ReadonlySet<string>,
  adapters?: Adapters,
  recompute = false,
  how: VectorScores = { temperature: 1, inBatch: 0 },
): TrainingGraphs => {
  const { head } = description
  const leavesOut = head.kind === "embedding" && head.leavesOutPrompt === true
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
    const counted = leavesOut ? [tokens.poolingMask] : []
    const texts = [tokens.ids, tokens.attentionMask, ...types, ...counted, ...(masks?.inputs ?? [])]
    const flow: Flow = { ids: tokens.ids, masks: masks?.inputs ?? [], scores }
    return { batch: tokens.batch, flow, scores, texts }
  }
  const { batch, flow, scores, texts } = scored("")
  const order = Onnx.inOrder([scores])
  const weights = Onnx.parametersOf({ name: "outcome", inputs: texts, outputs: { outcome: scores } })
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
    tables: readonly Onnx.GraphParameter[] = byRow,
  ): Readonly<Record<string, Onnx.Expression>> => {
    const again = recompute ? new Recomputed(flows) : undefined
    const cuts = again?.cuts ?? []
    const inShape = trained.filter((weight) => !tables.includes(weight))
    const gradients = Onnx.differentiate([differentiated], {
      dense: [...inShape.map(({ expression }) => expression), ...cuts],
      byRow: tables.map(({ expression }) => expression),
    })
    const outputs: Record<string, Onnx.Expression> = {}
    tables.forEach(({ name }, i) => {
      const { indices, rows } = gradients.byRow[i]!
      outputs[rowIndicesOutput(name)] = indices
      outputs[gradientOutput(name)] = rows
    })
    inShape.forEach(({ name }, i) => {
      outputs[gradientOutput(name)] = gradients.dense[i]!
    })
    if (again === undefined) return outputs
    const ofWeights = inShape.map(({ expression }, i) => ({ weight: expression, gradient: gradients.dense[i]! }))
    return again.rewritten(gradients.dense.slice(inShape.length), ofWeights, outputs)
  }

  const last = scores.shape[1]
  const width = typeof last === "number" ? last : undefined
  const given = Onnx.input("outcome", "float32", width === undefined ? listShape : [rowCount, width])
  const apart = scoredLists(loss, given, width, how)
  const [gradient] = Onnx.gradients([{ of: apart.loss }], [given])
  const seed = Onnx.input("seed", "float32", width === undefined ? [batch] : [batch, width])

  const wholeOf = (name: string, count: number, tables: readonly Onnx.GraphParameter[]): Onnx.Graph => {
    const groups = Array.from({ length: count }, (_, group) => scored(groupSuffix(group)))
    const slots = Onnx.input("slots", "int64", width === undefined ? listShape : [rowCount])
    // Places without a text have a score of their own, so that no text's gradient is added to from several places.
    const none = Onnx.constant(new Float32Array(width ?? 1), width === undefined ? [1] : [1, width])
    const all = Onnx.concat([...groups.map((group) => group.scores), none], 0)
    const together = scoredLists(loss, Onnx.gather(all, slots), width, how)
    return {
      name,
      inputs: [...groups.flatMap((group) => group.texts), slots, ...together.inputs],
      outputs: {
        ...gradientsOf(
          { of: together.loss },
          groups.map((group) => group.flow),
          tables,
        ),
        ...together.outputs,
      },
    }
  }
  return {
    score: { name: "score", inputs: texts, outputs: { outcome: scores } },
    loss: {
      name: "loss",
      inputs: [given, ...apart.inputs],
      outputs: { ...apart.outputs, gradient: gradient ?? given },
    },
    backward: { name: "backward", inputs: [...texts, seed], outputs: gradientsOf({ of: scores, seed }, [flow]) },
    whole: (count) => wholeOf(`step${count}`, count, byRow),
    plain: () => wholeOf("step", 1, []),
    width,
    overBatch: apart.overBatch,
    components: apart.components,
    trained,
    dense: dense.map(({ name }) => name),
    byRow: byRow.map(({ name }) => name),
  }
}
