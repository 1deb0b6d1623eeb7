import { type Dropout, type Floats, type Parameters } from "../architectures/index.ts"
import * as Onnx from "../onnx/index.ts"
import { type AdaptedWeight, type Adapters, factorA, factorB } from "./Adapters.ts"

const isFloats = (x: Onnx.Expression | undefined): x is Floats => x?.type === "float32"

/** A node of other inputs. */
const withInputs = <T extends Onnx.ElementType>(
  node: Onnx.Expression<T>,
  inputs: readonly Onnx.Expression[],
): Onnx.Expression<T> => (inputs.every((input, at) => input === node.inputs[at]) ? node : { ...node, inputs })

/** x Wᵀ of a weight that is changed: the rows and the weight. */
interface Product {
  readonly rows: Floats
  readonly weight: AdaptedWeight
}

/** Puts changes beside the weights of an expression; the factors are parameters, asked for by their names. */
class Adapting {
  readonly #adapted: ReadonlyMap<string, AdaptedWeight>
  readonly #parameters: Parameters
  readonly #drop: Dropout
  readonly #made = new Map<Onnx.Expression, Onnx.Expression>()
  /** By the rows that they read, the weights that read them. */
  readonly #readers = new Map<Onnx.Expression, AdaptedWeight[]>()
  readonly #narrowed = new Map<Onnx.Expression, Floats>()
  readonly #scaled = new Map<AdaptedWeight, Floats>()

  constructor(root: Onnx.Expression, adapters: Adapters, parameters: Parameters, drop: Dropout) {
    this.#adapted = new Map(adapters.weights.map((weight) => [weight.name, weight]))
    this.#parameters = parameters
    this.#drop = drop
    const nodes = Onnx.inOrder([root])
    for (const node of nodes) {
      const product = this.#productOf(node)
      if (product === undefined) continue
      const known = this.#readers.get(product.rows)
      if (known === undefined) this.#readers.set(product.rows, [product.weight])
      else if (!known.includes(product.weight)) known.push(product.weight)
    }
    for (const node of nodes) this.#made.set(node, this.#rebuilt(node))
  }

  of<T extends Onnx.ElementType>(before: Onnx.Expression<T>): Onnx.Expression<T> {
    const made = this.#made.get(before)
    if (made !== undefined && isOf(made, before)) return made
    throw new Onnx.GraphError("adapters", `a ${before.operation.kind} is not part of what is changed`)
  }

  #weightOf(node: Onnx.Expression | undefined): AdaptedWeight | undefined {
    return node?.operation.kind === "Parameter" ? this.#adapted.get(node.operation.name) : undefined
  }

  #productOf({ inputs, operation }: Onnx.Expression): Product | undefined {
    const [rows, second] = inputs
    const weight = this.#weightOf(second)
    const linear = operation.kind === "Gemm" && operation.transposeB && !operation.transposeA
    return linear && weight !== undefined && isFloats(rows) ? { rows, weight } : undefined
  }

  /** scale · B, [outputs, rank] */
  #scaledB(weight: AdaptedWeight): Floats {
    const known = this.#scaled.get(weight)
    if (known !== undefined) return known
    const { module, outputs, rank, scale } = weight
    const made = Onnx.multiply(this.#parameters.get(factorB(module), outputs, rank), scale)
    this.#scaled.set(weight, made)
    return made
  }

  #factorA({ inputs, module, rank }: AdaptedWeight): Floats {
    return this.#parameters.get(factorA(module), rank, inputs)
  }

  /**
   * x Aᵀ of all weights that read the same rows, in one product: a narrow one takes as long as its reading of x.
   *
   * @param before the rows as they were before anything was changed
   */
  #narrow(before: Floats): Floats {
    const known = this.#narrowed.get(before)
    if (known !== undefined) return known
    const readers = this.#readers.get(before) ?? []
    const rows = this.of(before)
    // What is the same for all texts, as a bias behind a projection, is not dropped.
    const read = typeof rows.shape[0] === "number" ? rows : this.#drop(rows, `${readers[0]?.module}.lora`)
    const factors = readers.map((weight) => this.#factorA(weight))
    const [only] = factors
    const made = Onnx.linear(read, only !== undefined && factors.length === 1 ? only : Onnx.concat(factors, 0))
    this.#narrowed.set(before, made)
    return made
  }

  #rebuilt(node: Onnx.Expression): Onnx.Expression {
    const product = this.#productOf(node)
    if (product !== undefined) {
      const { rows, weight } = product
      const [, matrix, bias] = node.inputs
      const inputs = [
        this.of(rows),
        ...(matrix === undefined ? [] : [matrix]),
        ...(bias === undefined ? [] : [this.of(bias)]),
      ]
      const base = withInputs(node, inputs)
      const narrow = this.#narrow(rows)
      const readers = this.#readers.get(rows) ?? []
      const start = readers.slice(0, readers.indexOf(weight)).reduce((sum, { rank }) => sum + rank, 0)
      const own = readers.length === 1 ? narrow : Onnx.slice(narrow, 1, start, start + weight.rank)
      if (!isFloats(base)) throw new Onnx.GraphError("adapters", `${weight.name} is not of float32`)
      return Onnx.gemm(own, this.#scaledB(weight), { transposeB: true, plus: base })
    }
    const inputs = node.inputs.map((input) => {
      const weight = this.#weightOf(input)
      // A weight that is not multiplied by rows, as where one query a text is taken to the keys' side.
      return weight !== undefined && isFloats(input) ? this.#changed(input, weight) : this.of(input)
    })
    return withInputs(node, inputs)
  }

  /** W + scale · B · A */
  #changed(matrix: Floats, weight: AdaptedWeight): Floats {
    const known = this.#made.get(matrix)
    if (known !== undefined && known !== matrix && isFloats(known)) return known
    const made = Onnx.gemm(this.#scaledB(weight), this.#factorA(weight), { plus: matrix })
    this.#made.set(matrix, made)
    return made
  }
}

const isOf = <T extends Onnx.ElementType>(x: Onnx.Expression, like: Onnx.Expression<T>): x is Onnx.Expression<T> =>
  x.type === like.type

/**
 * An expression with the changes of a model's weights beside them: x Wᵀ becomes x Wᵀ + drop(x) Aᵀ · (scale · B)ᵀ, and where a weight
 * is used in any other way it becomes W + scale · B · A, of which nothing is dropped. Weights that read the same rows share their
 * mask. The factors are parameters of their own names.
 */
export const adaptedExpression = <T extends Onnx.ElementType>(
  expression: Onnx.Expression<T>,
  adapters: Adapters,
  parameters: Parameters,
  drop: Dropout,
): Onnx.Expression<T> => new Adapting(expression, adapters, parameters, drop).of(expression)
