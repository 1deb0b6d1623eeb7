import * as Either from "effect/Either"
import * as Onnx from "../onnx/index.ts"
import type { Architecture, Place } from "./Architecture.ts"
import { HeadUnsuitable } from "./ArchitectureError.ts"
import { dense } from "./dense.ts"
import { denseLayers, denseMisfit, isDenseTensor } from "./denseLayers.ts"
import { type Dropout, type Encoder, keepAll } from "./Encoder.ts"
import { type Head, headsOf } from "./Head.ts"
import { maskedMean } from "./maskedMean.ts"
import { type Floats, Parameters } from "./Parameters.ts"
import { pooledStates } from "./pooledStates.ts"
import { byText, masked, sharedBatch, type TokenBatch, tokenBatch, tokenRowsOf } from "./TokenBatch.ts"
import { ofUnitLength } from "./unitLength.ts"

/** A ranking model: an architecture, a head, and how long its texts may be. */
export interface ModelDescription {
  readonly architecture: Architecture
  readonly head: Head
  /** The most tokens of a text that the graph is right for. Default: what the positions allow, at most 4096. */
  readonly maximumTokens?: number
}

/** A weight of a model: its name, and those under which checkpoints may have it. */
export interface ModelTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly aliases: readonly string[]
}

/** A model as a graph. */
export interface ModelGraph {
  /** `scores` [batch], or for an embedding head `embeddings` [batch, width]. */
  readonly graph: Onnx.Graph
  readonly output: "scores" | "embeddings"
  /** The parameters of the graph, in its order. */
  readonly tensors: readonly ModelTensor[]
  /** Whether a checkpoint may have a tensor of this name that the model does not use. */
  readonly ignores: (name: string) => boolean
  readonly maximumTokens: number
  /** How many rows layers over all tokens have: more than one number where what texts begin with is computed apart. */
  readonly tokenRows: readonly Onnx.Dim[]
}

const longestByDefault = 4096

const attentionPooling = (encoder: Encoder, tokens: TokenBatch, parameters: Parameters): Floats => {
  const { batch, mask, sequence } = tokens
  const states = encoder.states()
  const relevance = Onnx.linear(states, parameters.get("head.attention.weight", 1, encoder.width))
  const hidden = Onnx.multiply(Onnx.subtract(Onnx.scalar(1), mask), masked)
  const weights = Onnx.softmax(Onnx.add(Onnx.reshape(relevance, [batch, sequence]), hidden), -1)
  const mean = Onnx.matMul(Onnx.reshape(weights, [batch, 1, sequence]), byText(states, tokens))
  return Onnx.reshape(mean, [batch, encoder.width])
}

const column = (logits: Floats, index: number, tokens: TokenBatch): Floats =>
  Onnx.reshape(Onnx.slice(logits, 1, index, index + 1), [tokens.batch])

/** The texts' vectors as sentence-transformers makes them: pooled, by Dense and Normalize, shortened, and by what compares them. */
const embeddings = (
  encoder: Encoder,
  tokens: TokenBatch,
  head: Extract<Head, { kind: "embedding" }>,
  parameters: Parameters,
): Floats => {
  const { dense: layers = [], leavesOutPrompt, normalized, pooling, similarity, truncateDim } = head
  const mask = leavesOutPrompt === true ? Onnx.cast<"float32">(tokens.poolingMask, "float32") : tokens.mask
  let vectors = denseLayers(pooledStates(pooling ?? "mean", encoder, tokens, mask), layers, parameters)
  const width = layers.at(-1)?.outputs ?? encoder.width
  if (normalized === true && truncateDim !== undefined) vectors = ofUnitLength(vectors)
  if (truncateDim !== undefined && truncateDim < width) vectors = Onnx.slice(vectors, 1, 0, truncateDim)
  const cosine = (similarity ?? "cosine") === "cosine"
  return cosine || (normalized === true && truncateDim === undefined) ? ofUnitLength(vectors) : vectors
}

/** What the model computes from a batch of tokens: scores [batch], or embeddings [batch, width]. */
export const modelExpression = (
  description: ModelDescription,
  tokens: TokenBatch,
  parameters: Parameters,
  dropout: Dropout = keepAll,
): Floats => {
  const { architecture, head } = description
  const place: Place = { tokens, parameters, maximumTokens: maximumTokensOf(description), dropout }
  const encoder = architecture.encoder(place)
  const linear = (pooled: Floats): Floats =>
    Onnx.reshape(dense(parameters, "head.score", dropout(pooled, "head"), 1), [tokens.batch])
  switch (head.kind) {
    case "first-token":
      return linear(encoder.first())
    case "masked-mean":
      return linear(maskedMean(encoder.states(), tokens))
    case "attention-pooling":
      return linear(attentionPooling(encoder, tokens, parameters))
    case "embedding":
      return embeddings(encoder, tokens, head, parameters)
    case "decoder-logit":
    case "decoder-choice": {
      if (architecture.entryLogits === undefined) throw unsuitable(description, "it has no decoder here")
      const entries = head.kind === "decoder-logit" ? [head.token] : [head.yes, head.no]
      const logits = architecture.entryLogits(encoder, place, entries)
      return column(entries.length === 1 ? logits : Onnx.logSoftmax(logits, 1), 0, tokens)
    }
    case "classifier": {
      if (architecture.classifier === undefined) throw unsuitable(description, "it has no classifier here")
      const logits = architecture.classifier(encoder, place, head.labels)
      const alone = head.labels === 1 || head.independent === true
      return column(alone ? logits : Onnx.logSoftmax(logits, 1), head.label, tokens)
    }
  }
}

const unsuitable = (description: ModelDescription, why: string): HeadUnsuitable =>
  new HeadUnsuitable({
    family: description.architecture.family,
    head: description.head.kind,
    why,
    heads: headsOf(description.architecture),
  })

const maximumTokensOf = ({ architecture, maximumTokens }: ModelDescription): number =>
  Math.min(maximumTokens ?? longestByDefault, architecture.positionLimit ?? Number.MAX_SAFE_INTEGER)

/** Whether a decoder's head reads the state of each text's last token. */
const readsLast = (head: Head): boolean =>
  head.kind === "decoder-logit" || head.kind === "decoder-choice" || head.kind === "classifier"

/**
 * The graph of a ranking model. A head at the last token of a decoder has inputs for a beginning that texts share (`sharedBatch`).
 * Otherwise its inputs are input_ids, attention_mask, token_type_ids where the architecture has
 * several token types, and pooling_mask where some tokens are left out of the mean; all int64 [batch, sequence]. What stands under a mask of 0 has no influence.
 */
export const modelGraph = (description: ModelDescription): Either.Either<ModelGraph, HeadUnsuitable> => {
  const { architecture, head } = description
  if (!headsOf(architecture).includes(head.kind)) return Either.left(unsuitable(description, "it has none such"))
  const outside = vocabularyEntries(head).find((entry) => entry >= architecture.vocabulary)
  if (outside !== undefined) {
    return Either.left(
      unsuitable(description, `entry ${outside} is beyond its vocabulary of ${architecture.vocabulary}`),
    )
  }
  if (head.kind === "classifier" && head.label >= head.labels) {
    return Either.left(unsuitable(description, `label ${head.label} is not among its ${head.labels} labels`))
  }
  if (head.kind === "embedding" && head.leavesOutPrompt === true && head.pooling === "cls") {
    return Either.left(unsuitable(description, "the first token behind a prompt (cls without the prompt) is not built"))
  }
  const layers = head.kind === "embedding" ? head.dense : undefined
  const misfit = denseMisfit(architecture.width, layers ?? [])
  if (misfit !== undefined) return Either.left(unsuitable(description, misfit))
  const shares = readsLast(head) && architecture.readsForward?.(maximumTokensOf(description)) === true
  const whole = tokenBatch()
  const { inputs, tokens } = shares ? sharedBatch() : { tokens: whole, inputs: [whole.ids, whole.attentionMask] }
  const leavesOut = head.kind === "embedding" && head.leavesOutPrompt === true
  const output = head.kind === "embedding" ? "embeddings" : "scores"
  const expression = modelExpression(description, tokens, new Parameters())
  const graph: Onnx.Graph = {
    name: `${architecture.family}-${head.kind}`,
    inputs: [
      ...inputs,
      ...(architecture.tokenTypes ? [tokens.tokenTypes] : []),
      ...(leavesOut ? [tokens.poolingMask] : []),
    ],
    outputs: { [output]: expression },
  }
  const tensors = Onnx.parametersOf(graph).map(({ name, shape }) => ({
    name,
    shape,
    aliases: architecture.aliases(name),
  }))
  return Either.right({
    graph,
    output,
    tensors,
    // A folder's layers are left unread where another head is asked for, and are read to the last where they are the head's.
    ignores: (name) => (isDenseTensor(name) ? layers === undefined : architecture.ignores(name)),
    maximumTokens: maximumTokensOf(description),
    tokenRows: tokenRowsOf(tokens),
  })
}

/** A model as other programs run it: before what makes one score or one vector of it. */
export interface PublishedGraph {
  /** The output is `logits` [batch, labels], or of an embedding head `last_hidden_state` [batch, sequence, width]. */
  readonly graph: Onnx.Graph
  readonly tensors: readonly ModelTensor[]
}

/**
 * A model's graph with the output that `transformers` gives: of a classifier the logits of all its labels, of any other head that
 * scores its score as the only one, of an embedding head the tokens' states before pooling. Inputs as those of `modelGraph`, without
 * pooling_mask.
 */
export const publishedGraph = (description: ModelDescription): Either.Either<PublishedGraph, HeadUnsuitable> =>
  Either.map(modelGraph(description), ({ graph: own }) => {
    const { architecture, head } = description
    const tokens = tokenBatch()
    const parameters = new Parameters()
    const published = (): Readonly<Record<string, Floats>> => {
      const place: Place = { tokens, parameters, maximumTokens: maximumTokensOf(description), dropout: keepAll }
      if (head.kind === "embedding") {
        return { last_hidden_state: byText(architecture.encoder(place).states(), tokens) }
      }
      if (head.kind === "classifier" && architecture.classifier !== undefined) {
        return { logits: architecture.classifier(architecture.encoder(place), place, head.labels) }
      }
      return { logits: Onnx.reshape(modelExpression(description, tokens, parameters), [tokens.batch, 1]) }
    }
    const graph: Onnx.Graph = {
      name: own.name,
      inputs: [tokens.ids, tokens.attentionMask, ...(architecture.tokenTypes ? [tokens.tokenTypes] : [])],
      outputs: published(),
    }
    const tensors = Onnx.parametersOf(graph).map(({ name, shape }) => ({
      name,
      shape,
      aliases: architecture.aliases(name),
    }))
    return { graph, tensors }
  })

const vocabularyEntries = (head: Head): readonly number[] => {
  if (head.kind === "decoder-logit") return [head.token]
  return head.kind === "decoder-choice" ? [head.yes, head.no] : []
}
