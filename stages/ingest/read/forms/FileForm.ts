import type { FieldNames } from "../../../../schemas/index.ts"
import type { Lines } from "../Lines.ts"
import type { NamedTable } from "../NamedTable.ts"
import type { Batches, PassageRead, QrelRead, QueryRead } from "../Rows.ts"
import type { TrecNotes } from "../TrecNotes.ts"

/** A file that is open for one of a form's readers. */
export interface FormFile {
  /** Its path in the collection, which messages say. */
  readonly file: string
  /** Its bytes, unpacked. */
  readonly chunks: () => AsyncGenerator<Uint8Array>
  /** Its lines, unpacked. */
  readonly lines: () => AsyncIterable<Lines>
  /** Its table, where it is Parquet. */
  readonly parquet: () => Promise<NamedTable>
}

/** What the readers are told of the collection's files. */
export interface ReadSettings {
  readonly fields: FieldNames
  /** Elements of TREC documents that are their text. */
  readonly tags: ReadonlyArray<string>
  /** Fields of TREC topics that are the query, joined by `+`. */
  readonly topics: string
}

/**
 * A form in which passages, queries or judgements are written: how its files are called, and how each is read. One file makes one, and
 * `registry.ts` lists it; what a folder is recognised by follows.
 */
export interface FileForm {
  /** What it is, for people. */
  readonly title: string
  /** How the files of a collection of this form are called, where a message says what is recognised. */
  readonly files?: string
  /** What its files' names end in, behind the dot and before what says that they are packed. */
  readonly endings: ReadonlyArray<string>
  /** The name, in configurations and keys, of collections with passages of this form; forms may share one. */
  readonly layout?: string
  /** Passages, in files that are called as a corpus is (`corpus`, `collection`, `docs`, …). */
  readonly passages?: (source: FormFile, settings: ReadSettings, notes: TrecNotes) => Batches<PassageRead>
  /** Queries, in files that are called `queries`. Other files of queries are topics, which are told by what they hold. */
  readonly queries?: (source: FormFile, settings: ReadSettings) => Batches<QueryRead>
  /** Judgements, in files that are called as judgements are (`qrels`, `qrels/test`, …). */
  readonly qrels?: (source: FormFile, settings: ReadSettings) => Batches<QrelRead>
  /** Whether its columns have names: then judgements may also be called ratings, and hold the queries' texts. */
  readonly hasNamedColumns?: boolean
  /** Whether its files have rows and no lines, so that messages name a row. */
  readonly hasRows?: boolean
}
