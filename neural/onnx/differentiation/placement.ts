import * as Dim from "../Dim.ts"
import {
  add,
  cast,
  concat,
  dimension,
  type Expression,
  expand,
  gather,
  gatherElements,
  type Indices,
  multiply,
  reduceSum,
  reshape,
  scatterElements,
  scatterND,
  slice,
  squeeze,
  transpose,
} from "../Expression.ts"
import { GraphError } from "../GraphError.ts"
import { type Floating, filled, floatingInput, type Rule, summedTo } from "./Rule.ts"

const isIndices = (x: Expression): x is Indices => x.type === "int64" || x.type === "int32"

/** An input of a node that the operation wants to be indices, as int64. */
export const indicesInput = (node: Expression, index: number): Expression<"int64"> => {
  const found = node.inputs[index]
  if (found === undefined || !isIndices(found)) {
    throw new GraphError("gradient", `${node.operation.kind} has no indices as input ${index}`)
  }
  return found.type === "int64" ? found : cast(found, "int64")
}

export const reshapeRule: Rule = (node, gradient) => [reshape(gradient, floatingInput(node, 0).shape)]

export const expandRule: Rule = (node, gradient) => [summedTo(gradient, floatingInput(node, 0).shape)]

export const transposeRule =
  (permutation: readonly number[]): Rule =>
  (_node, gradient) => [
    transpose(
      gradient,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ]

export const concatRule =
  (axis: number): Rule =>
  (node, gradient) => {
    let end: Dim.Dim = 0
    return node.inputs.map((_, index) => {
      const start = end
      end = Dim.add(start, floatingInput(node, index).shape[axis] ?? 0)
      return slice(gradient, axis, start, end)
    })
  }

/** The rows that a gather along axis 0 took from each entry, as [indices, …]. */
export const gatheredRows = (
  node: Floating,
  gradient: Floating,
): { readonly indices: Expression<"int64">; readonly rows: Floating } => {
  const indices = indicesInput(node, 1)
  const count = Dim.elements(indices.shape)
  return {
    indices: reshape(indices, [count]),
    rows: reshape(gradient, [count, ...floatingInput(node, 0).shape.slice(1)]),
  }
}

/** The order of axes that puts `count` axes from `first` on before the others. */
const broughtToFront = (rank: number, first: number, count: number): readonly number[] => {
  const axes = Array.from({ length: rank }, (_, axis) => axis)
  return [...axes.slice(first, first + count), ...axes.slice(0, first), ...axes.slice(first + count)]
}

/**
 * The sums of the updates that have one index, as rows [entries, …]. Not by ScatterND: onnxruntime's adds on several threads
 * at once, and where an index occurs twice an addition may get lost.
 */
const summedByIndex = (
  like: Floating,
  [entries = 1, ...rest]: Dim.Shape,
  indices: Expression<"int64">,
  updates: Floating,
): Floating => {
  const count = indices.shape[0] ?? 1
  const width = Dim.elements(rest)
  const repeated = expand(reshape(indices, [count, 1]), [count, width])
  return scatterElements(filled(like, [entries, width], 0), repeated, reshape(updates, [count, width]), 0, "add")
}

export const gatherRule =
  (axis: number): Rule =>
  (node, gradient) => {
    const x = floatingInput(node, 0)
    const indices = indicesInput(node, 1)
    const depth = indices.shape.length
    const toFront = broughtToFront(x.shape.length, axis, 1)
    const back = toFront.map((_, each) => toFront.indexOf(each))
    const table = toFront.map((each) => x.shape[each] ?? 0)
    const updates = axis === 0 ? gradient : transpose(gradient, broughtToFront(gradient.shape.length, axis, depth))
    const sums = reshape(summedByIndex(x, table, reshape(indices, [Dim.elements(indices.shape)]), updates), table)
    return [axis === 0 ? sums : transpose(sums, back)]
  }

export const gatherElementsRule =
  (axis: number): Rule =>
  (node, gradient) => {
    const x = floatingInput(node, 0)
    return [scatterElements(filled(x, x.shape, 0), indicesInput(node, 1), gradient, axis, "add")]
  }

/** Index tuples [..., k] into the first k axes of a shape as indices into those axes joined to one, [...]. */
const joinedIndices = (indices: Expression<"int64">, shape: Dim.Shape): Expression<"int64"> => {
  const depth = shape.length
  const last = indices.shape.length - 1
  let joined: Expression<"int64"> | undefined
  for (let axis = 0; axis < depth; axis++) {
    const own = squeeze(slice(indices, last, axis, axis + 1), [last])
    joined = joined === undefined ? own : add(multiply(joined, dimension(shape[axis] ?? 1, "int64")), own)
  }
  return joined ?? reduceSum(indices, [last])
}

/** Entries that were added to pass the gradient on; entries that were replaced keep it from what was there before. */
export const scatterNDRule =
  (reduction: "none" | "add"): Rule =>
  (node, gradient) => {
    const [x, updates] = [floatingInput(node, 0), floatingInput(node, 2)]
    const indices = indicesInput(node, 1)
    const depth = indices.shape.at(-1)
    if (typeof depth !== "number") throw new GraphError("gradient", "ScatterND has index tuples of unknown length")
    const [outer, inner] = [x.shape.slice(0, depth), x.shape.slice(depth)]
    const ofUpdates = gather(reshape(gradient, [Dim.elements(outer), ...inner]), joinedIndices(indices, outer))
    if (reduction === "add") return [gradient, undefined, ofUpdates]
    return [scatterND(gradient, indices, filled(updates, updates.shape, 0), "none"), undefined, ofUpdates]
  }

export const scatterElementsRule =
  (axis: number, reduction: "none" | "add"): Rule =>
  (node, gradient) => {
    const updates = floatingInput(node, 2)
    const indices = indicesInput(node, 1)
    const ofUpdates = gatherElements(gradient, indices, axis)
    if (reduction === "add") return [gradient, undefined, ofUpdates]
    const kept = scatterElements(gradient, indices, filled(updates, updates.shape, 0), axis, "none")
    return [kept, undefined, ofUpdates]
  }

/** A part start ≤ i < end of a tensor's gradient along an axis. */
export interface Part {
  readonly axis: number
  readonly start: Dim.Dim
  readonly end: Dim.Dim
  readonly gradient: Floating
}

/** Parts along one axis, in order and not overlapping, as the whole gradient of x: zeros where there is none. */
const joinedParts = (x: Floating, axis: number, parts: readonly Part[]): Floating => {
  const pieces: Floating[] = []
  const pad = (start: Dim.Dim, end: Dim.Dim): void => {
    if (Dim.equals(start, end)) return
    pieces.push(
      filled(
        x,
        x.shape.map((size, each) => (each === axis ? Dim.subtract(end, start) : size)),
        0,
      ),
    )
  }
  let at: Dim.Dim = 0
  for (const part of parts) {
    pad(at, part.start)
    pieces.push(part.gradient)
    at = part.end
  }
  pad(at, x.shape[axis] ?? 0)
  return concat(pieces, axis)
}

/** Whether one part is known to end before the other begins. */
const precedes = (a: Part, b: Part): boolean =>
  Dim.equals(a.end, b.start) || (typeof a.end === "number" && typeof b.start === "number" && a.end <= b.start)

/**
 * The gradients of x that the slices of it have, as few whole ones as possible: slices that follow one another, as the
 * halves of a rotation do, make one.
 */
export const gradientsOfParts = (x: Floating, parts: readonly Part[]): readonly Floating[] => {
  const rows: Part[][] = []
  for (const part of parts) {
    const fitting = rows.find((row) =>
      row.every((other) => other.axis === part.axis && (precedes(other, part) || precedes(part, other))),
    )
    if (fitting === undefined) rows.push([part])
    else fitting.splice(fitting.filter((other) => precedes(other, part)).length, 0, part)
  }
  return rows.map((row) => joinedParts(x, row[0]?.axis ?? 0, row))
}
