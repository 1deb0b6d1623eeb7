import * as Dim from "./Dim.ts"
import {
  add,
  blockProduct,
  cast,
  type Expression,
  gather,
  gemm,
  type Indices,
  multiply,
  parameter,
  parameter8,
  parameter16,
  type QuantizedRows,
  quantizedProduct,
  quantizeRemainder,
  quantizeRows,
  reshape,
  subtract,
  transpose,
  unsigned,
  unsqueeze,
  weightBlock,
  widened,
} from "./Expression.ts"
import { type Graph, inOrder } from "./Graph.ts"
import { GraphError } from "./GraphError.ts"

/**
 * What is of fewer bits: weights and the rows that they multiply are of 8 (`int8`), weights alone are (`weights8`), or weights are
 * 16-bit floats (`bf16`).
 */
export type QuantizedWeights = "int8" | "weights8" | "bf16"

/** How a weight of the graph before is kept. */
export type StoredWeight =
  /** As it is, float32 of `shape`. */
  | { readonly kind: "float"; readonly of: string; readonly shape: readonly number[] }
  /**
   * As 8-bit numbers with scales, from a matrix [rows, columns] of the graph before. `rows`: int8 [rows, columns], a scale a row;
   * `transposed`: the same numbers as int8 [columns, rows]; `columns`: int8 [rows, columns], a scale a column; `blocks`: uint8
   * [rows, columns / 32, 32] with 128 for 0, a scale a block.
   */
  | {
      readonly kind: "rows" | "transposed" | "columns" | "blocks"
      readonly of: string
      readonly shape: readonly [rows: number, columns: number]
      readonly values: string
      readonly scale: string
    }
  /** As 16-bit floats (bfloat16), [rows, columns]. */
  | {
      readonly kind: "half"
      readonly of: string
      readonly shape: readonly [rows: number, columns: number]
      readonly values: string
    }

/** What a weight is called that is kept in another form. */
export const storedName = (weight: string, kind: Exclude<StoredWeight["kind"], "float">): string => `${weight}.${kind}`

/** A graph with 8-bit weights, and what its weights are made of. */
export interface QuantizedGraph {
  readonly graph: Graph
  /** In the order of their first use. */
  readonly weights: readonly StoredWeight[]
  /**
   * Parameters that are another one's numbers, by their names. Where a weight is of several products (ALBERT's), each has a name of its
   * own, as onnxruntime 1.30 on processors without dot products of 8-bit numbers turns signed weights into unsigned ones, and rejects a
   * model in which it would do so twice to one. Of a training, whose graphs do so themselves (`unsigned`), those that they read so.
   */
  readonly aliases: ReadonlyMap<string, string>
}

/** A matrix in fewer bits. */
export type PackedWeight = Exclude<StoredWeight, { readonly kind: "float" }>

export interface QuantizeOptions {
  /** The numbers of rows of what is multiplied for every token: products of fewer rows take no time, and stay. */
  readonly rows: readonly Dim.Dim[]
  readonly weights: QuantizedWeights
  /** Tables with fewer elements stay float32. */
  readonly tableElements: number
  /** Where what is multiplied is quantised, too, products over fewer numbers stay float32. */
  readonly leastInner: number
  /**
   * Of a training, which weights there are in a form: no others are changed, and of these also the products with which gradients go
   * back through them. Default: weights that are multiplied, in the form that the product wants.
   */
  readonly present?: (weight: string, kind: PackedWeight["kind"]) => boolean
  /**
   * Of a training, whether products have signed weights made unsigned as the graph runs: for processors whose sums of products with signed ones
   * are not exact. (What onnxruntime's option for them makes as it opens a model stays in memory.) Default: no.
   */
  readonly unsigned?: boolean
}

/** Products with fewer columns are a head's. */
const leastColumns = 16

type Floats = Expression<"float32">

const isFloats = (x: Expression): x is Floats => x.type === "float32"
const isIndices = (x: Expression): x is Indices => x.type === "int64" || x.type === "int32"

const matrixOf = (weight: Expression): readonly [number, number] | undefined => {
  const [rows, columns] = weight.shape
  const fits = weight.operation.kind === "Parameter" && weight.shape.length === 2 && isFloats(weight)
  return fits && typeof rows === "number" && typeof columns === "number" ? [rows, columns] : undefined
}

/** The form in which products by a weight want it. */
const linearKind = { int8: "transposed", weights8: "blocks", bf16: "half" } as const

/** The form in which a table is kept from which rows are taken. */
const tableKind = ({ weights }: QuantizeOptions): "rows" | "half" => (weights === "bf16" ? "half" : "rows")

const isPresent = (weight: Expression, kind: PackedWeight["kind"], { present }: QuantizeOptions): boolean =>
  present === undefined || (weight.operation.kind === "Parameter" && present(weight.operation.name, kind))

/** The weight with which every token is multiplied, x Wᵀ, or with which its gradient goes back, g W. */
const weightForTokens = (node: Expression, back: boolean, options: QuantizeOptions): Expression | undefined => {
  const { operation } = node
  const [x, weight] = node.inputs
  if (operation.kind !== "Gemm" || operation.transposeA || operation.transposeB === back) return undefined
  const rows = x?.shape[0]
  if (rows === undefined || weight === undefined || !options.rows.some((each) => Dim.equals(rows, each)))
    return undefined
  return weight
}

/** x Wᵀ of a weight, for every token. */
const linearWeight = (node: Expression, options: QuantizeOptions): Expression | undefined => {
  const weight = weightForTokens(node, false, options)
  if (weight === undefined || !isPresent(weight, linearKind[options.weights], options)) return undefined
  const [outputs = 0, inputs = 0] = matrixOf(weight) ?? []
  const fits = {
    int8: inputs >= options.leastInner,
    weights8: inputs % weightBlock === 0,
    bf16: true,
  }[options.weights]
  return outputs >= leastColumns && inputs > 0 && fits ? weight : undefined
}

/** g W of a training: the gradient of what a weight multiplied. */
const returningWeight = (node: Expression, options: QuantizeOptions): Expression | undefined => {
  const weight = options.present === undefined ? undefined : weightForTokens(node, true, options)
  const kind = options.weights === "int8" ? "columns" : linearKind[options.weights]
  return weight !== undefined && matrixOf(weight) !== undefined && isPresent(weight, kind, options) ? weight : undefined
}

/** The table from whose rows a node takes some. */
const gatheredTable = (node: Expression, options: QuantizeOptions): Expression | undefined => {
  const { operation } = node
  const [table] = node.inputs
  if (operation.kind !== "Gather" || operation.axis !== 0 || table === undefined) return undefined
  const [rows, columns] = matrixOf(table) ?? [0, 0]
  const large = rows * columns >= Math.max(1, options.tableElements)
  return large && isPresent(table, tableKind(options), options) ? table : undefined
}

/** Operations that leave the numbers of what they read as they are, or add to them. */
const passesOn = new Set<Expression["operation"]["kind"]>([
  "Add",
  "Concat",
  "Expand",
  "Gather",
  "Reshape",
  "Slice",
  "Transpose",
])

/** What a node is that leaves numbers out by a mask and multiplies the others, as dropout does; undefined of any other. */
const dropped = ({
  inputs: [x, mask],
  operation,
}: Expression): { readonly x: Expression; readonly by: number } | undefined => {
  if (operation.kind !== "Mul" || x === undefined || mask?.operation.kind !== "Mul") return undefined
  const [kept, factor] = mask.inputs
  const isMask = kept?.operation.kind === "Cast" && kept.inputs[0]?.type === "bool"
  return isMask && factor?.operation.kind === "Constant" ? { x, by: Number(factor.operation.data[0]) } : undefined
}

/** What a node is that waits for something else, and is its input otherwise. */
const awaiting = ({ inputs: [, x, other], operation }: Expression): Expression | undefined =>
  operation.kind === "Where" && x === other ? x : undefined

/** A GELU's least value is −0.16997, by tanh −0.17004. */
const leastGelu = -0.171

/** What no number of a node is below, where that is next to nothing. */
const leastOf = (node: Expression): number | undefined => {
  const {
    inputs,
    operation: { kind },
  } = node
  const [input] = inputs
  if (kind === "Relu") return 0
  if (kind === "Gelu") return leastGelu
  const masked = dropped(node)
  if (masked !== undefined) {
    const least = leastOf(masked.x)
    return least === undefined ? undefined : least * masked.by
  }
  return (kind === "Reshape" || kind === "Transpose") && input !== undefined ? leastOf(input) : undefined
}

/** What a node is made of through such operations alone, and the first nodes of others. */
const originsOf = (node: Expression, found = new Set<Expression>()): ReadonlySet<Expression> => {
  if (found.has(node)) return found
  found.add(node)
  if (passesOn.has(node.operation.kind)) for (const input of node.inputs) originsOf(input, found)
  const same = dropped(node)?.x ?? awaiting(node)
  if (same !== undefined) originsOf(same, found)
  // What a product is added to.
  const [, , sum] = node.inputs
  if (node.operation.kind === "Gemm" && sum !== undefined) originsOf(sum, found)
  return found
}

/**
 * The linear layers that make the values of attention, what its weights, of a softmax, are multiplied with, of rows with a
 * LayerNormalization. (Those with a RmsNormalization, T5's and decoders', did well enough without.)
 */
const valueLayers = (nodes: readonly Expression[]): ReadonlySet<Expression> => {
  const found = new Set<Expression>()
  for (const { inputs, operation } of nodes) {
    const [weights, values] = inputs
    if (operation.kind !== "MatMul" || weights === undefined || values === undefined) continue
    if (![...originsOf(weights)].some((node) => node.operation.kind === "Softmax")) continue
    for (const node of originsOf(values)) {
      const [rows] = node.inputs
      if (node.operation.kind !== "Gemm" || rows === undefined) continue
      if ([...originsOf(rows)].some(({ operation: { kind } }) => kind === "LayerNormalization")) found.add(node)
    }
  }
  return found
}

interface Numbers {
  readonly values: Expression
  readonly scale: Floats
}

class Quantizing {
  readonly #options: QuantizeOptions
  readonly #made = new Map<Expression, Expression>()
  readonly #rows = new Map<Expression, QuantizedRows>()
  readonly #weights = new Map<string, StoredWeight>()
  readonly #packed = new Map<string, Numbers>()
  readonly #halves = new Map<string, Expression<"bfloat16">>()

  readonly #multiplied = new Map<string, number>()
  readonly #bytes = new Map<string, Expression<"uint8">>()
  readonly #aliases = new Map<string, string>()
  readonly #linear = new Set<Expression>()
  readonly #tables = new Set<Expression>()
  readonly #values: ReadonlySet<Expression>

  constructor(nodes: readonly Expression[], options: QuantizeOptions) {
    this.#options = options
    this.#values = valueLayers(nodes)
    for (const node of nodes) {
      const weight = linearWeight(node, options)
      if (weight !== undefined) this.#linear.add(weight)
      const table = gatheredTable(node, options)
      if (table !== undefined) this.#tables.add(table)
    }
    for (const node of nodes) this.#made.set(node, this.#rebuilt(node))
  }

  get weights(): readonly StoredWeight[] {
    return [...this.#weights.values()]
  }

  get aliases(): ReadonlyMap<string, string> {
    return this.#aliases
  }

  of(before: Expression): Expression {
    return this.#made.get(before) ?? before
  }

  #floats(before: Expression | undefined): Floats {
    if (before?.operation.kind === "Parameter") this.#keep(before)
    const made = before && this.of(before)
    if (made !== undefined && isFloats(made)) return made
    throw new GraphError("quantized", "a product or a table is of other numbers than float32")
  }

  #matrix(weight: Expression): { readonly of: string; readonly shape: readonly [number, number] } {
    const { operation } = weight
    const shape = matrixOf(weight)
    if (operation.kind !== "Parameter" || shape === undefined) {
      throw new GraphError("quantized", "a weight is no matrix")
    }
    return { of: operation.name, shape }
  }

  #half(weight: Expression): Expression<"bfloat16"> {
    const { of, shape } = this.#matrix(weight)
    const values = storedName(of, "half")
    const known = this.#halves.get(values) ?? parameter16(values, shape)
    this.#halves.set(values, known)
    this.#weights.set(values, { kind: "half", of, shape, values })
    return known
  }

  #pack(weight: Expression, kind: Exclude<PackedWeight["kind"], "half">): Numbers {
    const { of, shape } = this.#matrix(weight)
    const values = storedName(of, kind)
    const known = this.#packed.get(values)
    if (known !== undefined) return known
    const scale = `${values}.scale`
    this.#weights.set(values, { kind, of, shape, values, scale })
    const [rows, columns] = shape
    const made = {
      scale: parameter(scale, [{ blocks: (rows * columns) / weightBlock, columns, rows, transposed: rows }[kind]]),
      values:
        kind === "blocks"
          ? parameter8(values, "uint8", [rows, columns / weightBlock, weightBlock])
          : parameter8(values, "int8", kind === "transposed" ? [columns, rows] : shape),
    }
    this.#packed.set(values, made)
    return made
  }

  /** Rows times a weight in a form: of a training by a parameter for all products, made unsigned for each if need be; else one for each. */
  #product(rows: QuantizedRows, weight: Expression, kind: "transposed" | "columns"): Floats {
    const { scale, values } = this.#pack(weight, kind)
    const { operation, shape } = values
    if (operation.kind !== "Parameter") throw new GraphError("quantized", "a weight in 8 bits is no parameter")
    const { name } = operation
    const aliased = <T extends "int8" | "uint8">(alias: string, type: T): Expression<T> => {
      this.#aliases.set(alias, name)
      const sizes = shape.filter((size) => typeof size === "number")
      return parameter8(alias, type, sizes)
    }
    if (this.#options.unsigned === true) {
      const bytes = this.#bytes.get(name) ?? aliased(`${name}.bytes`, "uint8")
      this.#bytes.set(name, bytes)
      return quantizedProduct(rows, unsigned(bytes, rows.values), scale)
    }
    const use = this.#multiplied.get(name) ?? 0
    this.#multiplied.set(name, use + 1)
    const shared = use === 0 || this.#options.present !== undefined
    return quantizedProduct(rows, shared ? typed(values, "int8") : aliased(`${name}.${use + 1}`, "int8"), scale)
  }

  #linearOf(node: Expression, weight: Expression): Expression {
    const [before, , bias] = node.inputs
    const x = this.#floats(before)
    if (this.#options.weights === "bf16") {
      const plus = bias === undefined ? {} : { plus: this.#floats(bias) }
      return gemm(x, widened(this.#half(weight), x), { transposeB: true, ...plus })
    }
    const product = (): Floats => {
      if (this.#options.weights === "weights8") {
        const { scale, values } = this.#pack(weight, "blocks")
        return blockProduct(x, typed(values, "uint8"), scale)
      }
      const rows = this.#quantized(x, before && leastOf(before))
      const times = (rows: QuantizedRows): Floats => this.#product(rows, weight, "transposed")
      return this.#values.has(node) ? add(times(rows), times(quantizeRemainder(x, rows))) : times(rows)
    }
    return bias === undefined ? product() : add(product(), this.#floats(bias))
  }

  #quantized(x: Floats, least?: number): QuantizedRows {
    const rows = this.#rows.get(x) ?? quantizeRows(x, least)
    this.#rows.set(x, rows)
    return rows
  }

  /** A gradient's way back through a weight, with a second copy of it whose scales are those of the product's columns. */
  #returned(node: Expression, weight: Expression): Expression {
    const gradient = this.#floats(node.inputs[0])
    if (this.#options.weights === "bf16") return gemm(gradient, widened(this.#half(weight), gradient))
    return this.#product(this.#quantized(gradient), weight, "columns")
  }

  #gathered(node: Expression, table: Expression): Expression {
    const indices = node.inputs[1] && this.of(node.inputs[1])
    if (indices === undefined || !isIndices(indices))
      throw new GraphError("quantized", "a table is read without indices")
    if (this.#options.weights === "bf16") return cast(gather(this.#half(table), indices), "float32")
    const { scale, values } = this.#pack(table, "rows")
    const rows = cast(gather(values, indices), "float32")
    return multiply(rows, unsqueeze(gather(scale, indices), [-1]))
  }

  /** A weight that is also used by what stays: made of its 8-bit numbers, once, as the model is opened. */
  #unpacked(weight: Expression): Expression {
    if (this.#options.weights === "bf16") return cast(this.#half(weight), "float32")
    if (this.#linear.has(weight) && this.#options.weights === "weights8") {
      const { scale, values } = this.#pack(weight, "blocks")
      const numbers = subtract(cast(values, "float32"), 128)
      return reshape(multiply(numbers, reshape(scale, [...values.shape.slice(0, 2), 1])), weight.shape)
    }
    if (this.#linear.has(weight)) {
      const { scale, values } = this.#pack(weight, "transposed")
      return transpose(multiply(cast(values, "float32"), scale), [1, 0])
    }
    const { scale, values } = this.#pack(weight, "rows")
    return multiply(cast(values, "float32"), unsqueeze(scale, [1]))
  }

  #rebuilt(node: Expression): Expression {
    const { operation } = node
    if (operation.kind === "Parameter") return node
    const weight = linearWeight(node, this.#options)
    if (weight !== undefined) return this.#linearOf(node, weight)
    const returning = returningWeight(node, this.#options)
    if (returning !== undefined) return this.#returned(node, returning)
    const table = gatheredTable(node, this.#options)
    if (table !== undefined) return this.#gathered(node, table)
    const inputs = node.inputs.map((input) => {
      if (this.#linear.has(input) || this.#tables.has(input)) {
        const known = this.#made.get(input)
        const made = known === undefined || known === input ? this.#unpacked(input) : known
        this.#made.set(input, made)
        return made
      }
      if (input.operation.kind === "Parameter") this.#keep(input)
      return this.of(input)
    })
    return inputs.some((input, at) => input !== node.inputs[at]) ? { ...node, inputs } : node
  }

  #keep(weight: Expression): void {
    if (weight.operation.kind !== "Parameter") return
    const { name: of } = weight.operation
    this.#weights.set(of, { kind: "float", of, shape: weight.shape.filter((size) => typeof size === "number") })
  }
}

const typed = <T extends "int8" | "uint8">(x: Expression, type: T): Expression<T> => {
  if (isOf(x, type)) return x
  throw new GraphError("quantized", `a weight is ${x.type}, not ${type}`)
}

const isOf = <T extends "int8" | "uint8">(x: Expression, type: T): x is Expression<T> => x.type === type

/**
 * The graph of a model with its weights in 8 bits, or as 16-bit floats: those of linear layers over all tokens, and of tables from which rows are taken.
 * `int8` also quantises the rows that these weights multiply, as the graph runs: each row by itself, so that what becomes of a text
 * depends on no other of its batch, and once for all products of the same rows; what comes from a ReLU or a GELU, hardly below 0, in
 * steps half as large. Where the values of attention are made of rows with a
 * LayerNormalization, what that leaves of them is quantised and multiplied, too: attention gathers on few tokens, whose values are
 * small sums of large numbers, and an error of theirs is in every token after. What else there is stays float32: products of attention,
 * normalisations, softmax, heads, and layers over one token a text.
 */
export const quantizedGraph = (graph: Graph, options: QuantizeOptions): QuantizedGraph => {
  const nodes = inOrder(Object.values(graph.outputs))
  const quantizing = new Quantizing(nodes, options)
  const outputs = Object.fromEntries(
    Object.entries(graph.outputs).map(([name, before]) => [name, quantizing.of(before)]),
  )
  return { graph: { ...graph, outputs }, weights: quantizing.weights, aliases: quantizing.aliases }
}
