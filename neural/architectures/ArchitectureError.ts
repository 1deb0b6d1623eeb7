import * as Schema from "effect/Schema"

/** A `config.json` names an architecture that is not known here. */
export class UnknownArchitecture extends Schema.TaggedError<UnknownArchitecture>()("UnknownArchitecture", {
  /** Its `model_type`, if it has one. */
  modelType: Schema.String,
  /** Those that can be built. */
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `the architecture «${this.modelType}» is not known; known are ${this.known.join(", ")}. A ready ONNX file with its tokenizer.json works too`
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
    return `config.json of a ${this.modelType}: ${this.why.startsWith(`${this.field} `) ? this.why : `${this.field}: ${this.why}`}`
  }
}

/** A head that an architecture does not have, or that the checkpoint's configuration contradicts; or one that has to be chosen. */
export class HeadUnsuitable extends Schema.TaggedError<HeadUnsuitable>()("HeadUnsuitable", {
  family: Schema.String,
  /** Absent where none was chosen. */
  head: Schema.optionalWith(Schema.String, { exact: true }),
  why: Schema.String,
  /** Heads that this architecture has. */
  heads: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const what =
      this.head === undefined
        ? `a head has to be chosen for this ${this.family}`
        : `the head «${this.head}» does not go with ${this.family}`
    return `${what}: ${this.why}; take one of ${this.heads.join(", ")}`
  }
}
