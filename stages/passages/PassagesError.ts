import * as Schema from "effect/Schema"

/** A passage would have the docid of another document. */
export class PassageIdsCollide extends Schema.TaggedError<PassageIdsCollide>()("PassageIdsCollide", {
  docid: Schema.String,
  document: Schema.String,
}) {
  override get message(): string {
    return `A passage of the document ${this.document} would be called ${this.docid}, which is another document. Set passages.separator to what stands in no docid.`
  }
}

/** Why documents cannot be split. */
export type PassagesError = PassageIdsCollide
