import type { QueryKind } from "../../../schemas/index.ts"

/** A row as a file has it, with its line for messages. */
export interface PassageRead {
  readonly line: number
  readonly docid: string
  readonly title: string | null
  readonly text: string
}

export interface QueryRead {
  readonly line: number
  readonly qid: string
  /** another spelling of the qid, taken where the judgements have it and not this one */
  readonly otherQid?: string | undefined
  readonly text: string
  /** as the record itself says; undefined where it does not */
  readonly kind: QueryKind | undefined
  /** as a label of the record implies */
  readonly label: QueryKind | undefined
}

export interface QrelRead {
  readonly line: number
  readonly qid: string
  readonly docid: string
  readonly grade: number
}

export interface RunRead {
  readonly line: number
  readonly qid: string
  readonly docid: string
  readonly score: number
}

/** Rows of about one chunk of a file. */
export type Batches<Row> = AsyncGenerator<ReadonlyArray<Row>>
