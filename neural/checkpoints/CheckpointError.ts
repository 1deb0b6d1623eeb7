import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

/** A weights file that is not what it says, or not safetensors at all. */
export class CheckpointInvalid extends Schema.TaggedError<CheckpointInvalid>()("CheckpointInvalid", {
  path: Schema.String,
  problem: Schema.String,
  /** The tensor that the problem is about. */
  tensor: Schema.optional(Schema.String),
  remedy: Schema.String,
}) {
  override get message(): string {
    const where = this.tensor === undefined ? "" : `, tensor «${this.tensor}»`
    return `${this.path}${where}: ${this.problem}. ${this.remedy}`
  }
}

/** A folder (or file) without weights that can be read. */
export class WeightsNotFound extends Schema.TaggedError<WeightsNotFound>()("WeightsNotFound", {
  path: Schema.String,
  /** Names of files there that hold weights in a format that is never read (pickle). */
  pickles: Schema.Array(Schema.String),
}) {
  override get message(): string {
    if (this.pickles.length === 0)
      return `${this.path} holds no weights: neither model.safetensors nor model.safetensors.index.json. Give the folder of a checkpoint in Hugging Face layout.`
    return (
      `${this.path} holds weights as pickle only (${this.pickles.join(", ")}), which can run code and is never read. ` +
      "Convert it once in Python: " +
      `python -c "from transformers import AutoModel; AutoModel.from_pretrained('${this.path}').save_pretrained('${this.path}', safe_serialization=True)"`
    )
  }
}

/** A tensor was asked for by a name that the checkpoint does not have. */
export class TensorNotFound extends Schema.TaggedError<TensorNotFound>()("TensorNotFound", {
  path: Schema.String,
  tensor: Schema.String,
  available: Schema.Number,
}) {
  override get message(): string {
    return `${this.path} has no tensor «${this.tensor}» among its ${this.available}. \`model inspect\` lists them.`
  }
}

/** A tensor was asked for as 32-bit floats, but its dtype is another (integers, 8-bit floats). */
export class DtypeUnsupported extends Schema.TaggedError<DtypeUnsupported>()("DtypeUnsupported", {
  path: Schema.String,
  tensor: Schema.String,
  dtype: Schema.String,
}) {
  override get message(): string {
    return `${this.path}, tensor «${this.tensor}»: ${this.dtype} is not read as floats. Save the checkpoint as F32, F16 or BF16 (a quantised one: dequantise it first).`
  }
}

const Misshaped = Schema.Struct({
  name: Schema.String,
  expected: Schema.Array(Schema.Number),
  found: Schema.Array(Schema.Number),
})

const some = (names: ReadonlyArray<string>): string =>
  names.length <= 6 ? names.join(", ") : `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`

/** The tensors of a checkpoint are not those that the architecture needs. */
export class TensorsMismatch extends Schema.TaggedError<TensorsMismatch>()("TensorsMismatch", {
  path: Schema.String,
  /** What the tensors were compared with: an architecture and its configuration, in words. */
  expectedBy: Schema.String,
  missing: Schema.Array(Schema.String),
  extra: Schema.Array(Schema.String),
  misshaped: Schema.Array(Misshaped),
}) {
  override get message(): string {
    const parts = [
      ...(this.missing.length > 0 ? [`missing: ${some(this.missing)}`] : []),
      ...(this.misshaped.length > 0
        ? [
            `of another shape: ${some(
              this.misshaped.map((t) => `${t.name} is [${t.found.join(", ")}], not [${t.expected.join(", ")}]`),
            )}`,
          ]
        : []),
      ...(this.extra.length > 0 ? [`unexpected: ${some(this.extra)}`] : []),
    ]
    return `${this.path} does not hold the weights of ${this.expectedBy}; ${parts.join("; ")}. Check that config.json belongs to these weights.`
  }
}

/** A file of a checkpoint could not be opened, read or written. */
export class CheckpointIo extends Schema.TaggedError<CheckpointIo>()("CheckpointIo", {
  path: Schema.String,
  during: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    const why = causeText(this.cause)
    return `${this.path}: ${this.during} failed: ${why}`
  }
}

/** Everything that can go wrong with the weights of a checkpoint. */
export type CheckpointError =
  | CheckpointInvalid
  | WeightsNotFound
  | TensorNotFound
  | DtypeUnsupported
  | TensorsMismatch
  | CheckpointIo
