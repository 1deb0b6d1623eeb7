import * as Onnx from "../onnx/index.ts"

type Floats = Onnx.Expression<"float32">

/** What a model makes of one batch of texts. */
export interface Flow {
  /** The input that the texts' tokens come by. */
  readonly ids: Onnx.Expression
  /** Inputs of the dropout's masks. */
  readonly masks: readonly Onnx.Expression[]
  readonly scores: Floats
}

const isFloats = (x: Onnx.Expression): x is Floats => x.type === "float32"

/** The expressions that one needs and that are not known yet, each after those it needs itself. */
const unknown = (root: Onnx.Expression, known: (node: Onnx.Expression) => boolean): readonly Onnx.Expression[] => {
  const ordered: Onnx.Expression[] = []
  const done = new Set<Onnx.Expression>()
  const stack: { readonly node: Onnx.Expression; next: number }[] = [{ node: root, next: 0 }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const input = top.node.inputs[top.next++]
    if (input === undefined) {
      stack.pop()
      if (!done.has(top.node)) ordered.push(top.node)
      done.add(top.node)
    } else if (!done.has(input) && !known(input)) stack.push({ node: input, next: 0 })
  }
  return ordered
}

/** Which nodes are made of one of these. */
const madeOf = (
  order: readonly Onnx.Expression[],
  sources: ReadonlySet<Onnx.Expression>,
): ReadonlySet<Onnx.Expression> => {
  const found = new Set<Onnx.Expression>()
  for (const node of order) {
    if (sources.has(node) || node.inputs.some((input) => found.has(input))) found.add(node)
  }
  return found
}

/** A batch's nodes between the places through which all goes that the tokens come to: the beginnings of its layers. */
class Segments {
  /** The beginning of each layer, in their order. */
  readonly cuts: readonly Floats[]
  readonly #place = new Map<Onnx.Expression, number>()
  readonly #ends: readonly number[]
  readonly #masked: ReadonlySet<Onnx.Expression>
  /** For each weight the layers that use it. */
  readonly #users = new Map<Onnx.Expression, Set<number>>()

  constructor({ ids, masks, scores }: Flow) {
    const order = Onnx.inOrder([scores])
    const ofTokens = madeOf(order, new Set([ids]))
    this.#masked = madeOf(order, new Set(masks))
    const path = order.filter((node) => ofTokens.has(node))
    path.forEach((node, at) => this.#place.set(node, at))
    const lastUse = path.map((_, at) => at)
    path.forEach(({ inputs }, at) => {
      for (const input of inputs) {
        const from = this.#place.get(input)
        if (from !== undefined) lastUse[from] = at
      }
    })
    // A node that no edge passes over: all that follows is made of it.
    let reach = 0
    const narrow = path.flatMap((node, at) => {
      const passed = reach > at
      reach = Math.max(reach, lastUse[at] ?? at)
      return passed || !isFloats(node) || typeof node.shape.at(-1) !== "number" ? [] : [at]
    })
    // A layer begins at the last of them before its attention.
    const starts = path.flatMap(({ operation }, at) =>
      operation.kind === "Softmax" ? [narrow.filter((each) => each < at).at(-1) ?? 0] : [],
    )
    this.#ends = [...new Set(starts)].filter((at) => at > 0)
    this.cuts = this.#ends.flatMap((at) => path[at] ?? []).filter(isFloats)
    const madeOfWeights = new Map<Onnx.Expression, readonly Onnx.Expression[]>()
    for (const node of order) {
      const weights = node.inputs.flatMap((input) => madeOfWeights.get(input) ?? [])
      const at = this.#place.get(node)
      if (at === undefined) madeOfWeights.set(node, node.operation.kind === "Parameter" ? [node] : weights)
      else for (const weight of weights) this.#usersOf(weight).add(this.#ends.findLastIndex((end) => end < at))
    }
  }

  #usersOf(weight: Onnx.Expression): Set<number> {
    const known = this.#users.get(weight) ?? new Set<number>()
    this.#users.set(weight, known)
    return known
  }

  /** The only layer that uses a weight, counted from 0; undefined where it is used elsewhere too. */
  layerOfWeight(weight: Onnx.Expression): number | undefined {
    const [layer, ...others] = this.#users.get(weight) ?? []
    return layer === undefined || layer < 0 || others.length > 0 ? undefined : layer
  }

  /** Of which layer, counted from 0, a node is that is to be made again; undefined where it is kept. */
  layerOf(node: Onnx.Expression): number | undefined {
    const at = this.#place.get(node)
    if (at === undefined) return undefined
    const layer = this.#ends.findLastIndex((end) => end < at)
    // What is behind the last layer's beginning is used at once.
    return layer < 0 || layer === this.#ends.length - 1 || this.#ends.includes(at) ? undefined : layer
  }

  /** Whether a node is part of a dropout's mask, and of nothing else. */
  isMask(node: Onnx.Expression): boolean {
    return this.#masked.has(node) && !this.#place.has(node)
  }
}

const firstOf = (x: Floats): Floats =>
  Onnx.reshape(
    x.shape.reduce<Floats>((part, _, axis) => Onnx.slice(part, axis, 0, 1), x),
    [],
  )

/** The same values, but not before others are there: where the condition holds or not, x. */
const after = <T extends Onnx.ElementType>(x: Onnx.Expression<T>, awaited: readonly Floats[]): Onnx.Expression<T> => {
  const [first, ...others] = awaited.map(firstOf)
  if (first === undefined) return x
  return Onnx.where(Onnx.greater(others.reduce<Floats>(Onnx.add, first), 0), x, x)
}

/**
 * Gradients that use none of the values inside of layers but make them again: of a layer's beginning, which is kept, when the gradient
 * of its end is there. In memory are then the beginnings of all layers and the inside of one, for one more forward pass.
 */
export class Recomputed {
  readonly #segments: readonly Segments[]
  readonly #ends = new Map<Segments, readonly Floats[]>()
  readonly #made = new Map<Onnx.Expression, Onnx.Expression>()
  readonly #again = new Map<Segments, Map<number, Map<Onnx.Expression, Onnx.Expression>>>()
  readonly #forward: ReadonlySet<Onnx.Expression>
  /** For the gradient of a layer's beginning, the gradients of weights that are to be made before the pass goes on. */
  readonly #awaited = new Map<Onnx.Expression, Floats[]>()

  constructor(flows: readonly Flow[]) {
    this.#segments = flows.map((flow) => new Segments(flow))
    this.#forward = new Set(Onnx.inOrder(flows.map(({ scores }) => scores)))
  }

  /** The beginnings of the layers, whose gradients `rewritten` wants in the same order. */
  get cuts(): readonly Floats[] {
    return this.#segments.flatMap(({ cuts }) => cuts)
  }

  /**
   * @param gradients of `cuts`
   * @param ofWeights weights and their gradients: those of a layer's are made before the pass goes on to the layer before, as its values
   *   would be kept for them
   * @param outputs expressions of the backward pass
   */
  rewritten(
    gradients: readonly Floats[],
    ofWeights: readonly { readonly weight: Floats; readonly gradient: Floats }[],
    outputs: Readonly<Record<string, Onnx.Expression>>,
  ): Readonly<Record<string, Onnx.Expression>> {
    let from = 0
    for (const segments of this.#segments) {
      this.#ends.set(segments, gradients.slice(from, from + segments.cuts.length))
      from += segments.cuts.length
      for (const { gradient, weight } of ofWeights) {
        const layer = segments.layerOfWeight(weight)
        const end = layer === undefined ? undefined : this.#ends.get(segments)?.[layer]
        if (end !== undefined) this.#awaited.set(end, [...(this.#awaited.get(end) ?? []), gradient])
      }
    }
    return Object.fromEntries(Object.entries(outputs).map(([name, node]) => [name, this.#rebuilt(node)]))
  }

  /** An expression of the backward pass with what it uses of the forward pass made again. */
  #rebuilt(root: Onnx.Expression): Onnx.Expression {
    if (this.#made.has(root)) return this.#made.get(root) ?? root
    for (const node of unknown(root, (each) => this.#made.has(each))) {
      // A layer's end, asked for by one of the inputs before.
      if (this.#made.has(node)) continue
      // What the forward pass keeps is as it was.
      const made = this.#forward.has(node) ? node : this.#withInputs(node, (input) => this.#used(input))
      const awaited = (this.#awaited.get(node) ?? []).map((gradient) => this.#rebuilt(gradient)).filter(isFloats)
      this.#made.set(node, after(made, awaited))
    }
    return this.#made.get(root) ?? root
  }

  #withInputs(node: Onnx.Expression, of: (input: Onnx.Expression) => Onnx.Expression): Onnx.Expression {
    const inputs = node.inputs.map(of)
    return inputs.every((input, at) => input === node.inputs[at]) ? node : { ...node, inputs }
  }

  /** A value that the backward pass uses. */
  #used(input: Onnx.Expression): Onnx.Expression {
    if (!this.#forward.has(input)) return this.#made.get(input) ?? input
    for (const segments of this.#segments) {
      const layer = segments.layerOf(input)
      if (layer !== undefined) return this.#madeAgain(segments, layer, input)
    }
    return input
  }

  /** A node of a layer, made again of the layer's beginning. */
  #madeAgain(segments: Segments, layer: number, root: Onnx.Expression): Onnx.Expression {
    const layers = this.#again.get(segments) ?? new Map<number, Map<Onnx.Expression, Onnx.Expression>>()
    this.#again.set(segments, layers)
    const known = layers.get(layer) ?? new Map<Onnx.Expression, Onnx.Expression>()
    layers.set(layer, known)
    const done = known.get(root)
    if (done !== undefined) return done
    const gradient = this.#ends.get(segments)?.[layer + 1]
    if (gradient === undefined) return root
    const awaited = this.#rebuilt(gradient)
    if (!isFloats(awaited)) return root
    const start = segments.cuts[layer]
    for (const node of unknown(root, (each) => known.has(each))) {
      const again = segments.layerOf(node) === layer || segments.isMask(node)
      if (node === start || (again && node.operation.kind === "Input")) known.set(node, after(node, [awaited]))
      else known.set(node, again ? this.#withInputs(node, (input) => known.get(input) ?? input) : node)
    }
    return known.get(root) ?? root
  }
}
