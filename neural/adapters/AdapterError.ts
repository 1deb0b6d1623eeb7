import * as Schema from "effect/Schema"

/** Adapters that a model cannot have as they are asked for. */
export class AdapterMisfit extends Schema.TaggedError<AdapterMisfit>()("AdapterMisfit", {
  /** The setting, or the file and its field, that is at fault. */
  where: Schema.String,
  why: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.where}: ${this.why}. ${this.remedy}`
  }
}
