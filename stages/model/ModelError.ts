import * as Schema from "effect/Schema"
import { didYouMean } from "../../schemas/index.ts"

/** What was named is neither a folder with a model nor a repository's name. */
export class UnknownModel extends Schema.TaggedError<UnknownModel>()("UnknownModel", {
  source: Schema.String,
  problem: Schema.String,
  /** What lies where it was looked for. */
  seen: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const seen = this.seen.length === 0 ? "" : ` Seen there: ${this.seen.slice(0, 12).join(", ")}.`
    return `${this.source}: ${this.problem}.${seen}${didYouMean(this.source, this.seen)} Give a checkpoint's folder, an ONNX file, or a repository of the hub as owner/name.`
  }
}

/** A model's settings, or the files beside its weights, ask for what is not built, or contradict each other. */
export class ModelUnsuitable extends Schema.TaggedError<ModelUnsuitable>()("ModelUnsuitable", {
  model: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.model}: ${this.problem}. ${this.remedy}`
  }
}

/** A file of a model cannot be read or written. */
export class ModelFileFailed extends Schema.TaggedError<ModelFileFailed>()("ModelFileFailed", {
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.why}`
  }
}

/** What can be wrong with a model before it runs; errors of its checkpoint and tokenizer come as they are. */
export type ModelError = UnknownModel | ModelUnsuitable | ModelFileFailed
