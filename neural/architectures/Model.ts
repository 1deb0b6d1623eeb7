import * as Either from "effect/Either"
import * as Onnx from "../onnx/index.ts"
import { HeadUnsuitable } from "./ArchitectureError.ts"
import { type BertConfig, bertEncoder, bertMaximumTokens, dense } from "./Bert.ts"
import type { Architecture } from "./config.ts"
import { type Dropout, type Encoder, keepAll } from "./Encoder.ts"
import { type Head, headsOf } from "./Head.ts"
import { type Floats, Parameters } from "./Parameters.ts"
import { type T5Config, t5DecoderStep, t5Encoder } from "./T5.ts"
import { t5GemmaEncoder } from "./T5Gemma.ts"
import { byText, masked, type TokenBatch, tokenBatch } from "./TokenBatch.ts"

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
}

const longestByDefault = 4096

/** The longest text a model's positions allow; undefined where they have no end. */
export const positionLimit = (architecture: Architecture): number | undefined =>
  architecture.family === "bert" ? bertMaximumTokens(architecture) : undefined

const encoderOf = (
  architecture: Architecture,
  tokens: TokenBatch,
  parameters: Parameters,
  maximumTokens: number,
  dropout: Dropout,
): Encoder => {
  switch (architecture.family) {
    case "t5":
      return t5Encoder(architecture, tokens, parameters, dropout)
    case "t5gemma":
      return t5GemmaEncoder(architecture, tokens, parameters, maximumTokens, dropout)
    case "bert":
      return bertEncoder(architecture, tokens, parameters, dropout)
  }
}

/** The mean of each text's token states under a mask, [batch, width]; a text without tokens gives zeros. */
const maskedMean = (encoder: Encoder, tokens: TokenBatch, mask: Floats = tokens.mask): Floats => {
  const { batch, sequence } = tokens
  const sums = Onnx.matMul(Onnx.reshape(mask, [batch, 1, sequence]), byText(encoder.states(), tokens))
  const count = Onnx.maximum(Onnx.reduceSum(mask, [1], true), 1e-9)
  return Onnx.divide(Onnx.reshape(sums, [batch, encoder.width]), count)
}

const attentionPooling = (encoder: Encoder, tokens: TokenBatch, parameters: Parameters): Floats => {
  const { batch, mask, sequence } = tokens
  const states = encoder.states()
  const relevance = Onnx.linear(states, parameters.get("head.attention.weight", 1, encoder.width))
  const hidden = Onnx.multiply(Onnx.subtract(Onnx.scalar(1), mask), masked)
  const weights = Onnx.softmax(Onnx.add(Onnx.reshape(relevance, [batch, sequence]), hidden), -1)
  const mean = Onnx.matMul(Onnx.reshape(weights, [batch, 1, sequence]), byText(states, tokens))
  return Onnx.reshape(mean, [batch, encoder.width])
}

/** The decoder's logits of some vocabulary entries, [batch, entries]. */
const decoderLogits = (
  config: T5Config,
  encoder: Encoder,
  tokens: TokenBatch,
  parameters: Parameters,
  entries: readonly number[],
  dropout: Dropout,
): Floats => {
  const state = t5DecoderStep(config, tokens, parameters, encoder.states(), dropout)
  const { tiedOutput, vocabulary, width } = config
  const table = parameters.get(tiedOutput ? "shared.weight" : "lm_head.weight", vocabulary, width)
  const rows = Onnx.gather(table, Onnx.integers(entries, [entries.length]))
  return Onnx.linear(tiedOutput ? Onnx.multiply(state, width ** -0.5) : state, rows)
}

/** The classifier's logits, [batch, labels]. */
const classifierLogits = (
  config: BertConfig,
  encoder: Encoder,
  parameters: Parameters,
  labels: number,
  dropout: Dropout,
): Floats => {
  const first = encoder.first()
  switch (config.kind) {
    case "bert": {
      const pooled = Onnx.tanh(dense(parameters, "pooler.dense", first, config.width))
      return dense(parameters, "classifier", dropout(pooled, "head"), labels)
    }
    case "roberta": {
      const inner = Onnx.tanh(dense(parameters, "classifier.dense", dropout(first, "head.input"), config.width))
      return dense(parameters, "classifier.out_proj", dropout(inner, "head"), labels)
    }
    case "electra": {
      const inner = dense(parameters, "classifier.dense", dropout(first, "head.input"), config.width)
      return dense(parameters, "classifier.out_proj", dropout(Onnx.gelu(inner, "none"), "head"), labels)
    }
  }
}

const column = (logits: Floats, index: number, tokens: TokenBatch): Floats =>
  Onnx.reshape(Onnx.slice(logits, 1, index, index + 1), [tokens.batch])

/** Vectors as ones of length 1. */
const ofUnitLength = (vectors: Floats): Floats => {
  const length = Onnx.squareRoot(Onnx.reduceSum(Onnx.multiply(vectors, vectors), [1], true))
  return Onnx.divide(vectors, Onnx.maximum(length, 1e-12))
}

/** The texts' vectors as sentence-transformers makes them: pooled, by Normalize, shortened, and by what compares them. */
const embeddings = (encoder: Encoder, tokens: TokenBatch, head: Extract<Head, { kind: "embedding" }>): Floats => {
  const { leavesOutPrompt, normalized, pooling, similarity, truncateDim } = head
  const mask = leavesOutPrompt === true ? Onnx.cast(tokens.poolingMask, "float32") : tokens.mask
  let vectors = pooling === "cls" ? encoder.first() : maskedMean(encoder, tokens, mask)
  if (normalized === true && truncateDim !== undefined) vectors = ofUnitLength(vectors)
  if (truncateDim !== undefined && truncateDim < encoder.width) vectors = Onnx.slice(vectors, 1, 0, truncateDim)
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
  const encoder = encoderOf(architecture, tokens, parameters, maximumTokensOf(description), dropout)
  const linear = (pooled: Floats): Floats =>
    Onnx.reshape(dense(parameters, "head.score", dropout(pooled, "head"), 1), [tokens.batch])
  switch (head.kind) {
    case "first-token":
      return linear(encoder.first())
    case "masked-mean":
      return linear(maskedMean(encoder, tokens))
    case "attention-pooling":
      return linear(attentionPooling(encoder, tokens, parameters))
    case "embedding":
      return embeddings(encoder, tokens, head)
    case "decoder-logit":
    case "decoder-choice": {
      if (architecture.family !== "t5") throw unsuitable(description, "it has no decoder here")
      const entries = head.kind === "decoder-logit" ? [head.token] : [head.yes, head.no]
      const logits = decoderLogits(architecture, encoder, tokens, parameters, entries, dropout)
      return column(entries.length === 1 ? logits : Onnx.logSoftmax(logits, 1), 0, tokens)
    }
    case "classifier": {
      if (architecture.family !== "bert") throw unsuitable(description, "it has no classifier here")
      const logits = classifierLogits(architecture, encoder, parameters, head.labels, dropout)
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
  Math.min(maximumTokens ?? longestByDefault, positionLimit(architecture) ?? Number.MAX_SAFE_INTEGER)

const without = (name: string, prefix: string): string | undefined =>
  name.startsWith(prefix) ? name.slice(prefix.length) : undefined

const prefixes: Record<BertConfig["kind"], string> = { bert: "bert.", roberta: "roberta.", electra: "electra." }

/** The other names that Hugging Face's checkpoints may have a tensor under. */
const aliasesOf = (architecture: Architecture, name: string): readonly string[] => {
  switch (architecture.family) {
    case "t5":
      if (name === "shared.weight") return ["encoder.embed_tokens.weight", "transformer.shared.weight"]
      if (name === "lm_head.weight") return architecture.sharedOutput ? ["shared.weight"] : []
      return [`transformer.${name}`]
    case "t5gemma":
      return [`model.${name}`]
    case "bert": {
      const old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
      const names = old === name ? [name] : [name, old]
      return [...names.slice(1), ...names.map((each) => `${prefixes[architecture.kind]}${each}`)]
    }
  }
}

/** Tensors that checkpoints have beside an encoder's own: decoders, language model heads, poolers, counters. */
const ignoredBy = (architecture: Architecture) => {
  const beside = [
    "decoder.",
    "lm_head.",
    "cls.",
    "score.",
    "classifier.",
    "classification_head.",
    "pooler.",
    "generator_predictions.",
    "discriminator_predictions.",
    "head.",
  ]
  const prefix =
    architecture.family === "bert"
      ? prefixes[architecture.kind]
      : architecture.family === "t5"
        ? "transformer."
        : "model."
  return (name: string): boolean => {
    const bare = without(name, prefix) ?? name
    return (
      beside.some((start) => bare.startsWith(start)) ||
      // Where only the first token asks, a key's bias adds the same to all its scores.
      bare.endsWith(".attention.self.key.bias") ||
      bare.endsWith(".position_ids") ||
      bare.endsWith(".token_type_ids") ||
      bare === "encoder.embed_tokens.weight" ||
      bare === "shared.weight"
    )
  }
}

/**
 * The graph of a ranking model. Its inputs are input_ids, attention_mask, token_type_ids where the architecture has
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
  const tokens = tokenBatch()
  const leavesOut = head.kind === "embedding" && head.leavesOutPrompt === true
  const output = head.kind === "embedding" ? "embeddings" : "scores"
  const expression = modelExpression(description, tokens, new Parameters())
  const graph: Onnx.Graph = {
    name: `${architecture.family}-${head.kind}`,
    inputs: [
      tokens.ids,
      tokens.attentionMask,
      ...(hasTokenTypes(architecture) ? [tokens.tokenTypes] : []),
      ...(leavesOut ? [tokens.poolingMask] : []),
    ],
    outputs: { [output]: expression },
  }
  const tensors = Onnx.parametersOf(graph).map(({ name, shape }) => ({
    name,
    shape,
    aliases: aliasesOf(architecture, name),
  }))
  return Either.right({
    graph,
    output,
    tensors,
    ignores: ignoredBy(architecture),
    maximumTokens: maximumTokensOf(description),
  })
}

/** Whether a model wants token_type_ids. */
export const hasTokenTypes = (architecture: Architecture): boolean =>
  architecture.family === "bert" && architecture.tokenTypes > 1

const vocabularyEntries = (head: Head): readonly number[] => {
  if (head.kind === "decoder-logit") return [head.token]
  return head.kind === "decoder-choice" ? [head.yes, head.no] : []
}
