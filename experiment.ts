/**
 * Which stage feeds which. Nothing runs here: wiring makes a plan, plain data, which the runner consumes.
 *
 * ```text
 *            ┌─ passages ─┬─ index ─┬─ retrieve.bm25 ──┬─ candidates ─┐
 *  ingest ───┤            │         └─ retrieve.tfidf ─┤              ├─ evaluate ── the table ── report ── a page
 *            │            └─ retrieve.wink-bm25 ───────┤              │
 *            ├─ queries ───────────────────────────────┤              ├─ compare ── its marks
 *            └─ qrels ─────────────────────────────────┴──────────────┘
 * ```
 */
import type { Artifact } from "./pipeline/index.ts"
import type { Experiment, FirstStage, Kinds, ReportSettings } from "./schemas/index.ts"
import { candidates as materialise } from "./stages/candidates/index.ts"
import { compare, evaluate } from "./stages/evaluate/index.ts"
import { report } from "./stages/report/index.ts"
import { indexPassages, retrieve, retrieveTfIdf, retrieveWink } from "./stages/retrieve/index.ts"

/** A collection, wired: its tables, and what is known of it before it is read. */
export interface Collection {
  /** How the table and the catalog call it. */
  readonly name: string
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  readonly qrels: Artifact<Kinds.Qrels>
  /** Whether it is small enough for systems that hold it as JavaScript objects or look at every passage. */
  readonly small: boolean
  /** Runs of other tools, systems of the table like any other. */
  readonly imported: ReadonlyArray<Artifact<Kinds.Run>>
}

/** What an experiment makes of a collection. */
export interface WiredDataset {
  readonly name: string
  readonly collection: Collection
  /** Everything that SQL can ask. */
  readonly tables: ReadonlyArray<Artifact>
  readonly scores: Artifact<Kinds.Scores>
  readonly summary: Artifact<Kinds.Summary>
  readonly comparisons: Artifact<Kinds.Comparisons>
  readonly significance: Artifact<Kinds.Significance>
  /** Every system's, in the order of the table. */
  readonly runs: ReadonlyArray<Artifact<Kinds.Run>>
  /** Of the models that were trained on it. */
  readonly logs: ReadonlyArray<Artifact<Kinds.TrainingLog>>
}

/** The first stages that the settings ask for; where they do not say, all of a small collection, and BM25 alone of a large. */
const firstStages = (settings: Experiment, collection: Collection): ReadonlyArray<FirstStage> =>
  settings.retrieve.systems ?? (collection.small ? ["tfidf", "wink-bm25", "bm25"] : ["bm25"])

const wireCollection = (settings: Experiment, collection: Collection, label: string): WiredDataset => {
  const { passages, queries, qrels } = collection
  const { splits, depth, bm25, tfidf, wink } = settings.retrieve
  const asked = { splits, depth }

  const { index } = indexPassages({}, { passages }, label)
  const lexical = retrieve({ ...bm25, ...asked }, { index, queries }, label)
  const { candidates } = materialise(settings.candidates, { run: lexical.run, qrels }, label)
  const first = {
    tfidf: () => retrieveTfIdf({ ...tfidf, ...asked }, { index, queries }, label).run,
    "wink-bm25": () => retrieveWink({ ...wink, ...asked }, { passages, queries }, label).run,
    bm25: () => lexical.run,
  }
  const runs = [...firstStages(settings, collection).map((system) => first[system]()), ...collection.imported]
  const { scores, summary } = evaluate(settings.evaluate, { runs, candidates, queries, qrels }, label)
  const { comparisons, significance } = compare(
    { ...settings.statistics, datasets: [collection.name] },
    { scores: [scores] },
    label,
  )

  const logs: ReadonlyArray<Artifact<Kinds.TrainingLog>> = []
  return {
    name: collection.name,
    collection,
    tables: [passages, queries, qrels, ...runs, candidates, scores, comparisons, ...logs],
    scores,
    summary,
    comparisons,
    significance,
    runs,
    logs,
  }
}

/** One page for all collections. */
const wireReport = ({ depth, moves, characters }: ReportSettings, datasets: ReadonlyArray<WiredDataset>) => {
  const [first, ...others] = datasets.map(({ name, runs, logs }) => ({ name, runs: runs.length, logs: logs.length }))
  if (first === undefined) return []
  const { page } = report(
    { depth, moves, characters, datasets: [first, ...others] },
    {
      passages: datasets.map(({ collection }) => collection.passages),
      queries: datasets.map(({ collection }) => collection.queries),
      qrels: datasets.map(({ collection }) => collection.qrels),
      runs: datasets.flatMap(({ runs }) => runs),
      scores: datasets.map(({ scores }) => scores),
      summaries: datasets.map(({ summary }) => summary),
      logs: datasets.flatMap(({ logs }) => logs),
    },
  )
  return [page]
}

/** Wires an experiment. With several collections each node's name ends in `@` and the collection's. */
export const experiment = (settings: Experiment, collections: ReadonlyArray<Collection>) => {
  const datasets = collections.map((collection) =>
    wireCollection(settings, collection, collections.length === 1 ? "" : `@${collection.name}`),
  )
  return {
    datasets,
    targets: {
      eval: datasets.flatMap(({ scores, comparisons }) => [scores, comparisons]),
      report: wireReport(settings.report, datasets),
    },
  }
}
