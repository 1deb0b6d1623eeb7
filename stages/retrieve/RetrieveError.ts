import * as Schema from "effect/Schema"
import { causeText, type OutsideFailed } from "../../schemas/index.ts"

/** The collection does not fit: into one index, or into what a first stage can hold. */
export class CollectionTooLarge extends Schema.TaggedError<CollectionTooLarge>()("CollectionTooLarge", {
  /** The first stage, or `index`. */
  system: Schema.String,
  passages: Schema.Number,
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `${this.system}: ${causeText(this.cause)}`
  }
}

/** A stored index cannot be written or read. */
export class IndexStorageError extends Schema.TaggedError<IndexStorageError>()("IndexStorageError", {
  path: Schema.String,
  during: Schema.Literal("write", "read"),
  cause: Schema.Defect,
}) {
  override get message(): string {
    const why = causeText(this.cause)
    return `Cannot ${this.during} the index in ${this.path}: ${why}`
  }
}

/** No query belongs to the splits that were asked for. */
export class NoQueries extends Schema.TaggedError<NoQueries>()("NoQueries", {
  splits: Schema.Array(Schema.String),
  present: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const present = this.present.length === 0 ? "none at all" : `only ${this.present.join(", ")}`
    return `No query of split ${this.splits.join(" or ")}: the collection has ${present}. Set retrieve.splits.`
  }
}

/** A search could not be carried out. */
export class SearchFailed extends Schema.TaggedError<SearchFailed>()("SearchFailed", {
  system: Schema.String,
  /** Number of queries answered before. */
  answered: Schema.Number,
  cause: Schema.Defect,
}) {
  override get message(): string {
    const why = causeText(this.cause)
    return `${this.system} failed after ${this.answered} queries: ${why}`
  }
}

/** Candidates name a passage that the index does not have. */
export class UnknownCandidate extends Schema.TaggedError<UnknownCandidate>()("UnknownCandidate", {
  qid: Schema.String,
  docid: Schema.String,
}) {
  override get message(): string {
    return `Candidate ${this.docid} of query ${this.qid} is not in the index: candidates and index come from different collections`
  }
}

/** Vectors could not be read while they were searched. */
export class VectorsUnreadable extends Schema.TaggedError<VectorsUnreadable>()("VectorsUnreadable", {
  cause: Schema.Defect,
}) {
  override get message(): string {
    return `The passages' vectors cannot be read: ${causeText(this.cause)}`
  }
}

/** Vectors that do not belong together: of two models, or of another collection. */
export class VectorsUnsuitable extends Schema.TaggedError<VectorsUnsuitable>()("VectorsUnsuitable", {
  system: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.system}: ${this.problem}. ${this.remedy}`
  }
}

/** A file of learned weights cannot be used as it is. */
export class WeightsUnusable extends Schema.TaggedError<WeightsUnusable>()("WeightsUnusable", {
  file: Schema.String,
  /** From 1; 0 where it is the whole file. */
  line: Schema.Number,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.file}${this.line > 0 ? `:${this.line}` : ""}: ${this.problem}. ${this.remedy}`
  }
}

/** What ended the reading of such a file, as an error of the family. */
export const readingWeights =
  (file: string) =>
  (cause: unknown): WeightsUnusable =>
    cause instanceof WeightsUnusable
      ? cause
      : new WeightsUnusable({ file, line: 0, problem: causeText(cause), remedy: "Check the file." })

/** A CIFF file cannot be used as it is. */
export class CiffUnusable extends Schema.TaggedError<CiffUnusable>()("CiffUnusable", {
  file: Schema.String,
  /** Where the part begins that is wrong, in bytes from the file's start, unpacked. */
  position: Schema.Number,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.file}, byte ${this.position}: ${this.problem}. Export the index of this collection again, whole.`
  }
}

/** A file of vectors cannot be used as it is. Nothing of it is stored. */
export class VectorFileUnusable extends Schema.TaggedError<VectorFileUnusable>()("VectorFileUnusable", {
  file: Schema.String,
  /** Of the vector, from 1; 0 where it is the whole file. */
  row: Schema.Number,
  problem: Schema.String,
  remedy: Schema.String,
}) {
  override get message(): string {
    return `${this.file}${this.row > 0 ? `, vector ${this.row}` : ""}: ${this.problem}. ${this.remedy}`
  }
}

export type RetrieveError =
  | CiffUnusable
  | CollectionTooLarge
  | IndexStorageError
  | NoQueries
  | SearchFailed
  | UnknownCandidate
  | VectorFileUnusable
  | VectorsUnreadable
  | VectorsUnsuitable
  | OutsideFailed
  | WeightsUnusable
