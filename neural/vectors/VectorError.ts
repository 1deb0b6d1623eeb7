import * as Schema from "effect/Schema"

/** A folder of vectors cannot be written or read. */
export class VectorTableError extends Schema.TaggedError<VectorTableError>()("VectorTableError", {
  path: Schema.String,
  during: Schema.Literal("writing", "reading"),
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.during} vectors failed: ${this.why}`
  }
}

/** A vector that nothing can be compared with. */
export class VectorUnusable extends Schema.TaggedError<VectorUnusable>()("VectorUnusable", {
  /** A qid or docid. */
  name: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `The vector of ${this.name} ${this.why}: its product with another says nothing. Check the model, or the file that the vectors come from.`
  }
}
