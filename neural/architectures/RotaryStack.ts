import * as Onnx from "../onnx/index.ts"
import type { Place } from "./Architecture.ts"
import { singleQueryAttention } from "./attention.ts"
import type { Encoder } from "./Encoder.ts"
import type { Floats } from "./Parameters.ts"
import { positionsOf, type Rotation, rotation } from "./rotary.ts"
import { sharedBeginning } from "./sharedBeginning.ts"
import { type SlidingWindow, slidingWindow, type Window } from "./slidingWindow.ts"
import { firstRows, flatIds, lastPositions, lastRows, masked, type TokenBatch } from "./TokenBatch.ts"

/** What may differ from layer to layer. */
export interface RotaryLayer {
  /** Which tokens a token sees. */
  readonly reach: Window
  /** Base of the rotary positions. */
  readonly theta: number
  /** What their angles are divided by: 1 where they are as they are. */
  readonly stretch: number
}

/** The names of a layer's normalisations. Families with four have one behind attention and feed-forward layer each. */
export interface NormNames {
  readonly beforeAttention: string
  readonly afterAttention?: string
  readonly beforeFeedForward: string
  readonly afterFeedForward?: string
}

/**
 * A stack of layers as Llama's kin have it, encoders and decoders alike: root mean square normalisation, rotary positions, keys that
 * several heads of queries share, a gated feed-forward layer.
 */
export interface RotaryStack {
  readonly vocabulary: number
  readonly width: number
  readonly innerWidth: number
  readonly heads: number
  readonly keyHeads: number
  readonly headSize: number
  readonly layers: readonly RotaryLayer[]
  readonly epsilon: number
  /** The factor of attention scores. */
  readonly scale: number
  /** Attention scores s become c · tanh(s / c); undefined: they stay. */
  readonly softCap: number | undefined
  readonly activation: "silu" | "gelu" | "gelu_tanh" | "relu"
  /** The factor of embeddings. */
  readonly embeddingScale: number
  /** The stored gain of a normalisation that leaves its input as it is: 0 where it is an offset from one. */
  readonly unitGain: 0 | 1
  /** Whether queries and keys are normalised, head by head, before their rotation. */
  readonly headNorms: boolean
  /** Whether the projections to queries, keys and values have biases, and the one behind attention. */
  readonly biases: { readonly inputs: boolean; readonly output: boolean }
  readonly norms: NormNames
  /** What stands before all names, «encoder.» for one. */
  readonly prefix: string
  /** Embedding rows that are stored apart, by the token's id: the name of a vector, taken as it is. */
  readonly ownRows?: ReadonlyMap<number, string>
}

const activate = (x: Floats, activation: RotaryStack["activation"]): Floats => {
  switch (activation) {
    case "silu":
      return Onnx.multiply(x, Onnx.sigmoid(x))
    case "gelu":
      return Onnx.gelu(x, "none")
    case "gelu_tanh":
      return Onnx.gelu(x, "tanh")
    case "relu":
      return Onnx.relu(x)
  }
}

/** Whose states a layer gives: of all tokens, or of one in each text. */
type Only = "all" | "first" | "last"

/** What layers of one kind share: their window, what the last token sees of it, and how queries and keys are turned. */
interface Kind {
  readonly window: SlidingWindow
  readonly ofLast: () => Floats
  readonly turn: Rotation
  readonly turnLast: () => Rotation
}

/** What each text's last token sees, [batch, 1, 1, sequence]: tokens behind it are there where it is the last of its kind only. */
const lastMask = ({ after, before }: Window, tokens: TokenBatch): Floats => {
  const keys = Onnx.unsqueeze(Onnx.range(tokens.sequence, "float32"), [0])
  const distance = Onnx.subtract(keys, lastPositions(tokens))
  const sees = [
    ...(before === undefined ? [] : [Onnx.greaterOrEqual(distance, -before)]),
    ...(after === undefined ? [] : [Onnx.lessOrEqual(distance, after)]),
  ]
  const [first, second] = sees
  if (first === undefined) return tokens.visibility
  const all = second === undefined ? first : Onnx.and(first, second)
  // The minimum, not the sum: two of the lowest floats would make an infinity.
  const mask = Onnx.where(all, Onnx.scalar(0), Onnx.scalar(masked))
  return Onnx.minimum(tokens.visibility, Onnx.unsqueeze(mask, [1, 2]))
}

/** What is made once for all layers that are alike in something. */
const once = <A>(
  alike: (layer: RotaryLayer) => string,
  make: (layer: RotaryLayer) => A,
): ((layer: RotaryLayer) => A) => {
  const known = new Map<string, A>()
  return (layer) => {
    const key = alike(layer)
    const made = known.get(key) ?? make(layer)
    known.set(key, made)
    return made
  }
}

const reachOf = ({ reach }: RotaryLayer): string => `${reach.before} ${reach.after}`
const anglesOf = ({ stretch, theta }: RotaryLayer): string => `${theta} ${stretch}`

/** The kinds of layer of a stack, each made once. */
const kindsOf = (stack: RotaryStack, tokens: TokenBatch, maximumTokens: number): ((layer: RotaryLayer) => Kind) => {
  const places = Onnx.reshape(lastPositions(tokens), [tokens.batch, 1, 1])
  const windows = once(reachOf, ({ reach }) => slidingWindow(tokens, reach, maximumTokens))
  const masks = once(reachOf, ({ reach }) => lastMask(reach, tokens))
  const turns = once(anglesOf, (layer) => rotation(stack.headSize, layer, positionsOf(tokens.sequence)))
  const lastTurns = once(anglesOf, (layer) => rotation(stack.headSize, layer, places))
  return (layer) => ({
    window: windows(layer),
    ofLast: () => masks(layer),
    turn: turns(layer),
    turnLast: () => lastTurns(layer),
  })
}

/** Where the tokens of a layer stand: how they attend to one another, and how queries and keys are turned. */
interface Field {
  readonly tokens: Pick<TokenBatch, "batch" | "sequence">
  readonly attention: (layer: RotaryLayer) => SlidingWindow["attention"]
  readonly turn: (layer: RotaryLayer) => Rotation
}

/** Whether every layer sees all tokens up to its own, and none behind, in texts of so many. */
export const seesAllBefore = ({ layers }: RotaryStack, maximumTokens: number): boolean =>
  layers.every(({ reach: { after, before } }) => after === 0 && (before === undefined || before >= maximumTokens - 1))

/** The rows of one token a text. */
const picked = (rows: Floats, tokens: TokenBatch, only: "first" | "last"): Floats =>
  only === "first" ? firstRows(rows, tokens) : lastRows(rows, tokens)

/**
 * A stack of rotary layers over a batch of tokens. A reach that leaves out nothing of the longest text is not in the graph. Where one
 * token's state is asked for, the last layer is computed for that one alone.
 */
export const rotaryStack = (stack: RotaryStack, place: Place): Encoder => {
  const { dropout, maximumTokens, parameters, tokens } = place
  const {
    activation,
    biases,
    epsilon,
    headNorms,
    headSize,
    heads,
    innerWidth,
    keyHeads,
    norms,
    scale,
    softCap,
    width,
  } = stack
  const divided = { heads, keyHeads, size: headSize }
  const group = heads / keyHeads
  const kindOf = kindsOf(stack, tokens, maximumTokens)
  const whole: Field = { tokens, attention: (own) => kindOf(own).window.attention, turn: (own) => kindOf(own).turn }
  const gainOf = (name: string, size: number): Floats => {
    const weight = parameters.get(`${name}.weight`, size)
    return stack.unitGain === 0 ? Onnx.add(weight, 1) : weight
  }
  const norm = (x: Floats, name: string): Floats => Onnx.rmsNormalization(x, gainOf(name, width), epsilon)
  // onnxruntime makes the scaling of scores a factor of their product, but not where heads share keys: there a reshape stands between,
  // and queries, which are fewer, are scaled. Where queries are normalised, the factor is part of the gain.
  const scalesScores = !headNorms && group === 1
  const factor = softCap === undefined ? scale : scale / softCap
  const rule = (scores: Floats, visible: Floats): Floats => {
    const scaled = scalesScores ? Onnx.multiply(scores, factor) : scores
    return Onnx.add(softCap === undefined ? scaled : Onnx.multiply(Onnx.tanh(scaled), softCap), visible)
  }

  const layerOf = (x: Floats, layer: number, only: Only, field: Field = whole): Floats => {
    const { batch, sequence } = field.tokens
    const own = stack.layers[layer]!
    const name = `${stack.prefix}layers.${layer}`
    const at = (what: string): string => `encoder.${layer}.${what}`
    const weight = (which: string, count: number): Floats =>
      parameters.get(`${name}.self_attn.${which}_proj.weight`, count * headSize, width)
    const bias = (which: string, count: number): Floats | undefined =>
      biases.inputs ? parameters.get(`${name}.self_attn.${which}_proj.bias`, count * headSize) : undefined
    const project = (rows: Floats, which: string, count: number): Floats =>
      Onnx.linear(rows, weight(which, count), bias(which, count))
    const headGain = (which: "q" | "k"): Floats => gainOf(`${name}.self_attn.${which}_norm`, headSize)
    const scaled = (queries: Floats): Floats => {
      if (headNorms) return Onnx.rmsNormalization(queries, Onnx.multiply(headGain("q"), factor), epsilon)
      return scalesScores ? queries : Onnx.multiply(queries, factor)
    }
    const turn = field.turn(own)
    const normed = norm(x, `${name}.${norms.beforeAttention}`)
    const keyRows = Onnx.reshape(project(normed, "k", keyHeads), [batch, sequence, keyHeads, headSize])
    const key = turn(headNorms ? Onnx.rmsNormalization(keyRows, headGain("k"), epsilon) : keyRows)
    // The rotation of position 0 is the identity.
    const turnOwn = { all: () => turn, first: () => (x: Floats) => x, last: () => kindOf(own).turnLast() }[only]
    const queryOf = (rows: Floats, places: Onnx.Dim): Floats =>
      turnOwn()(scaled(Onnx.reshape(project(rows, "q", heads), [batch, places, heads, headSize])))
    const drop = (p: Floats): Floats => dropout(p, at("attention.probabilities"))

    const contextOf = (): Floats => {
      const rows = Onnx.dimensions.multiply(batch, sequence)
      if (only === "all") {
        return field.attention(own)(divided, {
          query: Onnx.reshape(queryOf(normed, sequence), [rows, heads * headSize]),
          key: Onnx.reshape(key, [rows, keyHeads * headSize]),
          value: project(normed, "v", keyHeads),
          rule,
          dropout: drop,
        })
      }
      const visible = only === "first" ? kindOf(own).window.ofFirst : kindOf(own).ofLast()
      const query = queryOf(picked(normed, tokens, only), 1)
      const context = singleQueryAttention(tokens, divided, {
        query: Onnx.reshape(query, [batch, heads * headSize]),
        states: normed,
        key: { rows: key },
        valueWeight: weight("v", keyHeads),
        rule: (scores) => rule(scores, visible),
        dropout: drop,
      })
      const valueBias = bias("v", keyHeads)
      if (valueBias === undefined) return context
      // The probabilities of a query sum to 1: the bias of the values is added to their mean.
      const repeated = Onnx.expand(Onnx.reshape(valueBias, [keyHeads, 1, headSize]), [keyHeads, group, headSize])
      return Onnx.add(context, Onnx.reshape(repeated, [1, heads * headSize]))
    }

    const outputWeight = parameters.get(`${name}.self_attn.o_proj.weight`, width, heads * headSize)
    const outputBias = biases.output ? parameters.get(`${name}.self_attn.o_proj.bias`, width) : undefined
    const after = (rows: Floats, which: string | undefined): Floats =>
      which === undefined ? rows : norm(rows, `${name}.${which}`)
    const attended = after(Onnx.linear(contextOf(), outputWeight, outputBias), norms.afterAttention)
    const residual = only === "all" ? x : picked(x, tokens, only)
    const middle = Onnx.add(residual, dropout(attended, at("attention")))

    const normedMiddle = norm(middle, `${name}.${norms.beforeFeedForward}`)
    const inward = (which: string): Floats =>
      Onnx.linear(normedMiddle, parameters.get(`${name}.mlp.${which}_proj.weight`, innerWidth, width))
    const inner = Onnx.multiply(activate(inward("gate"), activation), inward("up"))
    const down = parameters.get(`${name}.mlp.down_proj.weight`, width, innerWidth)
    const fed = after(Onnx.linear(dropout(inner, at("feedForward.inner")), down), norms.afterFeedForward)
    return Onnx.add(middle, dropout(fed, at("feedForward")))
  }

  const embed = (ids: Onnx.Expression<"int64">): Floats => {
    const table = parameters.get(`${stack.prefix}embed_tokens.weight`, stack.vocabulary, width)
    let rows = Onnx.gather(table, ids)
    if (stack.embeddingScale !== 1) rows = Onnx.multiply(rows, stack.embeddingScale)
    for (const [id, name] of stack.ownRows ?? []) {
      const own = Onnx.reshape(parameters.get(name, width), [1, width])
      rows = Onnx.where(Onnx.unsqueeze(Onnx.equal(ids, id), [1]), own, rows)
    }
    return dropout(rows, "encoder.embedding")
  }

  const count = stack.layers.length
  const beforeLast = (ids: Onnx.Expression<"int64">, field: Field): Floats => {
    let x = embed(ids)
    for (let layer = 0; layer < count - 1; layer++) x = layerOf(x, layer, "all", field)
    return x
  }
  const begun = tokens.beginning && sharedBeginning(tokens, tokens.beginning)
  const before =
    begun === undefined
      ? beforeLast(flatIds(tokens), whole)
      : begun.joined(
          beforeLast(begun.ids, {
            tokens: begun,
            attention: () => begun.attention,
            turn: once(anglesOf, (layer) => rotation(headSize, layer, begun.positions)),
          }),
        )
  const end = (only: Only): Floats =>
    dropout(norm(layerOf(before, count - 1, only), `${stack.prefix}norm`), "encoder.output")
  return { width, states: () => end("all"), first: () => end("first"), last: () => end("last") }
}

/** What an architecture whose body is a stack says of it. */
export const stackArchitecture = (stack: RotaryStack) => ({
  vocabulary: stack.vocabulary,
  width: stack.width,
  innerWidth: stack.innerWidth,
  layers: stack.layers.length,
  heads: stack.heads,
  sizes: { "key heads": stack.keyHeads, "head size": stack.headSize },
  positionLimit: undefined,
  countsPadding: false,
  tokenTypes: false,
  encoder: (place: Place): Encoder => rotaryStack(stack, place),
  unitGain: stack.unitGain,
})
