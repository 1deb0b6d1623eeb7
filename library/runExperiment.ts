import * as Effect from "effect/Effect"
import type { Schema } from "effect/Schema"
import { wireCollections, wiring } from "../cli/collections.ts"
import { loadExtensions } from "../cli/extensions.ts"
import { findHardware } from "../cli/findHardware.ts"
import { pagePaths } from "../cli/pagePaths.ts"
import { renderResultTable } from "../cli/ResultTable.ts"
import { readSummaries } from "../cli/RunSummaries.ts"
import { refreshCatalog } from "../cli/refreshCatalog.ts"
import { runServices } from "../cli/runServices.ts"
import { readSettings } from "../cli/Settings.ts"
import { experiment } from "../experiment.ts"
import { makePlan, type NodeReport, run, selectTargets } from "../pipeline/index.ts"
import type { experimentSchema, GridValue } from "../settings.ts"
import { promise } from "./promise.ts"
import { queryStore, type Row } from "./queryResults.ts"
import { storeOf } from "./storeOf.ts"

type Encoded = Schema.Encoded<ReturnType<typeof experimentSchema>>

/** Settings of which each that is a number, a word or a truth value may be a list of values to sweep. */
type WithGrids<T> = [T] extends [GridValue | undefined]
  ? T | { readonly grid: ReadonlyArray<NonNullable<T>> }
  : T extends ReadonlyArray<unknown>
    ? T
    : T extends object
      ? { readonly [Name in keyof T]: WithGrids<T[Name]> }
      : T

/**
 * An experiment as a value: what the JSON file of `--config` holds, with every setting optional. `rankdag schema` prints its JSON
 * Schema.
 */
export type ExperimentSettings = Omit<Encoded, "retrieve" | "train"> & {
  readonly retrieve?: WithGrids<Encoded["retrieve"]>
  readonly train?: WithGrids<Encoded["train"]>
}

/** What is to be run, and where. */
export interface ExperimentOptions {
  /** Collections, as `--dataset` takes them: `synthetic`, a folder, a public name as `beir/scifact`. They replace those of `settings`. */
  readonly dataset?: string | ReadonlyArray<string>
  /** Default: the settings of `rankdag --target eval`, which train small models where the collection is the synthetic one. */
  readonly settings?: ExperimentSettings
  /** Files with other tools' runs by the name of their system, as `--run` takes them (`name@collection` where there are several). */
  readonly runs?: Readonly<Record<string, string>>
  /** What to make, as `--target` takes it. Default `eval`. */
  readonly targets?: ReadonlyArray<string>
  /** The store: a folder, or `s3://bucket/prefix`. Default `artifacts`, in the current folder. */
  readonly artifacts?: string
  /** A local folder before a shared store; before a bucket, `artifacts` if left out. */
  readonly cache?: string
  /** How many stages may run at once. Default as the command line's. */
  readonly jobs?: number
  /** Told of each stage when it is done, found in the store or failed. */
  readonly onStage?: (stage: StageResult) => void
  /** Aborting it ends the run; what is finished stays in the store. */
  readonly signal?: AbortSignal
}

/** One system on one split and one kind of query: a row of the result table. */
export interface SystemResult {
  readonly dataset: string
  readonly system: string
  readonly split: string
  /** `all`, or `question` or `browse`. */
  readonly kind: string
  /** Queries with judgements: what the means are over. */
  readonly queries: number
  /** How many of them the system has no result for; they count as 0. */
  readonly missing: number
  /** Mean share, from 0 to 1, of its first ten results that nobody judged. */
  readonly unjudged: number
  /** By the measure's canonical name. */
  readonly measures: Readonly<Record<string, number>>
  /** The means' 95 % intervals, where there are more than a few queries. */
  readonly intervals: Readonly<Record<string, readonly [number, number]>>
}

/** What the candidates allow on one split and one kind of query. */
export interface CandidatesResult {
  readonly dataset: string
  readonly split: string
  readonly kind: string
  readonly queries: number
  /** Candidates a query may have. */
  readonly depth: number
  /** Mean share of the relevant passages that are among the candidates. */
  readonly recall: number
  /** The best value that any order of the candidates reaches, by measure. */
  readonly oracle: Readonly<Record<string, number>>
}

/** Settings that were swept, as systems that differ by them. */
export interface SweepResult {
  readonly dataset: string
  /** What its systems would be called without what differs. */
  readonly system: string
  /** By whose mean over all dev queries the points are ordered, the highest first. */
  readonly measure: string
  readonly points: ReadonlyArray<{
    /** By the settings' short names. */
    readonly values: Readonly<Record<string, string | number | boolean>>
    /** Whether they are those that stand where no grid is given. */
    readonly usual: boolean
    /** Its systems: one a seed. */
    readonly of: ReadonlyArray<string>
    /** The measure on dev, the mean over the seeds; none without judged dev queries. */
    readonly dev: number | null
  }>
  /** The systems of the first point, which is chosen; none without judged dev queries. */
  readonly chosen: ReadonlyArray<string>
}

/** A difference from a baseline, by the first test of the settings. */
export interface SignificanceResult {
  readonly dataset: string
  readonly split: string
  readonly kind: string
  readonly measure: string
  readonly baseline: string
  readonly system: string
  /** Mean of the system less mean of the baseline. */
  readonly difference: number
  /** p, adjusted for the other comparisons of the table as `statistics.correction` and `statistics.family` say. */
  readonly adjusted: number
}

/** What became of a stage. */
export interface StageResult {
  readonly name: string
  /** `hit`: its result was in the store. */
  readonly status: "source" | "hit" | "ran" | "failed" | "skipped"
  readonly seconds: number
  /** The key of its result. */
  readonly key: string | undefined
  /** Folders of its outputs in the store, by name: read them, never write there. */
  readonly outputs: Readonly<Record<string, string>>
  readonly warnings: ReadonlyArray<string>
}

/** The results of a run. */
export interface ExperimentResult {
  readonly systems: ReadonlyArray<SystemResult>
  readonly candidates: ReadonlyArray<CandidatesResult>
  /** Differences from the baselines, split by split. */
  readonly significance: ReadonlyArray<SignificanceResult>
  /** What was swept, and what was chosen on dev. */
  readonly sweeps: ReadonlyArray<SweepResult>
  /** What has to be known of the figures, as it stands below the table. */
  readonly notes: ReadonlyArray<{ readonly dataset: string; readonly split: string; readonly text: string }>
  readonly stages: ReadonlyArray<StageResult>
  /** Files of the pages, where `report` was asked for. */
  readonly pages: ReadonlyArray<string>
  /** The result table as the command line prints it. */
  readonly table: string
  /** Asks SQL of the results: see {@link queryResults}. */
  readonly query: (sql: string) => Promise<ReadonlyArray<Row>>
}

const stageResult = ({ name, status, seconds, key, outputs, warnings }: NodeReport): StageResult => ({
  name,
  status,
  seconds,
  key,
  outputs: Object.fromEntries(Object.entries(outputs).map(([output, { path }]) => [output, path])),
  warnings,
})

const quiet = (): Effect.Effect<void> => Effect.void

/**
 * Runs an experiment, as `rankdag` does on the command line: what is in the store already is taken from there, and keys are the
 * same, so that both may share a store. Nothing is printed.
 *
 * @throws (rejects with) the error that the command line would print: `ConfigurationError`, `UnknownDataset`, `RunFailed` and others,
 * told apart by `_tag`
 */
export const runExperiment = (options: ExperimentOptions = {}): Promise<ExperimentResult> => {
  const place = storeOf(options)
  const program = Effect.gen(function* () {
    yield* loadExtensions(options.settings?.extensions ?? [])
    const settings = yield* readSettings({
      ...(options.settings === undefined ? {} : { settings: options.settings }),
      datasets: [options.dataset ?? []].flat(),
      sets: [],
    })
    const runs = Object.entries(options.runs ?? {}).map(([system, path]) => `${system}=${path}`)
    const collections = yield* wireCollections(settings, runs)
    const hardware = yield* findHardware(settings, quiet)
    const wired = yield* wiring(settings, () => experiment(settings, collections, hardware))
    const plan = yield* selectTargets(yield* makePlan(wired.targets), options.targets ?? ["eval"])
    const { services, store } = yield* runServices(place)
    return yield* Effect.gen(function* () {
      const report = yield* run(plan, {
        ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
        onEvent: (event) => {
          if (event._tag === "NodeFinished" || event._tag === "NodeFailed") {
            if (event.report.status !== "source") options.onStage?.(stageResult(event.report))
          }
        },
      })
      const summaries = yield* readSummaries(wired, settings.statistics.weighting, report)
      yield* refreshCatalog(wired, report)
      return { report, summaries }
    }).pipe(
      Effect.scoped,
      Effect.provide(services),
      Effect.map(({ report, summaries }): ExperimentResult => {
        return {
          systems: summaries.flatMap(({ dataset, summary }) => summary.systems.map((row) => ({ dataset, ...row }))),
          candidates: summaries.flatMap(({ dataset, summary }) =>
            summary.candidates.map((row) => ({ dataset, ...row })),
          ),
          significance: summaries.flatMap(({ dataset, significance }) =>
            (significance?.rows ?? []).map((row) => ({ dataset, ...row })),
          ),
          sweeps: summaries.flatMap(({ dataset, summary }) => summary.sweeps.map((sweep) => ({ dataset, ...sweep }))),
          notes: summaries.flatMap(({ dataset, summary }) => summary.notes.map((note) => ({ dataset, ...note }))),
          stages: report.nodes.filter(({ status }) => status !== "source").map(stageResult),
          pages: pagePaths(store.directory, plan, report),
          table: summaries.length === 0 ? "" : renderResultTable(summaries),
          query: (sql) => queryStore(sql, place),
        }
      }),
    )
  }).pipe(Effect.scoped)
  return promise(program, options.signal)
}
