import * as Schema from "effect/Schema"

/** A model whose rows are not one score for each text, or not the vectors that its card states. */
export class ScoresMisshaped extends Schema.TaggedError<ScoresMisshaped>()("ScoresMisshaped", {
  system: Schema.String,
  texts: Schema.Number,
  values: Schema.Number,
}) {
  override get message(): string {
    return `${this.system} gives ${this.values} numbers for ${this.texts} texts where one for each is needed. Export the graph with one output, or give the checkpoint as safetensors.`
  }
}

/** Scores on the way to the disk, or a model's card, cannot be written or read. */
export class ScoringFileFailed extends Schema.TaggedError<ScoringFileFailed>()("ScoringFileFailed", {
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.why}`
  }
}
