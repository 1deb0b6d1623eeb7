import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

/** A stage died of something that is not an error of its own family: a bug. */
export class StageDefect extends Schema.TaggedError<StageDefect>()("StageDefect", {
  node: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    const detail = this.cause instanceof Error ? (this.cause.stack ?? this.cause.message) : causeText(this.cause)
    return `${this.node} died unexpectedly, which is a bug: ${detail}`
  }
}

/** Files that the user has were changed while a stage read them. */
export class SourceChanged extends Schema.TaggedError<SourceChanged>()("SourceChanged", {
  node: Schema.String,
  source: Schema.String,
  root: Schema.String,
}) {
  override get message(): string {
    return `The files of ${this.source} (${this.root}) changed while ${this.node} read them, so its result was not kept. Run again.`
  }
}

/** The code of a stage was edited while it ran. */
export class CodeChanged extends Schema.TaggedError<CodeChanged>()("CodeChanged", {
  node: Schema.String,
  code: Schema.String,
}) {
  override get message(): string {
    return `${this.code}, or a module it imports, was edited while ${this.node} ran, so its result was not kept. Run again.`
  }
}

/** A stage succeeded without writing one of its outputs. */
export class OutputNotWritten extends Schema.TaggedError<OutputNotWritten>()("OutputNotWritten", {
  node: Schema.String,
  output: Schema.String,
}) {
  override get message(): string {
    return `${this.node} wrote no file of its output «${this.output}», which is a bug: even an empty table is a file.`
  }
}
