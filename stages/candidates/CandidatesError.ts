import * as Schema from "effect/Schema"

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
    return `cannot write ${this.file}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Why writing the candidates failed. */
export type CandidatesError = InputNotSorted | CandidatesNotWritten
