import * as Schema from "effect/Schema"

/** A model that gives no vectors is to encode texts. */
export class NoEmbedder extends Schema.TaggedError<NoEmbedder>()("NoEmbedder", {
  model: Schema.String,
  head: Schema.String,
}) {
  override get message(): string {
    return `${this.model} has the head ${this.head}, which makes scores of pairs and no vectors of texts. Name an embedding model in retrieve.dense; of an encoder without a head say how it is pooled: { "source": …, "head": "embedding" }.`
  }
}

/** A model gave no number for a text. Nothing is stored. */
export class TextNotEncoded extends Schema.TaggedError<TextNotEncoded>()("TextNotEncoded", {
  model: Schema.String,
  texts: Schema.Literal("queries", "passages"),
  /** A qid or docid. */
  name: Schema.String,
  value: Schema.Number,
}) {
  override get message(): string {
    return `${this.model} gives ${this.value} for ${this.name} of the ${this.texts}: its arithmetic overflowed, or its weights are damaged. Check the checkpoint, or run on the CPU in fp32.`
  }
}

/** Why encoding failed; errors of the runtime, the tokenizer and the tables come as they are. */
export type EncodeError = NoEmbedder | TextNotEncoded
