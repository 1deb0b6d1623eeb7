import * as Schema from "effect/Schema"

/** A task's process ended without saying what became of it, as often as it was tried. */
export class TaskDied extends Schema.TaggedError<TaskDied>()("TaskDied", {
  node: Schema.String,
  attempts: Schema.Int,
  /** How the last one ended: `signal SIGKILL`, `exit code 134`. */
  how: Schema.String,
  /** The last lines of its output, and where all of it is. */
  lines: Schema.Array(Schema.String),
  log: Schema.String,
}) {
  override get message(): string {
    const said = this.lines.length === 0 ? "It said nothing." : `It said last:\n  ${this.lines.join("\n  ")}`
    const times = this.attempts === 1 ? "once" : `${this.attempts} times`
    return `The process of ${this.node} died ${times}, at last by ${this.how}; where that was SIGKILL, memory may have run out (${this.log}). ${said}`
  }
}

/** An error that another process had, in its own words. */
export class TaskFailed extends Error {
  readonly _tag: string
  constructor(tag: string, message: string) {
    super(message)
    this._tag = tag
  }
}
