import * as Schema from "effect/Schema"

const Progress = Schema.Struct({
  done: Schema.Number,
  resumedAt: Schema.optionalWith(Schema.Number, { exact: true }),
  total: Schema.optionalWith(Schema.Number, { exact: true }),
  unit: Schema.String,
  detail: Schema.optionalWith(Schema.String, { exact: true }),
})

const Damage = Schema.Struct({
  output: Schema.String,
  hash: Schema.String,
  file: Schema.String,
  kind: Schema.Literal("missing", "size", "bytes", "added"),
})

/** What a task says of itself while it works, and at last what became of it; a line of JSON each, where it is written to a file. */
export const TaskMessage = Schema.Union(
  /** It has the program and the plan, and waits to be told what to make. */
  Schema.TaggedStruct("Ready", {}),
  /** The stage begins: the key's lock is had. */
  Schema.TaggedStruct("Started", {
    host: Schema.String,
    /** Milliseconds since 1970. */
    at: Schema.Number,
  }),
  Schema.TaggedStruct("Progress", { progress: Progress }),
  Schema.TaggedStruct("Warning", { message: Schema.String }),
  Schema.TaggedStruct("Damaged", { damage: Schema.Array(Damage) }),
  /** It asks for another of the processor's cores, or for all of them, under a number of its own. */
  Schema.TaggedStruct("AskCores", { ask: Schema.Int, all: Schema.Boolean }),
  Schema.TaggedStruct("ReturnCores", { ask: Schema.Int }),
  Schema.TaggedStruct("Made", { seconds: Schema.Number }),
  Schema.TaggedStruct("Found", {}),
  /** Another process holds the key's lock. */
  Schema.TaggedStruct("Held", {}),
  /** An error of the stage's own, or of what it needs: it would come again. */
  Schema.TaggedStruct("Failed", { error: Schema.String, message: Schema.String }),
)
export type TaskMessage = typeof TaskMessage.Type

/** Whether a message says what became of the task: its last. */
export const isEnd = ({ _tag }: TaskMessage): boolean => ["Made", "Found", "Held", "Failed"].includes(_tag)

/** What a task is told. */
export const TaskReply = Schema.Union(
  /** That it has the cores that it asked for. */
  Schema.TaggedStruct("HasCores", { ask: Schema.Int }),
  /** What to make, where it was started before that was known. */
  Schema.TaggedStruct("Make", {
    key: Schema.String,
    node: Schema.String,
    forced: Schema.Boolean,
    asker: Schema.Struct({
      name: Schema.String,
      attempt: Schema.Int,
      /** Milliseconds since 1970. */
      askedAt: Schema.Number,
    }),
  }),
)
export type TaskReply = typeof TaskReply.Type

export const decodeTaskMessage = Schema.decodeUnknownEither(TaskMessage)
export const decodeTaskReply = Schema.decodeUnknownEither(TaskReply)
