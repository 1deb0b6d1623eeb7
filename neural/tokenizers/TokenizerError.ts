import * as Schema from "effect/Schema"

/** A tokenizer's file is absent, damaged, or of a kind that is not read. */
export class TokenizerInvalid extends Schema.TaggedError<TokenizerInvalid>()("TokenizerInvalid", {
  path: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.problem}. ${this.remedy}`
  }
}

/** A template (or a head) needs a special token that the tokenizer has not got. */
export class SpecialTokenMissing extends Schema.TaggedError<SpecialTokenMissing>()("SpecialTokenMissing", {
  tokenizer: Schema.String,
  token: Schema.String,
  neededBy: Schema.String,
}) {
  override get message(): string {
    return `${this.neededBy} needs the special token ${this.token}, which the tokenizer (${this.tokenizer}) does not have. Choose a template that fits the model, or put the right tokenizer beside its weights.`
  }
}

/** The tokenizer can give ids for which the model has no embedding. */
export class VocabularyTooLarge extends Schema.TaggedError<VocabularyTooLarge>()("VocabularyTooLarge", {
  tokenizer: Schema.String,
  vocabularySize: Schema.Number,
  embeddingRows: Schema.Number,
}) {
  override get message(): string {
    return `The tokenizer (${this.tokenizer}) has ids up to ${this.vocabularySize - 1}, but the model's embedding has ${this.embeddingRows} rows. The tokenizer belongs to another model.`
  }
}

/** A template that is not one, or does not suit the tokenizer. */
export class TemplateInvalid extends Schema.TaggedError<TemplateInvalid>()("TemplateInvalid", {
  template: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `The template «${this.template}» ${this.problem}.`
  }
}

/** A limit within which a template leaves no room for a query and a passage. */
export class LimitTooSmall extends Schema.TaggedError<LimitTooSmall>()("LimitTooSmall", {
  template: Schema.String,
  /** Tokens of the template and the special tokens. */
  around: Schema.Number,
  limit: Schema.Number,
}) {
  override get message(): string {
    return `The template «${this.template}» has ${this.around} tokens of its own, which leaves no room for a query and a passage within ${this.limit}. Raise maximumTokens, or shorten the template.`
  }
}

/** Everything that can go wrong on the way from texts to a model's input. */
export type TokenizerError =
  | TokenizerInvalid
  | SpecialTokenMissing
  | VocabularyTooLarge
  | TemplateInvalid
  | LimitTooSmall
