import * as Schema from "effect/Schema"
import type { OutsideFailed } from "../../schemas/index.ts"

/** A candidate that the tokens do not have. */
export class TextMissing extends Schema.TaggedError<TextMissing>()("TextMissing", {
  table: Schema.Literal("queries", "passages"),
  name: Schema.String,
}) {
  override get message(): string {
    return `Candidates name ${this.name}, which is not among the tokenized ${this.table}: candidates and tokens come from different collections.`
  }
}

/** A model gave no number for a pair, or for a text of one. Nothing is stored. */
export class PairNotScored extends Schema.TaggedError<PairNotScored>()("PairNotScored", {
  system: Schema.String,
  /** Absent where a passage alone has none. */
  qid: Schema.optionalWith(Schema.String, { exact: true }),
  /** Absent where a query alone has none. */
  docid: Schema.optionalWith(Schema.String, { exact: true }),
  value: Schema.Number,
}) {
  override get message(): string {
    const texts = [
      ...(this.qid === undefined ? [] : [`query ${this.qid}`]),
      ...(this.docid === undefined ? [] : [`passage ${this.docid}`]),
    ].join(" with ")
    return `${this.system} gives ${this.value} for ${texts}: its arithmetic overflowed, or its weights are damaged. Check the checkpoint, or run on the CPU in fp32.`
  }
}

/** A precision was asked for that the device does not have. */
export class PrecisionUnavailable extends Schema.TaggedError<PrecisionUnavailable>()("PrecisionUnavailable", {
  system: Schema.String,
  precision: Schema.String,
  device: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: ${this.precision} is not built for ${this.device}, only for the CPU. Say --device cpu, or ask for fp32.`
  }
}

/** A query leaves no room for a passage, where that is to be an error. */
export class QueryWithoutRoom extends Schema.TaggedError<QueryWithoutRoom>()("QueryWithoutRoom", {
  system: Schema.String,
  qid: Schema.String,
  tokens: Schema.Number,
  around: Schema.Number,
  limit: Schema.Number,
}) {
  override get message(): string {
    return `${this.system}: query ${this.qid} has ${this.tokens} tokens and the template ${this.around}, which leaves no room for a passage within ${this.limit}. Raise maximumTokens, cut queries (truncation «query:64»), or leave rerank.strict off: then such a query is shortened, and told.`
  }
}

/** A candidate that the reranker's run does not have. */
export class CandidatesUnscored extends Schema.TaggedError<CandidatesUnscored>()("CandidatesUnscored", {
  system: Schema.String,
  qid: Schema.String,
  docid: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: query ${this.qid} has the candidate ${this.docid}, which the reranker did not score: run and candidates come from different experiments.`
  }
}

/** A weight is to be tuned, but no judged query of the dev split has candidates. */
export class NothingToTuneOn extends Schema.TaggedError<NothingToTuneOn>()("NothingToTuneOn", {
  system: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: no judged query of the dev split has candidates to tune the weight on. Set rerank.interpolate.weight, or name a dev split (ingest.splits.dev, retrieve.splits).`
  }
}

/** Why reranking failed; errors of the runtime and of the tokenizer come as they are. */
export type RerankError =
  | TextMissing
  | PairNotScored
  | PrecisionUnavailable
  | QueryWithoutRoom
  | CandidatesUnscored
  | NothingToTuneOn
  | OutsideFailed
