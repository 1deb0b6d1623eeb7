import { type Shape, showShape } from "./Dim.ts"
import type { ElementType } from "./ElementType.ts"

/** Tensors whose shapes do not fit an operation. Thrown when the expression is built. */
export class ShapeError extends Error {
  readonly _tag = "ShapeError"
  /** The operation's name, as in ONNX. */
  readonly operation: string
  /** The shapes of its arguments, in order. */
  readonly shapes: readonly Shape[]

  constructor(operation: string, shapes: readonly Shape[], why: string) {
    super(`${operation} of ${shapes.map(showShape).join(" and ")}: ${why}`)
    this.operation = operation
    this.shapes = shapes
  }
}

/** Tensors whose element types do not fit an operation. Thrown when the expression is built. */
export class ElementTypeError extends Error {
  readonly _tag = "ElementTypeError"
  readonly operation: string
  readonly types: readonly ElementType[]

  constructor(operation: string, types: readonly ElementType[], why: string) {
    super(`${operation} of ${types.join(" and ")}: ${why}`)
    this.operation = operation
    this.types = types
  }
}

/** A graph that cannot be written: a name used twice, a size nobody can know, weights that are not there. */
export class GraphError extends Error {
  readonly _tag = "GraphError"
  /** The graph's name. */
  readonly graph: string

  constructor(graph: string, why: string) {
    super(`graph ${graph}: ${why}`)
    this.graph = graph
  }
}
