import * as Dim from "./Dim.ts"
import { type ElementType, elementTypes } from "./ElementType.ts"
import type { Expression } from "./Expression.ts"
import { type Graph, inOrder } from "./Graph.ts"
import { GraphError } from "./GraphError.ts"
import type { ConstantData } from "./Operation.ts"

/** An attribute of an ONNX node. */
export type Attribute =
  | { readonly name: string; readonly integer: number }
  | { readonly name: string; readonly integers: readonly number[] }
  | { readonly name: string; readonly float: number }
  | { readonly name: string; readonly text: string }

export interface OnnxNode {
  readonly name: string
  readonly operator: string
  readonly inputs: readonly string[]
  readonly output: string
  readonly attributes: readonly Attribute[]
  /** The set that the operator is of; absent for ONNX's own. */
  readonly domain?: string
}

export interface OnnxValue {
  readonly name: string
  readonly type: ElementType
  readonly shape: Dim.Shape
}

export interface OnnxConstant {
  readonly name: string
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly data: ConstantData
}

/** A graph in ONNX's own terms: what `encodeModel` writes. */
export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly OnnxValue[]
  readonly parameters: readonly OnnxValue[]
  readonly constants: readonly OnnxConstant[]
  readonly outputs: readonly OnnxValue[]
}

const integer = (name: string, value: number): Attribute => ({ name, integer: value })
const integers = (name: string, value: readonly number[]): Attribute => ({ name, integers: value })
const float = (name: string, value: number): Attribute => ({ name, float: value })
const text = (name: string, value: string): Attribute => ({ name, text: value })

const toInt64 = (values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt)

/** Constants above this many bytes are told apart by identity, not by content. */
const contentBytes = 1024

class Lowering {
  readonly graph: Graph
  readonly nodes: OnnxNode[] = []
  readonly inputs: OnnxValue[] = []
  readonly parameters: OnnxValue[] = []
  readonly constants: OnnxConstant[] = []
  readonly #values = new Map<Expression, string>()
  readonly #constantNames = new Map<string, string>()
  readonly #sizes = new Map<string, string>()
  readonly #shapes = new Map<string, string>()
  readonly #taken = new Set<string>()

  constructor(graph: Graph) {
    this.graph = graph
  }

  fail(why: string): never {
    throw new GraphError(this.graph.name, why)
  }

  take(name: string): string {
    if (name === "" || this.#taken.has(name)) this.fail(`the name «${name}» is empty or used twice`)
    this.#taken.add(name)
    return name
  }

  fresh(stem: string): string {
    let index = this.nodes.length
    while (this.#taken.has(`${stem}_${index}`)) index++
    return this.take(`${stem}_${index}`)
  }

  emit(
    operator: string,
    inputs: readonly string[],
    attributes: readonly Attribute[] = [],
    output?: string,
    domain?: string,
  ): string {
    const name = output ?? this.fresh(operator)
    this.nodes.push({ name, operator, inputs, output: name, attributes, ...(domain === undefined ? {} : { domain }) })
    return name
  }

  constant(type: ElementType, shape: readonly number[], data: ConstantData): string {
    if (data.byteLength > contentBytes) {
      const name = this.take(`constant_${this.constants.length}`)
      this.constants.push({ name, type, shape, data })
      return name
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const key = `${type}[${shape.join()}]${bytes.join()}`
    const known = this.#constantNames.get(key)
    if (known !== undefined) return known
    const name = this.take(`constant_${this.constants.length}`)
    this.constants.push({ name, type, shape, data })
    this.#constantNames.set(key, name)
    return name
  }

  vector(values: readonly number[]): string {
    return this.constant("int64", [values.length], toInt64(values))
  }

  /** A size as an int64 vector of one element. */
  size(dim: Dim.Dim): string {
    if (typeof dim === "number") return this.vector([dim])
    const known = this.#sizes.get(dim.text)
    if (known !== undefined) return known
    const value = this.#sizeOf(dim)
    this.#sizes.set(dim.text, value)
    return value
  }

  #sizeOf(dim: Dim.SymbolicDim): string {
    const [first, ...rest] = dim.terms
    const only = rest.length === 0 && first?.factor === 1 && first.names.length === 1 ? first.names[0] : undefined
    const quotient = only === undefined ? undefined : Dim.quotientOf(only)
    if (quotient !== undefined) {
      const above = this.emit("Add", [this.size(quotient.of), this.vector([quotient.by - 1])])
      return this.emit("Div", [above, this.vector([quotient.by])])
    }
    if (only !== undefined) {
      for (const input of this.graph.inputs) {
        const axis = input.shape.findIndex((size) => Dim.equals(size, dim))
        const name = this.#values.get(input)
        if (axis >= 0 && name !== undefined) {
          return this.emit("Shape", [name], [integer("start", axis), integer("end", axis + 1)])
        }
      }
      return this.fail(`no input has an axis of size ${only}`)
    }
    const terms = dim.terms.map(({ factor, names }) => {
      const factors = names.map((name) => this.size(Dim.named(name)))
      if (factor !== 1 || factors.length === 0) factors.push(this.vector([factor]))
      return factors.reduce((a, b) => this.emit("Mul", [a, b]))
    })
    return terms.reduce((a, b) => this.emit("Add", [a, b]))
  }

  /** A size as an int64 scalar. */
  scalarSize(dim: Dim.Dim): string {
    if (typeof dim === "number") return this.constant("int64", [], toInt64([dim]))
    const key = `scalar ${dim.text}`
    const known = this.#sizes.get(key)
    if (known !== undefined) return known
    const value = this.emit("Squeeze", [this.size(dim), this.vector([0])])
    this.#sizes.set(key, value)
    return value
  }

  /** A shape as an int64 vector. */
  shape(shape: Dim.Shape): string {
    const key = Dim.showShape(shape)
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    const parts: string[] = []
    let run: number[] = []
    for (const dim of shape) {
      if (typeof dim === "number") {
        run.push(dim)
        continue
      }
      if (run.length > 0) parts.push(this.vector(run))
      run = []
      parts.push(this.size(dim))
    }
    if (run.length > 0 || parts.length === 0) parts.push(this.vector(run))
    const value = parts.length === 1 ? parts[0]! : this.emit("Concat", parts, [integer("axis", 0)])
    this.#shapes.set(key, value)
    return value
  }

  /** The target of a reshape: a constant with «as it was» (0) and «what is left» (−1) where that says it all. */
  reshapeTarget(from: Dim.Shape, to: Dim.Shape): string {
    let open = 0
    const target = to.map((dim, axis) => {
      const own = from[axis]
      if (typeof dim === "number") return dim
      if (own !== undefined && Dim.equals(own, dim)) return 0
      open++
      return -1
    })
    return open <= 1 && !to.includes(0) ? this.vector(target) : this.shape(to)
  }

  lower(expression: Expression, output?: string): void {
    const known = this.#values.get(expression)
    if (known !== undefined) return
    this.#values.set(expression, this.#lowered(expression, output))
  }

  valueOf(expression: Expression): string {
    return this.#values.get(expression) ?? this.fail("an expression is used before it is made")
  }

  declare(expression: Expression, name: string): OnnxValue {
    this.#values.set(expression, this.take(name))
    return { name, type: expression.type, shape: expression.shape }
  }

  #lowered(expression: Expression, output: string | undefined): string {
    const { operation, shape, type } = expression
    const inputs = expression.inputs.map((input) => this.valueOf(input))
    const [x = "", second = ""] = inputs
    const argument = expression.inputs[0]
    const emit = (operator: string, attributes: readonly Attribute[] = [], of: readonly string[] = inputs): string =>
      this.emit(operator, of, attributes, output)
    const like = (value: number): string => {
      if (type === "float64") return this.constant(type, [], Float64Array.of(value))
      if (type === "float32") return this.constant(type, [], Float32Array.of(value))
      return this.fail(`${operation.kind} of ${type} cannot be written`)
    }
    switch (operation.kind) {
      case "Input":
        return this.fail(`the input ${operation.name} is not among the graph's inputs`)
      case "Parameter": {
        const parameter = this.declare(expression, operation.name)
        this.parameters.push(parameter)
        return parameter.name
      }
      case "Constant":
        return this.constant(
          type,
          shape.filter((size) => typeof size === "number"),
          operation.data,
        )
      case "Cast":
        return emit("Cast", [integer("to", elementCode(operation.to))])
      case "Step": {
        if (type !== "float32") {
          return emit("Cast", [integer("to", elementCode(type))], [this.emit("Greater", [x, like(0)])])
        }
        // One pass instead of two: x times the largest float, clipped to 0 … 1.
        return emit("HardSigmoid", [float("alpha", largestFloat), float("beta", 0)])
      }
      case "Gelu":
        return operation.approximation === "none" ? this.#exactGelu(x, like, output) : this.#tanhGelu(x, like, output)
      case "Gemm":
        return emit("Gemm", [
          integer("transA", operation.transposeA ? 1 : 0),
          integer("transB", operation.transposeB ? 1 : 0),
        ])
      case "Softmax":
      case "LogSoftmax":
        return emit(operation.kind, [integer("axis", operation.axis)])
      case "ReduceSum":
      case "ReduceMean":
      case "ReduceMax":
      case "ReduceMin":
        return emit(operation.kind, [integer("keepdims", operation.keepAxes ? 1 : 0)], [x, this.vector(operation.axes)])
      case "LayerNormalization":
        return emit("LayerNormalization", [integer("axis", -1), float("epsilon", operation.epsilon)])
      case "RmsNormalization": {
        // This chain is what onnxruntime recognises and replaces by one kernel, on every provider.
        const squares = this.emit("Pow", [x, like(2)])
        const mean = this.emit("ReduceMean", [squares, this.vector([-1])], [integer("keepdims", 1)])
        const root = this.emit("Sqrt", [this.emit("Add", [mean, like(operation.epsilon)])])
        return emit("Mul", [], [this.emit("Div", [x, root]), second])
      }
      case "Gather":
      case "GatherElements":
        return emit(operation.kind, [integer("axis", operation.axis)])
      case "ScatterND":
        return emit("ScatterND", [text("reduction", operation.reduction)])
      case "ScatterElements":
        return emit("ScatterElements", [integer("axis", operation.axis), text("reduction", operation.reduction)])
      case "Transpose":
        return emit("Transpose", [integers("perm", operation.permutation)])
      case "Reshape":
        return emit("Reshape", [], [x, this.reshapeTarget(argument?.shape ?? [], operation.shape)])
      case "Expand":
        return emit("Expand", [], [x, this.shape(operation.shape)])
      case "Concat":
        return emit("Concat", [integer("axis", operation.axis)])
      case "Slice":
        return emit(
          "Slice",
          [],
          [x, this.size(operation.start), this.size(operation.end), this.vector([operation.axis])],
        )
      case "Range": {
        const [zero, one] = [this.constant("int64", [], toInt64([0])), this.constant("int64", [], toInt64([1]))]
        const of = [zero, this.scalarSize(operation.size), one]
        if (type === "int64") return emit("Range", [], of)
        return emit("Cast", [integer("to", elementCode(type))], [this.emit("Range", of)])
      }
      case "Dimension":
        return emit("Cast", [integer("to", elementCode(type))], [this.scalarSize(operation.size)])
      case "QuantizeRows":
      case "DequantizeRows": {
        const middles = this.emit("Expand", [this.#zero(operation.zero), this.shape(shape.slice(0, 1))])
        const kind = operation.kind === "QuantizeRows" ? "QuantizeLinear" : "DequantizeLinear"
        return emit(kind, [integer("axis", 0)], [x, second, middles])
      }
      case "QuantizedProduct": {
        // One kernel with the rows' scale left out: its own can be but one for the whole matrix.
        const [, , columnScale = ""] = inputs
        const one = this.constant("float32", [], Float32Array.of(1))
        const middle = expression.inputs[1]?.type === "uint8" ? [this.#zero(128)] : []
        const of = [x, second, one, columnScale, this.#zero(operation.zero), ...middle]
        return this.emit("MatMulIntegerToFloat", of, [], output, microsoft)
      }
      case "Unsigned":
        return emit("BitwiseXor", [], [this.#atRun(x, second, shape), this.#zero(128)])
      case "Widened":
        return emit("Cast", [integer("to", elementCode(type))], [this.#atRun(x, second, shape)])
      case "BlockProduct": {
        const [columns = 0] = expression.inputs[1]?.shape ?? []
        const sizes = { K: Number(argument?.shape[1]), N: Number(columns), bits: 8, block_size: operation.block }
        const attributes = Object.entries(sizes).map(([name, value]) => integer(name, value))
        return this.emit("MatMulNBits", inputs, attributes, output, microsoft)
      }
      default:
        return emit(operation.kind)
    }
  }

  /** What stands for 0 among unsigned 8-bit numbers. */
  /**
   * A weight in a shape that is known as the graph runs, when other rows are there: else onnxruntime would make what is made of it as it
   * opens the model, and keep that.
   */
  #atRun(weight: string, rows: string, shape: readonly Dim.Dim[]): string {
    const count = this.emit("Shape", [rows], [integer("start", 0), integer("end", 1)])
    const sizes = this.vector(shape.filter((size) => typeof size === "number"))
    return this.emit("Reshape", [weight, this.emit("Add", [this.emit("Mul", [count, this.vector([0])]), sizes])])
  }

  #zero(value: number): string {
    return this.constant("uint8", [], Uint8Array.of(value))
  }

  /** x · (1 + erf(x / √2)) · ½, as onnxruntime recognises it. */
  #exactGelu(x: string, like: (value: number) => string, output: string | undefined): string {
    const error = this.emit("Erf", [this.emit("Div", [x, like(Math.SQRT2)])])
    const doubled = this.emit("Mul", [x, this.emit("Add", [error, like(1)])])
    return this.emit("Mul", [doubled, like(0.5)], [], output)
  }

  /** ½ x · (1 + tanh(√(2/π) · (x + 0.044715 x³))), as onnxruntime recognises it. */
  #tanhGelu(x: string, like: (value: number) => string, output: string | undefined): string {
    const cube = this.emit("Mul", [this.emit("Pow", [x, like(3)]), like(0.044715)])
    const inner = this.emit("Mul", [this.emit("Add", [x, cube]), like(Math.sqrt(2 / Math.PI))])
    const outer = this.emit("Add", [this.emit("Tanh", [inner]), like(1)])
    return this.emit("Mul", [this.emit("Mul", [x, like(0.5)]), outer], [], output)
  }
}

/** onnxruntime's own set of operators. */
export const microsoft = "com.microsoft"

/** The largest 32-bit float. */
export const largestFloat = 3.4028234663852886e38

const elementCode = (type: ElementType): number => elementTypes[type].code

/**
 * A graph in ONNX's terms. Names are given in the order of use, so that equal graphs become equal bytes.
 *
 * @throws GraphError where a name is used twice, an input is not declared, or a size occurs in no input
 */
export const lower = (graph: Graph): OnnxGraph => {
  const lowering = new Lowering(graph)
  for (const input of graph.inputs) {
    if (input.operation.kind !== "Input") lowering.fail(`a ${input.operation.kind} is among its inputs`)
    else lowering.inputs.push(lowering.declare(input, input.operation.name))
  }
  const outputs: OnnxValue[] = []
  const named = new Map<Expression, string>()
  for (const [name, expression] of Object.entries(graph.outputs)) {
    outputs.push({ name: lowering.take(name), type: expression.type, shape: expression.shape })
    const kind = expression.operation.kind
    const leaf = kind === "Input" || kind === "Parameter" || kind === "Constant"
    if (!leaf && !named.has(expression)) named.set(expression, name)
  }
  for (const expression of inOrder(Object.values(graph.outputs))) lowering.lower(expression, named.get(expression))
  for (const [name, expression] of Object.entries(graph.outputs)) {
    const value = lowering.valueOf(expression)
    if (value !== name) lowering.emit("Identity", [value], [], name)
  }
  const { constants, inputs, nodes, parameters } = lowering
  return { name: graph.name, nodes, inputs, parameters, constants, outputs }
}
