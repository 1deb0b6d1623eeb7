import * as Schema from "effect/Schema"
import { Device } from "../../schemas/index.ts"

/** A model of which there are no weights to train, or no score to train them on. */
export class ModelNotTrainable extends Schema.TaggedError<ModelNotTrainable>()("ModelNotTrainable", {
  system: Schema.String,
  why: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.system} cannot be trained: ${this.why}. ${this.remedy}`
  }
}

/** Settings of the training contradict each other, or what there is to train on. */
export class TrainingContradicts extends Schema.TaggedError<TrainingContradicts>()("TrainingContradicts", {
  system: Schema.String,
  /** The setting's path. */
  setting: Schema.String,
  why: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.system}, ${this.setting}: ${this.why}. ${this.remedy}`
  }
}

/** The train candidates hold nothing that a loss could tell apart. */
export class NothingToLearn extends Schema.TaggedError<NothingToLearn>()("NothingToLearn", {
  system: Schema.String,
  queries: Schema.Int,
  why: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: of ${this.queries} train queries ${this.why}. ${this.remedy}`
  }
}

/** A query or passage that the tokens do not have, or that leaves no room for the other. */
export class TrainingTextUnusable extends Schema.TaggedError<TrainingTextUnusable>()("TrainingTextUnusable", {
  system: Schema.String,
  table: Schema.Literal("queries", "passages"),
  name: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: ${this.table === "queries" ? "query" : "passage"} ${this.name} ${this.why}`
  }
}

/** Loss or gradient ceased to be numbers before there was a checkpoint to fall back on. */
export class TrainingDiverged extends Schema.TaggedError<TrainingDiverged>()("TrainingDiverged", {
  system: Schema.String,
  step: Schema.Int,
  qids: Schema.Array(Schema.String),
  loss: Schema.Number,
}) {
  override get message(): string {
    return `${this.system}: at step ${this.step} the loss is ${this.loss}, or its gradient is not finite, for the lists of ${this.qids.join(", ")}, before there was a checkpoint. Lower train.optimizer.learningRate, or lengthen the warm-up.`
  }
}

/** The device, or the machine, has not the memory that a training takes. */
export class TrainingOutOfMemory extends Schema.TaggedError<TrainingOutOfMemory>()("TrainingOutOfMemory", {
  system: Schema.String,
  device: Device,
  why: Schema.String,
  /** What it was planned to take, part by part. */
  needs: Schema.String,
  /** Settings that would make it less, with what it would be; empty where there are none. */
  remedy: Schema.String,
}) {
  override get message(): string {
    const less = this.remedy === "" ? "Take shorter lists, or a smaller model" : `Less with ${this.remedy}`
    return `${this.system}: memory ran out on ${this.device} (${this.why}). It wants about ${this.needs}. ${less}`
  }
}

/** A checkpoint cannot be written or read. */
export class CheckpointFailed extends Schema.TaggedError<CheckpointFailed>()("CheckpointFailed", {
  path: Schema.String,
  during: Schema.Literal("writing", "reading"),
  why: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.during} the checkpoint failed: ${this.why}. ${this.remedy}`
  }
}

/** A checkpoint that another configuration, or other data, made. */
export class CheckpointForeign extends Schema.TaggedError<CheckpointForeign>()("CheckpointForeign", {
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path} is a checkpoint of another training: ${this.why}. Delete its folder to begin anew, or go back to the settings it was made with.`
  }
}

/** Why training failed; errors of the runtime, the tokenizer and the weights' file come as they are. */
export type TrainError =
  | ModelNotTrainable
  | TrainingContradicts
  | NothingToLearn
  | TrainingTextUnusable
  | TrainingDiverged
  | TrainingOutOfMemory
  | CheckpointFailed
  | CheckpointForeign
