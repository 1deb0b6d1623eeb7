import * as Schema from "effect/Schema"

/** A saved state that is not of this model and optimizer. */
export class StateForeign extends Schema.TaggedError<StateForeign>()("StateForeign", {
  /** The tensor that differs. */
  tensor: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return (
      `the saved state does not fit this model and optimizer: ${this.tensor} ${this.why}. It is of another configuration; ` +
      `delete it to begin anew, or go back to the settings it was made with`
    )
  }
}

/** Weights that a model has and the trainer was not given, or with another number of elements. */
export class WeightsIncomplete extends Schema.TaggedError<WeightsIncomplete>()("WeightsIncomplete", {
  problems: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `the model cannot be trained from these weights: ${this.problems.join("; ")}`
  }
}

/** Weights that stay were to be kept in a form that the device has no products for. */
export class BaseUnavailable extends Schema.TaggedError<BaseUnavailable>()("BaseUnavailable", {
  storage: Schema.String,
  device: Schema.String,
}) {
  override get message(): string {
    return `train.lora.base: ${this.storage} is not built for ${this.device}, only for the CPU. Say --device cpu, or fp32`
  }
}
