import type { Expression } from "./Expression.ts"
import { GraphError } from "./GraphError.ts"

/** What is computed from what: outputs by name, and the inputs in the order in which they are declared. */
export interface Graph {
  readonly name: string
  readonly inputs: readonly Expression[]
  readonly outputs: Readonly<Record<string, Expression>>
}

/** The expressions that these need, each after the ones it needs itself, each once; in an order fixed by the graph. */
export const inOrder = (roots: readonly Expression[]): readonly Expression[] => {
  const ordered: Expression[] = []
  const done = new Set<Expression>()
  const stack: { readonly expression: Expression; next: number }[] = []
  for (const root of roots) {
    if (!done.has(root)) stack.push({ expression: root, next: 0 })
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const child = top.expression.inputs[top.next++]
      if (child === undefined) {
        stack.pop()
        if (!done.has(top.expression)) ordered.push(top.expression)
        done.add(top.expression)
      } else if (!done.has(child)) stack.push({ expression: child, next: 0 })
    }
  }
  return ordered
}

/** A weight that a graph has: its name in the checkpoint, its node, its shape. */
export interface GraphParameter {
  readonly name: string
  readonly expression: Expression<"float32">
  readonly shape: readonly number[]
}

const isFloat32 = (expression: Expression): expression is Expression<"float32"> => expression.type === "float32"

/** The weights of a graph in the order of their first use. Two nodes of one name are an error. */
export const parametersOf = (graph: Graph): readonly GraphParameter[] => {
  const found = new Map<string, GraphParameter>()
  for (const expression of inOrder(Object.values(graph.outputs))) {
    if (expression.operation.kind !== "Parameter" || !isFloat32(expression)) continue
    const name = expression.operation.name
    if (found.has(name)) throw new GraphError(graph.name, `two parameters are called ${name}`)
    const shape = expression.shape.filter((size) => typeof size === "number")
    found.set(name, { name, expression, shape })
  }
  return [...found.values()]
}
