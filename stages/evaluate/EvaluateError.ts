import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"

/** A run or the qrels name a document twice for one query. */
export class DuplicateDocument extends Schema.TaggedError<DuplicateDocument>()("DuplicateDocument", {
  /** The system, `candidates` or `qrels`. */
  where: Schema.String,
  qid: Schema.String,
  docid: Schema.String,
}) {
  override get message(): string {
    return `${this.where}: query ${this.qid} has document ${this.docid} twice; a ranking and its judgements name each document once`
  }
}

/** A score that cannot be compared. */
export class ScoreNotFinite extends Schema.TaggedError<ScoreNotFinite>()("ScoreNotFinite", {
  where: Schema.String,
  qid: Schema.String,
  docid: Schema.String,
}) {
  override get message(): string {
    return `${this.where}: query ${this.qid}, document ${this.docid}: the score is not a finite number`
  }
}

/** A measure's largest grade is smaller than one in the qrels. */
export class GradeTooLarge extends Schema.TaggedError<GradeTooLarge>()("GradeTooLarge", {
  measure: Schema.String,
  maxRel: Schema.Int,
  grade: Schema.Int,
}) {
  override get message(): string {
    return `the qrels have grade ${this.grade}, above the largest grade ${this.maxRel} of ${this.measure}: name it with max_rel=${this.grade}`
  }
}

/** Rows of several systems where one is due, or of one system twice. */
export class SystemsConfused extends Schema.TaggedError<SystemsConfused>()("SystemsConfused", {
  system: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `system ${this.system}: ${this.problem}`
  }
}

/** No query of any split has a judgement. */
export class NothingJudged extends Schema.TaggedError<NothingJudged>()("NothingJudged", {
  queries: Schema.Int,
  qrels: Schema.Int,
}) {
  override get message(): string {
    return `none of the ${this.queries} queries has a judgement among the ${this.qrels} qrels: are they of one collection?`
  }
}

/** The summary could not be written. */
export class SummaryNotWritten extends Schema.TaggedError<SummaryNotWritten>()("SummaryNotWritten", {
  file: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `cannot write ${this.file}: ${causeText(this.cause)}`
  }
}

/** What two precisions agree in cannot be read. */
export class AgreementNotRead extends Schema.TaggedError<AgreementNotRead>()("AgreementNotRead", {
  file: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `cannot read ${this.file}: ${this.why}. Make it again: --force agreement`
  }
}

/** Why evaluating failed. */
export type EvaluateError =
  | DuplicateDocument
  | ScoreNotFinite
  | GradeTooLarge
  | SystemsConfused
  | NothingJudged
  | SummaryNotWritten
  | AgreementNotRead
