import * as Onnx from "../onnx/index.ts"
import type { Place } from "./Architecture.ts"
import type { Floats } from "./Parameters.ts"
import { normalized } from "./postNormLayer.ts"
import { byText, flatIds } from "./TokenBatch.ts"

/** The tables of BERT's embeddings. */
export interface BertEmbeddingSizes {
  readonly vocabulary: number
  /** Of the embeddings; ELECTRA's and ALBERT's may be narrower than the layers. */
  readonly embeddingWidth: number
  /** Rows of the position table. */
  readonly positions: number
  /** The row of a text's first token: 0, but padding + 1 for RoBERTa. */
  readonly firstPosition: number
  readonly tokenTypes: number
  readonly epsilon: number
}

/** The sum of a token's word, position and type, normalised, [batch · sequence, embeddingWidth]. */
export const bertEmbeddings = (sizes: BertEmbeddingSizes, { dropout, parameters, tokens }: Place): Floats => {
  const { embeddingWidth, epsilon, firstPosition, tokenTypes } = sizes
  const rows = Onnx.dimensions.multiply(tokens.batch, tokens.sequence)
  const table = (name: string, entries: number): Floats =>
    parameters.get(`embeddings.${name}_embeddings.weight`, entries, embeddingWidth)
  const words = byText(Onnx.gather(table("word", sizes.vocabulary), flatIds(tokens)), tokens)
  const places = Onnx.range(tokens.sequence, "int64")
  const positions = Onnx.gather(
    table("position", sizes.positions),
    firstPosition === 0 ? places : Onnx.add(places, firstPosition),
  )
  const types = table("token_type", tokenTypes)
  const typed =
    tokenTypes === 1
      ? Onnx.reshape(types, [1, 1, embeddingWidth])
      : byText(Onnx.gather(types, Onnx.reshape(tokens.tokenTypes, [rows])), tokens)
  const sum = Onnx.reshape(Onnx.add(Onnx.add(words, typed), positions), [rows, embeddingWidth])
  return dropout(normalized(parameters, "embeddings.LayerNorm", sum, epsilon), "encoder.embedding")
}
