import * as Dim from "./Dim.ts"
import { elementTypes } from "./ElementType.ts"
import type { Expression } from "./Expression.ts"
import { type Graph, inOrder } from "./Graph.ts"
import { binaryKinds, comparisonKinds, unaryKinds } from "./Operation.ts"

const isLeaf = ({ operation: { kind } }: Expression): boolean =>
  kind === "Input" || kind === "Parameter" || kind === "Constant"

const elementwise: ReadonlySet<string> = new Set([...unaryKinds, ...binaryKinds, ...comparisonKinds, "Where", "Gelu"])

/** The order in which onnxruntime computes nodes: depth first from the outputs that stand last, and from a node's latest input. */
const runOrder = (graph: Graph): readonly Expression[] => {
  const nodes = inOrder(Object.values(graph.outputs)).filter((node) => !isLeaf(node))
  const index = new Map(nodes.map((node, at) => [node, at]))
  const used = new Set(nodes.flatMap(({ inputs }) => inputs))
  const stack = nodes.flatMap((node) => (used.has(node) ? [] : [{ node, leaves: false }]))
  const begun = new Set<Expression>()
  const ordered: Expression[] = []
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { leaves, node } = top
    if (leaves) ordered.push(node)
    if (leaves || begun.has(node)) continue
    begun.add(node)
    stack.push({ node, leaves: true })
    const inputs = [...new Set(node.inputs)].filter((input) => index.has(input) && !begun.has(input))
    for (const input of inputs.sort((a, b) => (index.get(a) ?? 0) - (index.get(b) ?? 0))) {
      stack.push({ node: input, leaves: false })
    }
  }
  return ordered
}

/**
 * How many bytes of values a graph has in memory at most, if each goes when its last user is done: weights and inputs, which are
 * there already, are not among them. Outputs are there to the end. A reshaped value is the value itself, and what is computed element by
 * element takes the place of an input that is needed no more.
 *
 * @param sizes of the named dimensions
 */
export const valueMemory = (graph: Graph, sizes: ReadonlyMap<string, number>): number => {
  const ordered = runOrder(graph)
  const owners = new Map<Expression, Expression>()
  const ownerOf = (node: Expression): Expression => owners.get(node) ?? node
  const known = new Map<string, number>()
  const bytesOf = (node: Expression): number => {
    const elements = Dim.elements(node.shape)
    const key = Dim.showDim(elements)
    const count = known.get(key) ?? Dim.evaluate(elements, sizes) ?? 0
    known.set(key, count)
    const bytes = count * elementTypes[node.type].bytes
    // Copied as it is, and then made wider or unsigned.
    const { kind } = node.operation
    return kind === "Widened" ? 1.5 * bytes : kind === "Unsigned" ? 2 * bytes : bytes
  }
  const lastUse = new Map<Expression, number>()
  ordered.forEach((node, at) => {
    const [input] = node.inputs
    if (node.operation.kind === "Reshape" && input !== undefined) owners.set(node, ownerOf(input))
    for (const each of node.inputs) lastUse.set(ownerOf(each), at)
  })
  for (const output of Object.values(graph.outputs)) lastUse.set(ownerOf(output), Number.POSITIVE_INFINITY)
  let [live, most] = [0, 0]
  const held = new Map<Expression, number>()
  ordered.forEach((node, at) => {
    if (!owners.has(node)) {
      const bytes = bytesOf(node)
      const replaced = elementwise.has(node.operation.kind)
        ? node.inputs.map(ownerOf).find((input) => lastUse.get(input) === at && held.get(input) === bytes)
        : undefined
      if (replaced !== undefined) {
        held.delete(replaced)
        live -= bytes
      }
      held.set(node, bytes)
      live += bytes
      most = Math.max(most, live)
    }
    for (const input of new Set(node.inputs.map(ownerOf))) {
      if (lastUse.get(input) !== at) continue
      live -= held.get(input) ?? 0
      held.delete(input)
    }
  })
  return most
}
