import * as Schema from "effect/Schema"

/** Groups of weights that cannot be formed. */
export class GroupsInvalid extends Schema.TaggedError<GroupsInvalid>()("GroupsInvalid", {
  /** The setting that is at fault. */
  setting: Schema.String,
  pattern: Schema.String,
  why: Schema.String,
  /** Some names of weights, to see what a pattern could look for. */
  names: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `${this.setting} «${this.pattern}» ${this.why}. The weights' names: ${this.names.join(", ")}`
  }
}
