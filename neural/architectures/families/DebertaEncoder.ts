import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { type Activation, activate } from "../activation.ts"
import { singleQueryAttention } from "../attention.ts"
import { dense } from "../dense.ts"
import { type Encoder, layeredEncoder } from "../Encoder.ts"
import type { Floats } from "../Parameters.ts"
import { byText, firstRows, flatIds } from "../TokenBatch.ts"

/** How relative positions take part in the attention of a DeBERTa-v2. */
export interface RelativeAttention {
  /** Half of the rows of the table of relative positions. */
  readonly span: number
  /** Distances fall into so many buckets on either side, growing as powers; undefined: each distance has its own row. */
  readonly buckets: number | undefined
  /** The distance at which the buckets end. */
  readonly maximumDistance: number
  /** Whether the table is normalised before it is used. */
  readonly normalized: boolean
  /** Whether the projections of tokens serve the table too. */
  readonly sharedProjections: boolean
}

/** What a DeBERTa-v2 or v3 is made of: the sizes of a Hugging Face `config.json`. */
export interface DebertaConfig {
  readonly vocabulary: number
  readonly embeddingWidth: number
  readonly width: number
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  readonly activation: Activation
  readonly poolerActivation: Activation | "tanh"
  readonly epsilon: number
  readonly tokenTypes: number
  /** Rows of the table of absolute positions; undefined where there is none. */
  readonly positions: number | undefined
  readonly relative: RelativeAttention | undefined
  /** Which products with positions are counted in the scores' scale, and added where `relative` is there. */
  readonly contentToPosition: boolean
  readonly positionToContent: boolean
}

/**
 * The row of the table for a distance r = query − key, as transformers computes it, in 32-bit floats. Up to half of the buckets each
 * distance has its own.
 */
export const relativeRow = (relative: RelativeAttention, r: number): number => {
  const { buckets, maximumDistance, span } = relative
  const within = (bucket: number): number => Math.min(Math.max(bucket + span, 0), 2 * span - 1)
  const middle = Math.floor((buckets ?? 0) / 2)
  const distance = Math.abs(r)
  if (buckets === undefined || distance <= middle) return within(r)
  const logarithm = (x: number): number => Math.fround(Math.log(Math.fround(x)))
  const share = Math.fround(logarithm(distance / middle) / logarithm((maximumDistance - 1) / middle))
  const bucket = Math.ceil(Math.fround(share * (middle - 1))) + middle
  return within(Math.sign(r) * bucket)
}

/** The distance from which on all others have the table's ends. */
const reachOf = (relative: RelativeAttention): number => {
  const last = 2 * relative.span - 1
  let reach = relative.span
  while (relativeRow(relative, reach) !== last || relativeRow(relative, -reach) !== 0) reach++
  return reach
}

/** Products of tokens with positions, for the attention scores of a layer. */
interface Positions {
  /** Added to the scores of all queries, [batch, heads, sequence, sequence], from queries and keys [batch, heads, sequence, size]. */
  readonly ofAll: (layer: string, query: Floats, key: Floats) => readonly Floats[]
  /** Added to those of the first, [batch, heads, 1, sequence], from a query [batch, heads, 1, size]. */
  readonly ofFirst: (layer: string, query: Floats, key: Floats) => readonly Floats[]
}

/**
 * A score of query i and key j has the products q_i · K(r) and k_j · Q(r) besides, where K and Q are projections of the row for
 * r = i − j. All products with the table's rows are made first; each score then finds its own by one index that is the same for all
 * texts and heads.
 */
const positions = (config: DebertaConfig, relative: RelativeAttention, { parameters, tokens }: Place): Positions => {
  const { contentToPosition, epsilon, heads, positionToContent, width } = config
  const { batch, sequence } = tokens
  const size = width / heads
  const rows = 2 * relative.span
  const stored = parameters.get("encoder.rel_embeddings.weight", rows, width)
  const vector = (name: string): Floats => parameters.get(`encoder.LayerNorm.${name}`, width)
  const table = relative.normalized
    ? Onnx.layerNormalization(stored, vector("weight"), vector("bias"), epsilon)
    : stored
  const projected = (layer: string, which: "key" | "query"): Floats => {
    const name = relative.sharedProjections ? `${which}_proj` : `pos_${which}_proj`
    return Onnx.reshape(dense(parameters, `${layer}.attention.self.${name}`, table, width), [rows, heads, size])
  }

  const reach = reachOf(relative)
  const byDistance = Array.from({ length: 2 * reach + 1 }, (_, at) => relativeRow(relative, at - reach))
  const rowsByDistance = Onnx.integers(byDistance, [byDistance.length])
  const places = Onnx.range(sequence, "int64")
  const rowOf = (distance: Onnx.Expression<"int64">): Onnx.Expression<"int64"> =>
    Onnx.gather(rowsByDistance, Onnx.add(Onnx.minimum(Onnx.maximum(distance, -reach), reach), reach))
  const [down, across] = [Onnx.unsqueeze(places, [1]), Onnx.unsqueeze(places, [0])]
  const row = rowOf(Onnx.subtract(down, across))
  const offset = Onnx.multiply(places, rows)
  const index = {
    key: Onnx.add(Onnx.unsqueeze(offset, [1]), row),
    query: Onnx.add(Onnx.unsqueeze(offset, [0]), row),
  }
  const found = (x: Floats, layer: string, which: "key" | "query"): Floats => {
    const products = Onnx.matMul(x, Onnx.transpose(Onnx.unsqueeze(projected(layer, which), [0]), [0, 2, 3, 1]))
    const flat = Onnx.reshape(products, [batch, heads, Onnx.dimensions.multiply(sequence, rows)])
    return Onnx.gather(flat, index[which], 2)
  }
  const ofFirst = (layer: string, which: "key" | "query"): Floats =>
    Onnx.transpose(Onnx.unsqueeze(Onnx.gather(projected(layer, which), rowOf(Onnx.negate(places))), [0]), [0, 2, 1, 3])
  return {
    ofAll: (layer, query, key) => [
      ...(contentToPosition ? [found(query, layer, "key")] : []),
      ...(positionToContent ? [found(key, layer, "query")] : []),
    ],
    ofFirst: (layer, query, key) => [
      ...(contentToPosition ? [Onnx.matMul(query, Onnx.transpose(ofFirst(layer, "key"), [0, 1, 3, 2]))] : []),
      ...(positionToContent
        ? [Onnx.unsqueeze(Onnx.reduceSum(Onnx.multiply(key, ofFirst(layer, "query")), [3]), [2])]
        : []),
    ],
  }
}

/** The encoder of a DeBERTa-v2 over a batch of tokens. Names are without the prefix («deberta.») of a model with a head. */
const debertaEncoder = (config: DebertaConfig, place: Place): Encoder => {
  const { dropout, parameters, tokens } = place
  const { batch, sequence } = tokens
  const { epsilon, heads, innerWidth, width } = config
  const size = width / heads
  const products = 1 + Number(config.contentToPosition) + Number(config.positionToContent)
  const scale = (size * products) ** -0.5
  const relative = config.relative && positions(config, config.relative, place)
  const normalize = (x: Floats, name: string): Floats =>
    Onnx.layerNormalization(
      x,
      parameters.get(`${name}.LayerNorm.weight`, width),
      parameters.get(`${name}.LayerNorm.bias`, width),
      epsilon,
    )

  const embed = (): Floats => {
    const { embeddingWidth, tokenTypes } = config
    const table = (name: string, entries: number): Floats =>
      parameters.get(`embeddings.${name}_embeddings.weight`, entries, embeddingWidth)
    const rows = Onnx.dimensions.multiply(batch, sequence)
    let sum = byText(Onnx.gather(table("word", config.vocabulary), flatIds(tokens)), tokens)
    if (config.positions !== undefined) {
      sum = Onnx.add(sum, Onnx.gather(table("position", config.positions), Onnx.range(sequence, "int64")))
    }
    if (tokenTypes > 0) {
      const types = table("token_type", tokenTypes)
      const typed =
        tokenTypes === 1
          ? Onnx.reshape(types, [1, 1, embeddingWidth])
          : byText(Onnx.gather(types, Onnx.reshape(tokens.tokenTypes, [rows])), tokens)
      sum = Onnx.add(sum, typed)
    }
    const embedded = Onnx.reshape(sum, [rows, embeddingWidth])
    const wide =
      embeddingWidth === width
        ? embedded
        : Onnx.linear(embedded, parameters.get("embeddings.embed_proj.weight", width, embeddingWidth))
    return dropout(normalize(wide, "embeddings"), "encoder.embedding")
  }

  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `encoder.layer.${layer}`
    const at = (what: string): string => `encoder.${layer}.${what}`
    const self = `${name}.attention.self`
    const byHead = (rows: Floats, length: Onnx.Dim): Floats =>
      Onnx.transpose(Onnx.reshape(rows, [batch, length, heads, size]), [0, 2, 1, 3])
    const asked = dense(parameters, `${self}.query_proj`, only === "all" ? x : firstRows(x, tokens), width)
    const keyRows = dense(parameters, `${self}.key_proj`, x, width)
    const key = byHead(keyRows, sequence)
    const valueWeight = parameters.get(`${self}.value_proj.weight`, width, width)
    const drop = (p: Floats): Floats => dropout(p, at("attention.probabilities"))
    const ruled = (scores: Floats, more: readonly Floats[]): Floats =>
      Onnx.add(
        Onnx.multiply(
          more.reduce((sum, each) => Onnx.add(sum, each), scores),
          scale,
        ),
        tokens.visibility,
      )
    const ofAll = (): Floats => {
      const query = byHead(asked, sequence)
      const scores = Onnx.matMul(query, Onnx.transpose(key, [0, 1, 3, 2]))
      const probabilities = drop(Onnx.softmax(ruled(scores, relative?.ofAll(name, query, key) ?? []), -1))
      const context = Onnx.matMul(probabilities, byHead(Onnx.linear(x, valueWeight), sequence))
      return Onnx.reshape(Onnx.transpose(context, [0, 2, 1, 3]), [Onnx.dimensions.multiply(batch, sequence), width])
    }
    const ofFirst = (): Floats => {
      const query = byHead(asked, 1)
      return singleQueryAttention(
        tokens,
        { heads, keyHeads: heads, size },
        {
          query: asked,
          states: x,
          key: { rows: Onnx.reshape(keyRows, [batch, sequence, heads, size]) },
          valueWeight,
          rule: (scores) => ruled(scores, relative?.ofFirst(name, query, key) ?? []),
          dropout: drop,
        },
      )
    }
    // The probabilities of a query sum to 1: behind the output's projection the values' bias is part of that one's.
    const output = `${name}.attention.output.dense`
    const outputWeight = parameters.get(`${output}.weight`, width, width)
    const valueBias = Onnx.reshape(parameters.get(`${self}.value_proj.bias`, width), [1, width])
    const bias = Onnx.reshape(Onnx.linear(valueBias, outputWeight, parameters.get(`${output}.bias`, width)), [width])
    const context = only === "all" ? ofAll() : ofFirst()
    const attended = dropout(Onnx.linear(context, outputWeight, bias), at("attention"))
    const residual = only === "all" ? x : firstRows(x, tokens)
    const middle = normalize(Onnx.add(residual, attended), `${name}.attention.output`)
    const inner = activate(dense(parameters, `${name}.intermediate.dense`, middle, innerWidth), config.activation)
    const fed = dropout(dense(parameters, `${name}.output.dense`, inner, width), at("feedForward"))
    return normalize(Onnx.add(middle, fed), `${name}.output`)
  }

  return layeredEncoder(tokens, config, embed(), layerOf)
}

/** The architecture of a DeBERTa-v2 or v3. */
export const deberta = (config: DebertaConfig): Architecture => {
  const { heads, innerWidth, layers, poolerActivation, relative, vocabulary, width } = config
  const positionsTable = "embeddings.position_embeddings."
  return {
    family: "deberta",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: {
      ...(relative === undefined ? {} : { "relative positions": 2 * relative.span }),
      ...(config.positions === undefined ? {} : { positions: config.positions }),
      "token types": config.tokenTypes,
    },
    positionLimit: config.positions,
    countsPadding: config.positions !== undefined,
    tokenTypes: config.tokenTypes > 1,
    encoder: (place) => debertaEncoder(config, place),
    classifier: (encoder, { dropout, parameters }, labels) => {
      const inner = dense(parameters, "pooler.dense", dropout(encoder.first(), "head.input"), width)
      const pooled = poolerActivation === "tanh" ? Onnx.tanh(inner) : activate(inner, poolerActivation)
      return dense(parameters, "classifier", dropout(pooled, "head"), labels)
    },
    headOfClass: headOfEncoderClass,
    aliases: (name) => [`deberta.${name}`],
    // DeBERTa-v3's files have a table of absolute positions that its encoder does not use.
    ignores: ignoresBeside("deberta.", ["lm_predictions.", "mask_predictions.", positionsTable]),
    template: () => "pair",
    unitGain: 1,
  }
}
