import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  DuckDb,
  type DuckDbError,
  readRows,
  type StageContext,
  type StageResult,
  type StoredArtifact,
} from "../../pipeline/index.ts"
import { SignificanceSummary } from "../../schemas/index.ts"
import { bundlePage } from "./bundlePage.ts"
import { type CollectedDataset, collectDataset, type DatasetInputs, readJson } from "./collectDataset.ts"
import type { ReportConfig, reportInputs, reportOutputs } from "./contract.ts"
import { type PageFile, pageFile } from "./PageFile.ts"
import { pageBody, pageTitle } from "./page/pageBody.ts"
import {
  type ComparisonRow,
  comparisonsBlock,
  detailsBlock,
  type MadeEntry,
  type ProfileCurve,
  type ProvenanceModel,
  profileBlock,
  provenanceBlock,
  queriesBlock,
  type ReportModel,
  type TrainingLogs,
  trainingBlock,
  valuesBlock,
} from "./page/ReportModel.ts"
import { queryDetails } from "./queryDetails.ts"
import type { ReportError } from "./ReportError.ts"
import { togetherModel } from "./togetherModel.ts"

type Context = StageContext<ReportConfig, typeof reportInputs, typeof reportOutputs>

/** The inputs, put together by collection: of each kind there is one a collection, or as many as the configuration says. */
const datasetsOf = ({ config, inputs }: Context): ReadonlyArray<DatasetInputs> => {
  const runs = [...inputs.runs]
  const logs = [...inputs.logs]
  return config.datasets.map((dataset, position) => ({
    name: dataset.name,
    passages: inputs.passages[position]!,
    queries: inputs.queries[position]!,
    qrels: inputs.qrels[position]!,
    scores: inputs.scores[position]!,
    summary: inputs.summaries[position]!,
    profile: inputs.profiles[position],
    comparisons: inputs.comparisons[position],
    significance: inputs.significance[position],
    runs: runs.splice(0, dataset.runs),
    logs: logs.splice(0, dataset.logs),
  }))
}

const entryOf = (name: string, artifact: StoredArtifact | undefined): ReadonlyArray<MadeEntry> =>
  artifact === undefined ? [] : [{ name, hash: artifact.hash }]

/** What is drawn of all of a collection's queries: their list, and every score. */
const writeScores = (page: PageFile, { splits }: CollectedDataset, dataset: number) =>
  Effect.gen(function* () {
    for (const [split, { queries, values }] of splits.entries()) {
      yield* page.block(queriesBlock(dataset, split), JSON.stringify(queries))
      for (const [measure, matrix] of values.entries()) yield* page.block(valuesBlock(dataset, split, measure), matrix)
    }
  })

interface OpenCurve extends ProfileCurve {
  readonly values: Array<number>
  readonly lower: Array<number | null>
  readonly upper: Array<number | null>
}

/** Curves over depth: the table's rows are in the order of the depth. */
const writeProfile = (page: PageFile, { profile }: DatasetInputs, dataset: number) =>
  Effect.gen(function* () {
    if (profile === undefined) return
    const curves = new Map<string, OpenCurve>()
    for (const { system, split, kind, measure, value, lower, upper } of yield* readRows(profile)) {
      const name = [system, split, kind, measure].join(" ")
      const found = curves.get(name) ?? { system, split, kind, measure, values: [], lower: [], upper: [] }
      found.values.push(value)
      found.lower.push(lower)
      found.upper.push(upper)
      curves.set(name, found)
    }
    yield* page.block(profileBlock(dataset), JSON.stringify([...curves.values()]))
  })

const writeComparisons = (page: PageFile, { comparisons }: DatasetInputs, dataset: number) =>
  Effect.gen(function* () {
    if (comparisons === undefined) return
    const rows: ReadonlyArray<ComparisonRow> = yield* readRows(comparisons)
    yield* page.block(comparisonsBlock(dataset), JSON.stringify(rows))
  })

/** The step whose weights were kept, as the record of the training that wrote a log says it. */
const keptStep = (records: ProvenanceModel["records"], { hash }: StoredArtifact): number | undefined => {
  const record = records.find(({ outputs }) => Object.values(outputs).some((each) => each.hash === hash))
  const kept = record?.facts["keptStep"]
  return typeof kept === "number" ? kept : undefined
}

const writeTraining = (page: PageFile, { logs }: DatasetInputs, dataset: number, records: ProvenanceModel["records"]) =>
  Effect.gen(function* () {
    const byLog = yield* Effect.forEach(logs, (log) => Effect.map(readRows(log), (rows) => ({ log, rows })))
    const rows = byLog.flatMap((each) => each.rows)
    if (rows.length === 0) return
    const kept = byLog.flatMap(({ log, rows: [first] }) => {
      const step = keptStep(records, log)
      return first === undefined || step === undefined ? [] : [[first.system, step] as const]
    })
    const columns: TrainingLogs = {
      system: rows.map(({ system }) => system),
      step: rows.map(({ step }) => step),
      phase: rows.map(({ phase }) => phase),
      series: rows.map(({ series }) => series),
      value: rows.map(({ value }) => value),
      kept: Object.fromEntries(kept),
    }
    yield* page.block(trainingBlock(dataset), JSON.stringify(columns))
  })

/** The table of all collections together, where it is asked for. */
const collectTogether = ({ config, inputs }: Context, collected: ReadonlyArray<CollectedDataset>) =>
  Effect.gen(function* () {
    if (config.together === undefined || collected.length < 2) return undefined
    const compared = inputs.significance[collected.length]
    const significance =
      compared === undefined ? undefined : yield* readJson(compared, "significance.json", SignificanceSummary)
    return togetherModel(collected, config.together, significance)
  })

const made = (
  context: Context,
): Effect.Effect<StageResult<typeof reportOutputs>, DuckDbError | ReportError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    const { config, outputs, progress } = context
    const connection = yield* (yield* DuckDb).connect
    const datasets = datasetsOf(context)
    const code = yield* bundlePage
    const collected = yield* Effect.forEach(datasets, (inputs) => collectDataset(connection, inputs))
    const together = yield* collectTogether(context, collected)
    const model: ReportModel = {
      depth: config.depth,
      moves: Math.max(config.depth, config.moves),
      datasets: collected.map((each) => each.model),
      ...(together === undefined ? {} : { together }),
    }
    const page = yield* pageFile(join(outputs.page, "index.html"), pageTitle(model), pageBody(model), model, code)

    const provenance: ProvenanceModel = {
      records: context.provenance ?? [],
      entries: collected.map(({ model: { systems }, runs }, position) => [
        ...runs.map(({ hash }, system) => ({ name: systems[system]!, hash })),
        ...entryOf("scores", datasets[position]?.scores),
        ...entryOf("comparisons", datasets[position]?.comparisons),
      ]),
    }
    yield* page.block(provenanceBlock, JSON.stringify(provenance))
    const total = collected.flatMap(({ splits }) => splits).reduce((sum, { queries }) => sum + queries.qids.length, 0)
    let done = 0
    for (const [position, inputs] of datasets.entries()) {
      const dataset = collected[position]!
      yield* writeScores(page, dataset, position)
      yield* writeProfile(page, inputs, position)
      yield* writeComparisons(page, inputs, position)
      yield* writeTraining(page, inputs, position, provenance.records)
      yield* queryDetails(connection, inputs, dataset, config, ({ split, part, queries }) =>
        Effect.tap(page.block(detailsBlock(position, split, part), JSON.stringify(queries)), () =>
          Effect.sync(() => {
            done += queries.length
            progress({ done: Math.min(done, total), total, unit: "queries" })
          }),
        ),
      )
    }
    const bytes = yield* page.finish
    return { facts: { queries: total, bytes } }
  })

/** Writes the page; see `docs/SPEC.md`, P. */
export const run = (context: Context) => Effect.scoped(made(context))
