import type { SignificanceSummary, SweepSummary } from "../../../schemas/index.ts"

/** What the page knows when it opens. All else lies in compressed blocks, read when something has to be drawn of it. */
export interface ReportModel {
  /** How many results of a query are shown of each system. */
  readonly depth: number
  /** Down to which rank it is known where a shown passage stands. */
  readonly moves: number
  readonly datasets: ReadonlyArray<DatasetModel>
  /** All collections as one, where there are several: a table alone. */
  readonly together?: TogetherModel
}

/** The table of several collections together. */
export interface TogetherModel {
  readonly dataset: DatasetModel
  /** In words. */
  readonly weighting: string
}

/** One collection and the systems that were measured on it. */
export interface DatasetModel {
  readonly name: string
  /** Canonical names; the first leads. */
  readonly measures: ReadonlyArray<string>
  /** In the order of the table. */
  readonly systems: ReadonlyArray<string>
  readonly splits: ReadonlyArray<SplitModel>
  readonly rows: ReadonlyArray<SystemRow>
  readonly candidates: ReadonlyArray<CandidatesRow>
  /** Which differences the table marks, and who is first; absent where systems were not compared. */
  readonly significance?: SignificanceSummary
  /** What was swept, and what was chosen on dev. */
  readonly sweeps: ReadonlyArray<SweepSummary>
  readonly hasProfile: boolean
  readonly hasTraining: boolean
}

export interface SplitModel {
  readonly name: string
  /** How many judged queries it has. */
  readonly queries: number
  /** The kinds of its queries: questions first. */
  readonly kinds: ReadonlyArray<string>
  /** What has to be known of its figures. */
  readonly notes: ReadonlyArray<string>
}

/** A row of the table: one system on one split and one slice of its queries (`all`, or a kind). */
export interface SystemRow {
  readonly system: string
  readonly split: string
  readonly kind: string
  readonly queries: number
  /** Queries that the system has no result for; they count as zero. */
  readonly missing: number
  /** Share of the first ten results that nobody judged. */
  readonly unjudged: number
  /** By measure. */
  readonly means: Readonly<Record<string, number>>
  /** The 95 % interval of the mean, by measure; none where there is none to be had. */
  readonly intervals: Readonly<Record<string, readonly [number, number]>>
}

/** What the candidates allow on a slice. */
export interface CandidatesRow {
  readonly split: string
  readonly kind: string
  readonly depth: number
  readonly recall: number
  /** The best that any order of the candidates reaches, by measure. */
  readonly oracle: Readonly<Record<string, number>>
}

/** Block `queriesBlock`: the queries of a split, sorted by qid; a query is named by its position. */
export interface QueryList {
  readonly qids: ReadonlyArray<string>
  readonly texts: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<string>
}

/** A passage that some system has among its first for a query, or that is relevant. */
export interface ShownPassage {
  readonly docid: string
  /** `null`: nobody judged it. */
  readonly grade: number | null
  readonly title: string | null
  readonly text: string
  /** Whether the text goes on. */
  readonly cut: boolean
  /** Where it stands: `system:rank`, separated by spaces, the system by its position in the table. */
  readonly ranks: string
}

/** Block `detailsBlock`: what was found for `detailQueries` queries, one list a query. */
export type QueryDetails = ReadonlyArray<ReadonlyArray<ShownPassage>>

/** Queries whose passages share a block. */
export const detailQueries = 16

/** Block `profileBlock`: the mean of a measure at each depth. */
export interface ProfileCurve {
  readonly system: string
  readonly split: string
  readonly kind: string
  /** Without its cutoff: `nDCG`. */
  readonly measure: string
  /** From depth 1 on. */
  readonly values: ReadonlyArray<number>
  /** The mean's 95 % interval. */
  readonly lower: ReadonlyArray<number | null>
  readonly upper: ReadonlyArray<number | null>
}

/** Block `comparisonsBlock`: a system against a baseline by one test. */
export interface ComparisonRow {
  readonly split: string
  readonly kind: string
  readonly measure: string
  readonly baseline: string
  readonly system: string
  readonly queries: number
  readonly difference: number
  readonly lower: number | null
  readonly upper: number | null
  /** Cohen's d_z. */
  readonly effect: number | null
  readonly wins: number
  readonly ties: number
  readonly losses: number
  readonly test: string
  readonly p: number
  readonly adjusted: number
  readonly needed: number | null
  readonly note: string | null
}

/** Block `trainingBlock`: columns of equal length. */
export interface TrainingLogs {
  readonly system: ReadonlyArray<string>
  readonly step: ReadonlyArray<number>
  readonly phase: ReadonlyArray<string>
  readonly series: ReadonlyArray<string>
  readonly value: ReadonlyArray<number>
  /** The step whose weights were kept, by system, where it is on record. */
  readonly kept: Readonly<Record<string, number>>
}

/** A result that the report builds on; see the engine's `NodeProvenance`. */
export interface MadeBy {
  readonly node: string
  readonly stage: string
  readonly key: string
  readonly config: unknown
  readonly code: string
  readonly packages: Readonly<Record<string, string>>
  readonly native: Readonly<Record<string, string>>
  readonly inputs: Readonly<
    Record<string, ReadonlyArray<{ readonly node: string; readonly output: string; readonly hash: string }>>
  >
  readonly outputs: Readonly<
    Record<string, { readonly hash: string; readonly bytes: number; readonly rows: number | null }>
  >
  readonly facts: Readonly<Record<string, unknown>>
  readonly warnings: ReadonlyArray<string>
  readonly run: string
  readonly at: string
  readonly seconds: number
  readonly platform: string
  readonly nodejs: string
  readonly host: string
  readonly executor: { readonly name: string; readonly attempt: number; readonly queuedSeconds: number } | null
  readonly parts: ReadonlyArray<{
    readonly host: string
    readonly executor: string | null
    readonly parts: number
    readonly seconds: number
    readonly again: number
    readonly queuedSeconds: number
  }>
}

/** Something on the page, and the content hash of the artifact that it was read from. */
export interface MadeEntry {
  readonly name: string
  readonly hash: string
}

/** Block `provenanceBlock`. */
export interface ProvenanceModel {
  readonly records: ReadonlyArray<MadeBy>
  /** By collection: each system's run, in the order of the table, then the scores and the comparisons. */
  readonly entries: ReadonlyArray<ReadonlyArray<MadeEntry>>
}

/** Ids of the blocks: a collection, a split and a measure by their positions in the model. */
export const queriesBlock = (dataset: number, split: number): string => `block-queries-${dataset}-${split}`
/** A `Float32Array` [systems × queries]; NaN where a system was not asked. */
export const valuesBlock = (dataset: number, split: number, measure: number): string =>
  `block-values-${dataset}-${split}-${measure}`
export const detailsBlock = (dataset: number, split: number, part: number): string =>
  `block-details-${dataset}-${split}-${part}`
export const profileBlock = (dataset: number): string => `block-profile-${dataset}`
export const comparisonsBlock = (dataset: number): string => `block-comparisons-${dataset}`
export const trainingBlock = (dataset: number): string => `block-training-${dataset}`
export const provenanceBlock = "block-provenance"
