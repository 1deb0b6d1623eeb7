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
  /** undefined where the file has the query's text instead */
  readonly qid: string | undefined
  /** the query's text, white space squeezed, where the file has it */
  readonly query: string | undefined
  readonly docid: string
  readonly grade: number
}

export interface RunRead {
  readonly line: number
  readonly qid: string
  readonly docid: string
  readonly score: number
  /** what may be a rank; null where there is none */
  readonly rank: number | null
}

/** What the columns of a ranking are, known when all of it was read. */
export interface RunForm {
  /** which of a row's two numbers orders the results, highest first */
  readonly scores: "score" | "rank" | "minus rank"
  /** whether `rank` holds ranks that the scores can be compared with */
  readonly checkRanks: boolean
  /** how it was read, where that was not plain */
  readonly said: ReadonlyArray<string>
}

/** Rows of a ranking, and at its end what they are. */
export type RunBatches = AsyncGenerator<ReadonlyArray<RunRead>, RunForm>

/** Rows of about one chunk of a file. */
export type Batches<Row> = AsyncGenerator<ReadonlyArray<Row>>
