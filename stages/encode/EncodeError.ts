import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

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

/** The parts of an encoding do not have the vectors of all texts, as they would where they are of other texts. */
export class PartsUnfit extends Schema.TaggedError<PartsUnfit>()("PartsUnfit", {
  /** A qid or docid. */
  name: Schema.String,
}) {
  override get message(): string {
    return `No part has the vector of ${this.name} where it should be. Run the parts again: --force encode.`
  }
}

/** The vectors of a part can no longer be read. */
export class PartsUnreadable extends Schema.TaggedError<PartsUnreadable>()("PartsUnreadable", {
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `The vectors of a part cannot be read: ${causeText(this.cause)}. Run again; \`verify\` names what is damaged.`
  }
}

/** Why encoding failed; errors of the runtime, the tokenizer and the tables come as they are. */
export type EncodeError = NoEmbedder | PartsUnfit | PartsUnreadable | TextNotEncoded
