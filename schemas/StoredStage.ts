/** A stage's result of an earlier run, opened again to answer what is typed. */
export interface StoredStage {
  readonly stage: string
  /** The configuration as its key has it. */
  readonly config: unknown
  /** What it found out, such as the weights that are best on the dev split. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Absolute paths of the artifacts that it read, by the input's name. */
  readonly inputs: Readonly<Record<string, ReadonlyArray<string>>>
}

/** A passage in an answer, with the system's score. */
export interface ScoredDocid {
  readonly docid: string
  readonly score: number
}

/** A system's answer: by score descending, ties by docid descending (bytes). */
export type Answer = ReadonlyArray<ScoredDocid>
