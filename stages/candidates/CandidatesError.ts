import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

/** A run or the qrels are not sorted as every stored table is. */
export class InputNotSorted extends Schema.TaggedError<InputNotSorted>()("InputNotSorted", {
  table: Schema.Literal("run", "qrels"),
  qid: Schema.String,
  docid: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.table}: query ${this.qid}, document ${this.docid}: ${this.problem}; sort the table by qid (bytes), then ${this.table === "run" ? "rank" : "docid (bytes)"}`
  }
}

/** The Parquet file could not be written. */
export class CandidatesNotWritten extends Schema.TaggedError<CandidatesNotWritten>()("CandidatesNotWritten", {
  file: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `cannot write ${this.file}: ${causeText(this.cause)}`
  }
}

/** The train split has nothing that a list could be made of. */
export class NothingToTrainOn extends Schema.TaggedError<NothingToTrainOn>()("NothingToTrainOn", {
  /** Queries of the train split. */
  queries: Schema.Int,
  /** What none of them has: a passage judged relevant, or beside it a result that is not. */
  found: Schema.Literal("judged", "retrieved"),
}) {
  override get message(): string {
    if (this.queries === 0) {
      return "the collection has no train queries: train on another one, or name a judgement file of it with --set ingest.splits.train=…"
    }
    return this.found === "judged"
      ? `none of the ${this.queries} train queries has a passage judged relevant: look at the split's qrels`
      : `none of the ${this.queries} train queries has both a relevant passage and a result that is not: raise train.lists.depth, or look at the split's qrels`
  }
}

/** Why writing the candidates failed. */
export type CandidatesError = InputNotSorted | CandidatesNotWritten | NothingToTrainOn
