import * as Schema from "effect/Schema"

/** What rankdag can build, by `model_type` of a Hugging Face `config.json`. */
export const knownModelTypes = ["t5", "t5gemma", "bert", "roberta", "xlm-roberta", "electra"] as const

/** A `config.json` names an architecture that is not known here. */
export class UnknownArchitecture extends Schema.TaggedError<UnknownArchitecture>()("UnknownArchitecture", {
  /** Its `model_type`, if it has one. */
  modelType: Schema.String,
}) {
  override get message(): string {
    const known = knownModelTypes.join(", ")
    return `the architecture «${this.modelType}» is not known; known are ${known}. A ready ONNX file with its tokenizer.json works too`
  }
}

/** A `config.json` of a known architecture that cannot be used: a field of a wrong type, or a variant that is not built. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  modelType: Schema.String,
  /** The field, with dots. */
  field: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `config.json of a ${this.modelType}: ${this.field}: ${this.why}`
  }
}

/** A head that an architecture does not have, or that the checkpoint's configuration contradicts. */
export class HeadUnsuitable extends Schema.TaggedError<HeadUnsuitable>()("HeadUnsuitable", {
  family: Schema.String,
  head: Schema.String,
  why: Schema.String,
  /** Heads that this architecture has. */
  heads: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `the head «${this.head}» does not go with ${this.family}: ${this.why}; take one of ${this.heads.join(", ")}`
  }
}
