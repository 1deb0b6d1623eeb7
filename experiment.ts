/**
 * Which stage feeds which. Nothing runs here: wiring makes a plan, plain data, which the runner consumes.
 *
 * ```text
 *            ┌─ passages ─┬─ index ─┬─ retrieve.bm25 ──┬─ candidates ─┬─ tokenize ─┐
 *  ingest ───┤            │         └─ retrieve.tfidf ─┤              │    model ──┴─ rerank ─┐
 *            │            └─ retrieve.wink-bm25 ───────┤              │                       ├─ evaluate ─┬─ compare
 *            ├─ queries ───────────────────────────────┤              │                       │            └─ report
 *            └─ qrels ─────────────────────────────────┴──────────────┴───────────────────────┘
 * ```
 */
import { basename, resolve, sep } from "node:path"
import * as Data from "effect/Data"
import { wireCandidates, wireTrainRun } from "./candidates.ts"
import { type NamedRun, wireEarlyFusions, wireFusion } from "./fusions.ts"
import { wirePassages } from "./passages.ts"
import type { Artifact } from "./pipeline/index.ts"
import {
  type Hardware,
  isScratch,
  type Kinds,
  type ModelChoice,
  type Precision,
  type PrecisionChoice,
  precisionsOf,
  type Repeats,
  type ReportSettings,
  type Sweep,
  SystemName,
  tellingNames,
  type Weighting,
} from "./schemas/index.ts"
import { type Experiment, inParts } from "./settings.ts"
import { compare, evaluate } from "./stages/evaluate/index.ts"
import { ModelUnsuitable, modelOf, modelSettings, quantize, type WiredModel } from "./stages/model/index.ts"
import { report } from "./stages/report/index.ts"
import { agreement, interpolate, PrecisionUnavailable, rerank, wireOutsideRerankers } from "./stages/rerank/index.ts"
import {
  type Asked,
  allFirstStages,
  chosenFirstStages,
  type FirstStage,
  type FirstStageSystem,
  type OwnIndex,
  wireFieldIndexes,
  wireIndex,
} from "./stages/retrieve/index.ts"
import { tokenize } from "./stages/tokenize/index.ts"
import { pointName, type Swept, sweepPoints, sweepsConfig, sweepsOf } from "./sweep.ts"
import { type ModelOf, type TrainedSystem, trainedModels, wireTraining } from "./training.ts"
import { wireVectors } from "./vectors.ts"

/** A collection, wired: its tables, and what is known of it before it is read. */
export interface Collection {
  /** How the table and the catalog call it. */
  readonly name: string
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  readonly qrels: Artifact<Kinds.Qrels>
  /** Whether it is the generated one, on which small models are trained unless the settings say otherwise. */
  readonly synthetic: boolean
  /** Whether it is small enough for systems that hold it as JavaScript objects or look at every passage. */
  readonly small: boolean
  /** Whether the passage whose docid is the query's qid is left out of results and training. */
  readonly leaveOutOwn: boolean
  /** What index first stages search, where this collection has settings of its own. */
  readonly index: OwnIndex
  /** Runs of other tools, systems of the table like any other. */
  readonly imported: ReadonlyArray<NamedRun>
}

/** What the node is called that measures the systems without a model: `evaluate.first`. */
export const firstResults = "first"

/** What an experiment makes of a collection. */
export interface WiredDataset {
  readonly name: string
  readonly collection: Collection
  /** Everything that SQL can ask. */
  readonly tables: ReadonlyArray<Artifact>
  readonly scores: Artifact<Kinds.Scores>
  readonly summary: Artifact<Kinds.Summary>
  readonly profile: Artifact<Kinds.DepthProfile>
  readonly comparisons: Artifact<Kinds.Comparisons>
  readonly significance: Artifact<Kinds.Significance>
  /** Of the systems that need no model, as soon as they are there; none where there are no others. */
  readonly first: Artifact<Kinds.Summary> | undefined
  /** Every system's, in the order of the table. */
  readonly runs: ReadonlyArray<Artifact<Kinds.Run>>
  /** The models that are trained on it. */
  readonly trained: ReadonlyArray<TrainedSystem>
  readonly sweeps: ReadonlyArray<Sweep>
}

/** Two systems of a table have one name. */
export class SystemNamedTwice extends Data.TaggedError("SystemNamedTwice")<{ readonly system: string }> {
  override get message(): string {
    return `Two systems are called «${this.system}». Give one another name: of a model by "name" beside its "source", of a loss by "name" beside its "loss", of an imported run by --run name=path.`
  }
}

/** Models of one name, in folders of their own, are told apart by the names of the folders above, as collections are. */
const withTellingNames = (settings: Experiment): Experiment => {
  const { rerank, train } = settings
  const unnamed = [...rerank.models, ...(train.models ?? [])].flatMap((model) => {
    if (typeof model === "string") return [model]
    return isScratch(model) || model.name !== undefined ? [] : [model.source]
  })
  const sources = [...new Set(unnamed)]
  const names = tellingNames(sources.map((source) => resolve(source).split(sep)))
  const told = new Map(sources.map((source, at) => [source, names[at]!]))
  const named = (choice: ModelChoice): ModelChoice => {
    const settings = modelSettings(choice)
    const name = told.get(settings.source)
    // A name that is the last part alone is what it would be called anyway.
    if (settings.name !== undefined || name === undefined || name === basename(resolve(settings.source))) return choice
    return {
      ...settings,
      name: SystemName.make(name.replaceAll(/[^\p{L}\p{M}\p{N}._@+-]+/gu, "-").replace(/\.onnx$/, "")),
    }
  }
  return {
    ...settings,
    rerank: { ...rerank, models: rerank.models.map(named) },
    train: {
      ...train,
      ...(train.models === undefined
        ? {}
        : {
            models: train.models.map((model) => (typeof model === "object" && isScratch(model) ? model : named(model))),
          }),
    },
  }
}

/** The models that are there, each wired once for all collections. */
interface Models {
  readonly asTheyAre: ReadonlyArray<WiredModel & { readonly precision: PrecisionChoice }>
  readonly toTrain: ModelOf
  /** Of a first stage, in its precision. */
  readonly toEncode: (choice: ModelChoice) => WiredModel & { readonly precision: Precision }
  readonly teacher: WiredModel | undefined
  /** A model in a precision, wired once for each. */
  readonly inPrecision: (model: Artifact<Kinds.Model>, precision: Precision, label: string) => Artifact<Kinds.Model>
}

/** A model that is asked in fp32, whatever the precision of what reranks: a setting that would change nothing is refused. */
const inFullPrecision = (choice: ModelChoice): ModelChoice => {
  const { precision = "fp32", source } = modelSettings(choice)
  if (precisionsOf(precision).every((each) => each === "fp32")) return choice
  throw new ModelUnsuitable({
    model: source,
    problem: "a teacher is asked in fp32; 8 bits are of what reranks and of what a first stage encodes",
    remedy: "Leave its precision out.",
  })
}

/** The precision of a first stage's vectors, of which there is one. */
const vectorPrecision = (choice: ModelChoice): Precision => {
  const { precision = "fp32", source } = modelSettings(choice)
  const [first = "fp32", ...more] = precisionsOf(precision)
  if (more.length === 0) return first
  throw new ModelUnsuitable({
    model: source,
    problem: `a first stage's vectors are of one precision, and ${precisionsOf(precision).join(" and ")} are asked for`,
    remedy: "Name the model once for each, with names of their own.",
  })
}

const wireModels = (settings: Experiment): Models => {
  const { rerank, train } = settings
  const wired = new Map<string, WiredModel>()
  const quantized = new Map<Artifact<Kinds.Model>, Map<Precision, Artifact<Kinds.Model>>>()
  const once = (given: ModelChoice, seed?: number): WiredModel => {
    const { truncation } = rerank
    const { precision: _, ...own } = modelSettings(given)
    const choice = truncation === undefined ? own : { truncation, ...own }
    const key = JSON.stringify([choice, seed])
    const known = wired.get(key) ?? modelOf(choice, seed, once)
    wired.set(key, known)
    return known
  }
  const inPrecision: Models["inPrecision"] = (model, precision, label) => {
    if (precision === "fp32") return model
    const known = quantized.get(model) ?? new Map<Precision, Artifact<Kinds.Model>>()
    quantized.set(model, known)
    const made = known.get(precision) ?? quantize({ precision }, { model }, label).model
    known.set(precision, made)
    return made
  }
  return {
    asTheyAre: rerank.models.map((choice) => ({
      ...once(choice),
      precision: modelSettings(choice).precision ?? rerank.precision,
    })),
    toTrain: once,
    toEncode: (choice) => {
      const [model, precision] = [once(choice), vectorPrecision(choice)]
      return { ...model, precision, model: inPrecision(model.model, precision, `${model.name}.${precision}`) }
    },
    teacher: train.teacher === undefined ? undefined : once(inFullPrecision(train.teacher)),
    inPrecision,
  }
}

/** Systems that differ by nothing but the seed, in the order of the table. */
const repeatsOf = (named: ReadonlyArray<NamedRun>): ReadonlyArray<Repeats> => {
  const bySystem = new Map<SystemName, [SystemName, ...Array<SystemName>]>()
  for (const { repeated, system } of named) {
    if (repeated === undefined) continue
    const name = SystemName.make(system)
    const known = bySystem.get(repeated)
    if (known === undefined) bySystem.set(repeated, [name])
    else known.push(name)
  }
  return [...bySystem].map(([system, of]) => ({ system, of }))
}

/** What ends a node's name behind a name: a collection brings its own mark. */
const nodeLabel = (name: string, label: string): string =>
  label === "" || label.startsWith("@") ? `${name}${label}` : `${name}-${label}`

/** A first stage's system: itself and, where its settings are swept, each point that is not itself. */
const wireFirstStage = (
  settings: Experiment,
  { name, section }: Pick<FirstStage, "name" | "section">,
  search: (
    settings: Experiment,
    point?: { readonly system: SystemName; readonly label: string },
  ) => Artifact<Kinds.Run>,
): ReadonlyArray<NamedRun> => {
  const points = sweepPoints(settings, name, (setting) => setting.startsWith(`retrieve.${section}.`))
  const isSwept = points.length > 1
  const own = SystemName.make(name)
  const itself = points.find(({ differs }) => differs.length === 0)
  return [
    {
      system: own,
      run: search(settings),
      ...(isSwept && itself ? { swept: { system: own, values: itself.values, usual: true } } : {}),
    },
    ...points.flatMap((point): ReadonlyArray<NamedRun> => {
      if (point === itself) return []
      const system = pointName(own, point)
      const label = point.differs.map((each) => each.label).join("-")
      return [
        {
          system,
          run: search(point.settings, { system, label }),
          swept: { system: own, values: point.values, usual: false },
        },
      ]
    }),
  ]
}

/** A model that reranks: a system, or several, one for each precision. */
interface RerankedModel {
  readonly system: SystemName
  readonly repeated?: SystemName | undefined
  readonly swept?: Swept | undefined
  readonly model: Artifact<Kinds.Model>
  readonly tokenizer: Artifact<Kinds.Tokenizer>
  readonly tokens: Artifact<Kinds.Tokens>
  readonly precision: PrecisionChoice | undefined
  /** What the node is called that makes it of another precision, before that. */
  readonly quantized: string
}

const wireCollection = (
  settings: Experiment,
  collection: Collection,
  models: Models,
  hardware: Hardware,
  label: string,
): WiredDataset => {
  const { queries, leaveOutOwn, imported } = collection
  const trains = trainedModels(settings, collection.synthetic).length > 0
  const names = imported.map(({ system }) => system)
  const documents = wirePassages(settings.passages, collection, names, trains, label)
  const { passages, qrels } = documents.ground
  const { splits, depth, systems } = settings.retrieve
  const divided = inParts(settings.retrieve.shards)
  const asked = { splits, depth, leaveOutOwn, ...divided }

  const { shards, strict, threads, tokensPerBatch } = settings.rerank
  const running = {
    hardware,
    ...(tokensPerBatch === undefined ? {} : { tokensPerBatch }),
    ...(threads === undefined ? {} : { threads }),
  }
  const ownIndex = { ...settings.retrieve, ...collection.index }
  const index = wireIndex(ownIndex, passages, label)
  const fieldIndex = wireFieldIndexes(ownIndex, passages, label)
  const vectorsOf = wireVectors({ passages, queries, label }, models.toEncode, {
    ...running,
    encode: inParts(settings.encode.shards),
    tokenize: inParts(settings.tokenize.shards),
  })
  const systemsOf = (stage: FirstStage, { retrieve }: Experiment) =>
    stage.systems(new Map<string, unknown>(Object.entries(retrieve)).get(stage.section))
  /** A first stage's system by settings, which may be those of a point of a sweep. */
  const searchOver = (
    settings: Experiment,
    system: FirstStageSystem,
    asked: Asked,
    label: string,
    others?: Artifact<Kinds.Queries>,
  ) =>
    system.wire(asked, {
      index,
      fieldIndex,
      bm25: settings.retrieve.bm25,
      passages,
      queries: others ?? queries,
      vectorsOf: (choice, splits) =>
        vectorsOf(choice, splits, others && { queries: others, mark: label.startsWith("@") ? label : `-${label}` }),
      threads,
      label,
    })
  /** The systems of a first stage, each with how it is wired by the settings or by those of a point of a sweep. */
  const searches = (stage: FirstStage) =>
    systemsOf(stage, settings).map(({ name }, at) => ({
      name,
      search: (settings: Experiment, point?: { readonly system: SystemName; readonly label: string }) => {
        const { label: mark = "", ...named } = point ?? {}
        return searchOver(settings, systemsOf(stage, settings)[at]!, { ...asked, ...named }, `${mark}${label}`)
      },
    }))
  const searching: ReadonlyArray<NamedRun> = chosenFirstStages(systems, collection.small)
    .flatMap((stage) =>
      searches(stage).flatMap(({ name, search }) => wireFirstStage(settings, { ...stage, name }, search)),
    )
    .map((each) => ({ ...each, overPassages: documents.splits }))
  const searched = [...searching, ...imported]
  const folded = (named: NamedRun): NamedRun =>
    named.overPassages === true ? { ...named, run: documents.fold(named.run, named.system) } : named
  const given = searched.map(folded)

  const fusions = wireEarlyFusions(settings.fuse, given, collection, label)
  const { candidates: toRerank, from } = wireCandidates(settings, {
    searched,
    fusions,
    unlisted: (name) => {
      const known = allFirstStages().flatMap(searches)
      return { run: known.find((each) => each.name === name)?.search(settings), known: known.map((each) => each.name) }
    },
    splits: documents.splits,
    queries,
    qrels,
    label,
  })
  // What is mixed and measured are documents.
  const candidates = documents.candidates(toRerank)

  const how = { ...running, ...(strict ? { strict } : {}) }
  const tokenized = ({ tokenizer }: WiredModel, ranked: Artifact<Kinds.Candidates>, called: string) =>
    tokenize(
      { passages: "candidates", ...inParts(settings.tokenize.shards) },
      { tokenizer, passages, queries, candidates: [ranked] },
      called,
    ).tokens
  const taught = (model: WiredModel, ranked: Artifact<Kinds.Candidates>, called: string) => {
    const tokens = tokenized(model, ranked, called)
    const asked = { ...how, precision: "fp32" as const, system: model.name, ...inParts(shards) }
    return rerank(asked, { model: model.model, tokenizer: model.tokenizer, tokens, candidates: ranked }, called).run
  }
  const agreements: Array<Artifact<Kinds.Agreement>> = []
  /** A row for each precision; beside those in another than fp32, what they agree in with it. */
  const rowsOf = ({
    precision = settings.rerank.precision,
    quantized,
    repeated,
    swept,
    system,
    ...read
  }: RerankedModel): ReadonlyArray<NamedRun> => {
    const precisions = precisionsOf(precision)
    const scored = (name: SystemName, of: Precision, called: string, first?: number) => {
      const model = models.inPrecision(read.model, of, `${quantized}.${of}`)
      const part = first === undefined ? inParts(shards) : { first }
      const asked = { ...how, precision: of, system: name, ...part }
      return rerank(asked, { ...read, model, candidates: toRerank }, `${called}${label}`).run
    }
    const rows = precisions.map((of) => {
      const called = (name: SystemName): SystemName =>
        precisions.length > 1 && of !== "fp32" ? SystemName.make(`${name}.${of}`) : name
      return {
        system: called(system),
        repeated: repeated && called(repeated),
        swept: swept && { ...swept, system: called(swept.system) },
        precision: of,
        run: scored(called(system), of, called(system)),
      }
    })
    const inFull = rows.find((row) => row.precision === "fp32")
    const { agreement: asked } = settings.rerank
    const reducedRows = rows.filter((row) => row.precision !== "fp32")
    if (reducedRows.length === 0 || (inFull === undefined && asked === 0)) return rows
    const reference = inFull?.run ?? scored(system, "fp32", `${system}.fp32.first`, asked)
    for (const row of reducedRows) {
      const of = { system: row.system, precision: row.precision, reference: system, whole: inFull !== undefined }
      agreements.push(agreement(of, { run: row.run, reference }, `${row.system}${label}`).agreement)
    }
    return rows
  }
  const { teacher } = models
  const trained = wireTraining(
    settings,
    {
      passages,
      queries,
      qrels,
      search: (settings, asked, queries, label) =>
        wireTrainRun(settings, label, { queries, qrels }, (name) => {
          const systems = allFirstStages().flatMap((stage) => systemsOf(stage, settings))
          const system = systems.find((each) => each.name === name)
          const run = system && searchOver(settings, system, { ...asked, ...divided }, label, queries)
          return { run, known: systems.map((each) => each.name) }
        }),
      candidates: toRerank,
      synthetic: collection.synthetic,
      leaveOutOwn,
      label,
    },
    hardware,
    models.toTrain,
    teacher && ((sampled, at) => taught(teacher, sampled, `teacher.${nodeLabel(teacher.name, at)}`)),
  )
  const learned: ReadonlyArray<NamedRun> = trained.flatMap(({ earlier: _, log: __, name, ...model }) =>
    rowsOf({ ...model, system: name, quantized: `${name}${label}` }),
  )
  const reranked: ReadonlyArray<NamedRun> = [
    ...models.asTheyAre.flatMap((model) => {
      const { name, precision, tokenizer } = model
      const tokens = tokenized(model, toRerank, `${name}${label}`)
      return rowsOf({ model: model.model, tokenizer, tokens, precision, system: name, quantized: name })
    }),
    ...wireOutsideRerankers(settings.rerank, { candidates: toRerank, queries, passages }, label),
    ...learned,
  ]
  const rerankers = reranked.map((named) => folded({ ...named, overPassages: documents.splits }))
  const { enabled, ...mixed } = settings.rerank.interpolate
  const usual = collection.synthetic ? rerankers.slice(rerankers.length - learned.length) : []
  const mixes = (enabled === undefined ? usual : enabled ? rerankers : []).map(
    ({ system, repeated, run, swept }): NamedRun => {
      const called = (what: string) => SystemName.make(`${what}+${from}`)
      const name = called(system)
      const inputs = { candidates, run, queries, qrels: collection.qrels }
      const mix = interpolate({ ...mixed, system: name }, inputs, `${name}${label}`).run
      return {
        system: name,
        repeated: repeated && called(repeated),
        swept: swept && { ...swept, system: called(swept.system) },
        run: mix,
      }
    },
  )

  const named = settings.fuse.reduce<ReadonlyArray<NamedRun>>(
    (before, fusion) => [...before, fusions.get(fusion.name) ?? wireFusion(fusion, before, collection, label)],
    [...given, ...rerankers, ...mixes],
  )

  const systemNames = named.map(({ system }) => system)
  const twice = systemNames.find((name, position) => systemNames.indexOf(name) < position)
  if (twice !== undefined) throw new SystemNamedTwice({ system: twice })

  // Measured twice, in a second, so that nobody waits for the last training to see whether the first stage is any good.
  const leftOut = leaveOutOwn ? [collection.passages] : []
  const judged = { candidates, queries, qrels: collection.qrels, leftOut }
  const early = { runs: given.map(({ run }) => run), ...judged, agreements: [] }
  const { note } = documents
  const measuring = { ...settings.evaluate, ...(note === undefined ? {} : { note }) }
  const first =
    rerankers.length === 0 || given.length === 0
      ? undefined
      : evaluate({ ...measuring, repeats: [], ...sweepsConfig(given) }, early, `${firstResults}${label}`).summary

  const runs = named.map(({ run }) => run)
  const measured = { ...measuring, repeats: repeatsOf(named), ...sweepsConfig(named) }
  const { scores, summary, profile } = evaluate(measured, { runs, ...judged, agreements }, label)
  const sweeps = sweepsOf(named)
  const { comparisons, significance } = compare(
    { ...settings.statistics, datasets: [collection.name] },
    { scores: [scores], swept: sweeps.length === 0 ? [] : [summary] },
    label,
  )

  const logs = logsOf(trained)
  return {
    name: collection.name,
    collection,
    tables: [
      collection.passages,
      queries,
      collection.qrels,
      ...runs,
      candidates,
      scores,
      profile,
      comparisons,
      ...logs,
    ],
    scores,
    summary,
    profile,
    comparisons,
    significance,
    first,
    runs,
    trained,
    sweeps,
  }
}

/** The logs of trainings, and of those before them, each once. */
const logsOf = (trained: ReadonlyArray<TrainedSystem>): ReadonlyArray<Artifact<Kinds.TrainingLog>> => [
  ...new Set(trained.flatMap(({ earlier, log }) => (earlier === undefined ? [log] : [earlier, log]))),
]

/** One page for all collections. */
const wireReport = (
  { depth, moves, characters }: ReportSettings,
  weighting: Weighting,
  datasets: ReadonlyArray<WiredDataset>,
  combined: Artifact<Kinds.Significance> | undefined,
) => {
  const [first, ...others] = datasets.map(({ name, runs, trained }) => ({
    name,
    runs: runs.length,
    logs: logsOf(trained).length,
  }))
  if (first === undefined) return []
  const { page } = report(
    {
      depth,
      moves,
      characters,
      datasets: [first, ...others],
      ...(combined === undefined ? {} : { together: weighting }),
    },
    {
      passages: datasets.map(({ collection }) => collection.passages),
      queries: datasets.map(({ collection }) => collection.queries),
      qrels: datasets.map(({ collection }) => collection.qrels),
      runs: datasets.flatMap(({ runs }) => runs),
      scores: datasets.map(({ scores }) => scores),
      summaries: datasets.map(({ summary }) => summary),
      profiles: datasets.map(({ profile }) => profile),
      comparisons: datasets.map(({ comparisons }) => comparisons),
      significance: [
        ...datasets.map(({ significance }) => significance),
        ...(combined === undefined ? [] : [combined]),
      ],
      logs: datasets.flatMap(({ trained }) => logsOf(trained)),
    },
  )
  return [page]
}

/** Whether any model is to run, so that a device has to be found. */
export const usesModels = (settings: Experiment): boolean =>
  settings.rerank.models.length > 0 ||
  settings.retrieve.dense.length > 0 ||
  settings.datasets.some(({ source }) => trainedModels(settings, source === "synthetic").length > 0)

/** Settings whose grids nothing reads: of first stages that are not asked, of losses that are not trained with. */
const idleGrids = (settings: Experiment, collections: ReadonlyArray<Collection>): ReadonlyArray<string> => {
  const asked = collections.flatMap(({ small }) => chosenFirstStages(settings.retrieve.systems, small))
  const trains = collections.some(({ synthetic }) => trainedModels(settings, synthetic).length > 0)
  const { losses } = settings.train
  const isRead = (setting: string): boolean => {
    const [section, of, loss] = setting.split(".")
    if (section === "retrieve") return asked.some((stage) => stage.section === of)
    return trains && (of !== "loss" || losses.some((each) => each === loss))
  }
  return (settings.grids ?? []).flatMap(({ setting }) => (isRead(setting) ? [] : [setting]))
}

/** Refuses precisions that the device does not have. */
const checkPrecisions = ({ rerank, retrieve, train }: Experiment, { device }: Hardware): void => {
  if (device === "cpu") return
  const base = train.lora?.base ?? "fp32"
  if (base !== "fp32") throw new PrecisionUnavailable({ system: "train.lora.base", precision: base, device })
  const own = (models: ReadonlyArray<ModelChoice>) => models.flatMap((model) => modelSettings(model).precision ?? [])
  for (const [system, choices] of [
    ["rerank.precision", [rerank.precision, ...own(rerank.models)]],
    ["retrieve.dense", own(retrieve.dense)],
  ] as const) {
    const other = choices.flatMap(precisionsOf).find((each) => each !== "fp32")
    if (other !== undefined) throw new PrecisionUnavailable({ system, precision: other, device })
  }
}

/**
 * Wires an experiment. With several collections each node's name ends in `@` and the collection's, and systems are also
 * compared over all of them together.
 */
export const experiment = (given: Experiment, collections: ReadonlyArray<Collection>, hardware: Hardware) => {
  checkPrecisions(given, hardware)
  const settings = withTellingNames(given)
  const models = wireModels(settings)
  const datasets = collections.map((collection) =>
    wireCollection(settings, collection, models, hardware, collections.length === 1 ? "" : `@${collection.name}`),
  )
  const [first, ...others] = datasets.map(({ name }) => name)
  const combined =
    first === undefined || others.length === 0
      ? undefined
      : compare(
          { ...settings.statistics, datasets: [first, ...others] },
          {
            scores: datasets.map(({ scores }) => scores),
            swept: datasets.some(({ sweeps }) => sweeps.length > 0) ? datasets.map(({ summary }) => summary) : [],
          },
          "combined",
        )
  return {
    datasets,
    combined,
    idleGrids: idleGrids(settings, collections),
    targets: {
      train: datasets.flatMap(({ trained }) => trained.flatMap(({ log, model }) => [model, log])),
      eval: [
        ...datasets.flatMap(({ first }) => first ?? []),
        ...datasets.flatMap(({ scores, comparisons }) => [scores, comparisons]),
        ...(combined === undefined ? [] : [combined.comparisons]),
      ],
      report: wireReport(settings.report, settings.statistics.weighting, datasets, combined?.significance),
    },
  }
}

/** What wiring an experiment gives. */
export type WiredExperiment = ReturnType<typeof experiment>
