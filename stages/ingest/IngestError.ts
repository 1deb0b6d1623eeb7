import * as Data from "effect/Data"
import { didYouMean } from "../../schemas/index.ts"

/** A row that cannot be taken as it is. */
export class MalformedRow extends Data.TaggedError("MalformedRow")<{
  readonly file: string
  /** from 1 */
  readonly line: number
  /** What is counted where the file has no lines. */
  readonly unit?: "row"
  /** the field's name in the format, or the part of the line that is meant */
  readonly field: string
  readonly expected: string
  readonly found: string
  readonly fix: string
}> {
  override get message(): string {
    return `${this.file}, ${this.unit ?? "line"} ${this.line}, ${this.field}: expected ${this.expected}, found ${this.found}. ${this.fix}`
  }
}

/** A file or folder that cannot be read at all, or not to its end. */
export class UnreadableFile extends Data.TaggedError("UnreadableFile")<{
  readonly file: string
  readonly reason:
    | "missing"
    | "denied"
    | "a folder"
    | "not a folder"
    | "truncated"
    | "corrupt"
    | "a pointer"
    | "another format"
    | "failed"
  readonly detail: string
  readonly fix: string
}> {
  override get message(): string {
    return `${this.file}: ${this.detail}. ${this.fix}`
  }
}

/** A folder in which no collection was recognised, or not without doubt. */
export class UnknownLayout extends Data.TaggedError("UnknownLayout")<{
  readonly folder: string
  readonly problem: string
  /** what lies in the folder, sorted */
  readonly seen: ReadonlyArray<string>
  readonly fix: string
}> {
  override get message(): string {
    const shown = this.seen.slice(0, 20).join(", ")
    const more = this.seen.length > 20 ? `, and ${this.seen.length - 20} more` : ""
    return `${this.folder}: ${this.problem}. Seen: ${this.seen.length === 0 ? "nothing" : shown + more}. ${this.fix}`
  }
}

/** A collection that lacks what an experiment needs: passages, queries, or judgements of a split. */
export class EmptyCollection extends Data.TaggedError("EmptyCollection")<{
  readonly file: string
  readonly lacks: string
  readonly fix: string
}> {
  override get message(): string {
    return `${this.file}: ${this.lacks}. ${this.fix}`
  }
}

/** Judgements that do not fit the collection, where strictness was asked for. */
export class UnusableQrels extends Data.TaggedError("UnusableQrels")<{
  readonly file: string
  readonly problem: "unknown docid" | "unknown qid" | "qid of two splits"
  readonly count: number
  /** the first few */
  readonly examples: ReadonlyArray<string>
  readonly fix: string
}> {
  override get message(): string {
    return `${this.file}: ${this.count} ${this.count === 1 ? "row" : "rows"} with ${this.problem} (${this.examples.join(", ")}). ${this.fix}`
  }
}

/** A name that is neither a folder nor a public collection. */
export class UnknownDataset extends Data.TaggedError("UnknownDataset")<{
  readonly name: string
  /** all names there are */
  readonly known: ReadonlyArray<string>
}> {
  override get message(): string {
    const guess = didYouMean(this.name, this.known)
    const names = guess === "" ? ` Name a folder, or one of: ${this.known.join(", ")}.` : guess
    return `${this.name}: neither a folder nor the name of a collection.${names}`
  }
}

/** Whatever can be wrong with a collection that is read. */
export type IngestError =
  | MalformedRow
  | UnreadableFile
  | UnknownLayout
  | EmptyCollection
  | UnusableQrels
  | UnknownDataset

/** Whether something thrown is one of this family. */
export const isIngestError = (error: unknown): error is IngestError =>
  error instanceof MalformedRow ||
  error instanceof UnreadableFile ||
  error instanceof UnknownLayout ||
  error instanceof EmptyCollection ||
  error instanceof UnusableQrels ||
  error instanceof UnknownDataset
