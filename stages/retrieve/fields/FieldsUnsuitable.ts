import * as Schema from "effect/Schema"

/** `retrieve.bm25.fields` asks for what a collection does not have, or another setting cannot follow. */
export class FieldsUnsuitable extends Schema.TaggedError<FieldsUnsuitable>()("FieldsUnsuitable", {
  /** The system, file or field that it concerns. */
  what: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `retrieve.bm25.fields: ${this.what} ${this.problem}. ${this.remedy}`
  }
}
