/**
 * How models come to be trained on a collection: the part of the experiment's wiring that is there where something is trained.
 *
 * ```text
 *  queries ─┬─ train.queries ── retrieve.bm25 ── train.candidates ─┬─ tokenize ──┐
 *  qrels ───┘                                        │             │             ├─ train ── model, log
 *                    rerank (the teacher) ───────────┘   model ────┴─────────────┘
 * ```
 */
import { lossesOf, lossOf } from "./neural/losses/index.ts"
import type { Artifact } from "./pipeline/index.ts"
import {
  type Hardware,
  isScratch,
  type Kinds,
  type LoraSettings,
  type ModelChoice,
  optimizerOf,
  type PrecisionChoice,
  SystemName,
  smallModels,
  type TrainedModel,
  type Truncation,
} from "./schemas/index.ts"
import { type Experiment, inParts } from "./settings.ts"
import { trainCandidates, trainQueries } from "./stages/candidates/index.ts"
import { freeze, merge, scratchOf, type WiredModel } from "./stages/model/index.ts"
import type { Asked } from "./stages/retrieve/index.ts"
import { tokenize } from "./stages/tokenize/index.ts"
import { type TrainAdapterConfig, type TrainConfig, train, trainAdapter } from "./stages/train/index.ts"
import { pointName, type SweepPoint, type Swept, sweepPoints } from "./sweep.ts"

/** What a training is wired to. */
export interface TrainingGround {
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  readonly qrels: Artifact<Kinds.Qrels>
  /** Searches for queries by what the settings name. The label is of its nodes. */
  readonly search: (
    settings: Experiment,
    asked: Asked,
    queries: Artifact<Kinds.Queries>,
    label: string,
  ) => Artifact<Kinds.Run>
  /** Of the splits that are evaluated: its dev queries watch the training, and all are tokenized with the train candidates. */
  readonly candidates: Artifact<Kinds.Candidates>
  readonly synthetic: boolean
  /** Whether the passage whose docid is the query's qid is left out. */
  readonly leaveOutOwn: boolean
  /** Tells apart the nodes of several collections. */
  readonly label: string
}

/** A model that was trained: a system of the table. */
export interface TrainedSystem {
  readonly name: SystemName
  /** Its name without the seed, where it was trained with several. */
  readonly repeated: SystemName | undefined
  /** Where settings are swept: which of them make it a point of what. */
  readonly swept: Swept | undefined
  readonly model: Artifact<Kinds.Model>
  readonly tokenizer: Artifact<Kinds.Tokenizer>
  /** Of the candidates, too. */
  readonly tokens: Artifact<Kinds.Tokens>
  readonly log: Artifact<Kinds.TrainingLog>
  /** Of the training before, which others may have gone on from as well. */
  readonly earlier?: Artifact<Kinds.TrainingLog>
  /** Of its arithmetic when it reranks; where nothing is said, that of all. */
  readonly precision: PrecisionChoice | undefined
  /** What it is trained from, and how: to plan it before it is made. */
  readonly from: TrainedModel
  readonly asked: TrainConfig | TrainAdapterConfig
}

/** How a teacher ranks the train candidates; the label tells its nodes from those of other train candidates. */
export type Teach = (candidates: Artifact<Kinds.Candidates>, label: string) => Artifact<Kinds.Run>

/** Wires a model that is there, once for all collections; the seed is of a head that it lacks. */
export type ModelOf = (choice: ModelChoice, seed: number) => WiredModel

/** What is trained on a collection. */
export const trainedModels = (settings: Experiment, synthetic: boolean): ReadonlyArray<TrainedModel> =>
  settings.train.models ?? (synthetic ? smallModels : [])

/** The name in the table, but for what tells seeds and points of a sweep apart: model and loss. */
const trainedName = (model: string, loss: string): SystemName => SystemName.make(`${model}-${loss}`)

/** What a training starts from. */
interface Base {
  readonly name: string
  readonly tokenizer: Artifact<Kinds.Tokenizer>
  readonly fromNothing: boolean
  readonly model: (seed: number) => Artifact<Kinds.Model>
  /** Where adapters are trained, what they begin with: the model, and the adapter that was over it, or none. */
  readonly under: (seed: number) => {
    readonly model: Artifact<Kinds.Model>
    readonly start: ReadonlyArray<Artifact<Kinds.Adapter>>
  }
}

const baseOf = (
  model: TrainedModel,
  ground: TrainingGround,
  modelOf: ModelOf,
  firstSeed: number,
  truncation: Truncation | undefined,
): Base => {
  if (isScratch(model)) {
    const whole = truncation === undefined ? model : { truncation, ...model }
    const made = scratchOf(whole, ground, ground.label)
    return { ...made, fromNothing: true, under: (seed) => ({ model: made.model(seed), start: [] }) }
  }
  const { name, tokenizer } = modelOf(model, firstSeed)
  return {
    name,
    tokenizer,
    fromNothing: false,
    model: (seed) => modelOf(model, seed).model,
    under: (seed) => {
      const { adapted, model: whole } = modelOf(model, seed)
      return adapted === undefined ? { model: whole, start: [] } : { model: adapted.base, start: [adapted.adapter] }
    },
  }
}

/**
 * Threads of a training where nothing is said: one where the device is the CPU and the matrices are small. At every operation two
 * would wait for each other, so that two trainings of the usual small models, side by side with one each, take 0.7 × the time.
 */
const usualThreads = (model: TrainedModel, { device }: Hardware): number | undefined =>
  device === "cpu" && isScratch(model) && model.width <= 128 ? 1 : undefined

/** The share of elements that is dropped from models that are there, as T5 was trained with. */
const usualDropout = 0.1

/** Remembers what was made, so that what is equal is one node. */
const remembered = <A>(): ((key: unknown, make: () => A) => A) => {
  const made = new Map<string, A>()
  return (key, make) => {
    const name = JSON.stringify(key)
    const found = made.get(name) ?? make()
    made.set(name, found)
    return found
  }
}

/** What lists are sampled from. */
interface TrainGround {
  readonly candidates: Artifact<Kinds.Candidates>
  readonly teacher: ReadonlyArray<Artifact<Kinds.Run>>
  /** What tells it from that of other points: its part of nodes' names. */
  readonly labels: ReadonlyArray<string>
}

/** The train candidates of each point; points that ask for the same share them. */
const trainGrounds = (ground: TrainingGround, teach: Teach | undefined) => {
  const { label, leaveOutOwn, qrels, queries, search } = ground
  const queriesOf = remembered<Artifact<Kinds.Queries>>()
  const groundOf = remembered<TrainGround>()
  const labelled = (labels: ReadonlyArray<string>, first?: string): string =>
    [...(first === undefined ? [] : [first]), ...labels].join("-") + label
  return ({ differs, settings }: SweepPoint): TrainGround => {
    const { lists, seeds } = settings.train
    const labelsOf = (...read: ReadonlyArray<string>): ReadonlyArray<string> =>
      differs.flatMap((each) => (read.includes(each.setting) ? [each.label] : []))
    return groundOf([lists.queries, lists.depth, lists.from], () => {
      const most = lists.queries === undefined ? {} : { most: lists.queries }
      const chosen = queriesOf(lists.queries, () => {
        const asked = { seed: seeds[0], leaveOutOwn, ...most }
        return trainQueries(asked, { queries, qrels }, labelled(labelsOf("train.lists.queries"))).queries
      })
      const labels = labelsOf("train.lists.queries", "train.lists.depth", "train.lists.from")
      const run = search(
        settings,
        { splits: ["train"], depth: lists.depth, leaveOutOwn },
        chosen,
        labelled(labels, "train"),
      )
      const asked = { depth: lists.depth, leaveOutOwn }
      const { candidates } = trainCandidates(asked, { run, qrels, queries: chosen }, labelled(labels))
      const teacher = teach === undefined ? [] : [teach(candidates, labelled(labels))]
      return { candidates, teacher, labels }
    })
  }
}

/** The settings on which a training with a loss depends; those of other losses are not among them. */
const readsWith =
  (loss: string | undefined) =>
  (setting: string): boolean =>
    setting.startsWith("train.") &&
    (!setting.startsWith("train.loss.") || (loss !== undefined && setting.startsWith(`train.loss.${loss}.`)))

/** Wires every model, loss, point of a sweep and seed of the settings. */
export const wireTraining = (
  settings: Experiment,
  ground: TrainingGround,
  hardware: Hardware,
  modelOf: ModelOf,
  teach: Teach | undefined,
): ReadonlyArray<TrainedSystem> => {
  const { passages, queries, qrels, candidates: dev, leaveOutOwn, label } = ground
  const { lists, losses, seeds } = settings.train
  const { strict, truncation } = settings.rerank
  const { shards } = settings.tokenize
  const models = trainedModels(settings, ground.synthetic)
  const groundOf = trainGrounds(ground, teach)
  const random = lists.curriculum.some(({ sources }) => sources.some(({ kind }) => kind === "random"))
  return models.flatMap((model) => {
    const base = baseOf(model, ground, modelOf, seeds[0], truncation)
    const { fromNothing, model: withSeed, name, tokenizer, under } = base
    const threads = settings.train.threads ?? usualThreads(model, hardware)
    const starts = remembered<Artifact<Kinds.Model>>()
    const beneath = remembered<ReturnType<Base["under"]>>()
    const kept = remembered<Artifact<Kinds.FrozenWeights>>()
    const tokensOf = remembered<Artifact<Kinds.Tokens>>()
    const modelsBefore = remembered<ReturnType<typeof train>>()
    const adaptersBefore = remembered<ReturnType<typeof trainAdapter>>()
    const earlier = (begun: { readonly log: Artifact<Kinds.TrainingLog> } | undefined) =>
      begun === undefined ? {} : { earlier: begun.log }
    const sweeps = losses.map((loss, position) => {
      const lossName = typeof loss === "string" ? loss : loss.name
      const sweep = trainedName(name, lossName)
      const points = sweepPoints(settings, sweep, readsWith(typeof loss === "string" ? loss : undefined))
      return { points, position, sweep }
    })
    return seeds.flatMap((seed) =>
      sweeps.flatMap(({ points, position, sweep }) =>
        points.map((point): TrainedSystem => {
          const { checkpointEvery, dropout, recompute, steps, stepsPerRun, tokensPerMicroBatch, validate } =
            point.settings.train
          const { from: _from, queries: _queries, ...sampling } = point.settings.train.lists
          const { candidates, labels, teacher } = groundOf(point)
          const tokens = tokensOf(labels, () => {
            const texts = { tokenizer, passages, queries, candidates: [candidates, dev] }
            const node = ["train", [name, ...labels].join("-")].join(".")
            const asked = { passages: random ? ("all" as const) : ("candidates" as const), ...inParts(shards) }
            return tokenize(asked, texts, `${node}${label}`).tokens
          })
          const withoutSeed = pointName(sweep, point)
          const system = seeds.length > 1 ? pointName(sweep, point, `.${seed}`) : withoutSeed
          const { loss } = lossesOf(point.settings.train)[position]!
          const { before, embedding, loss: parameters, lora } = point.settings.train
          const given = {
            hardware,
            seed,
            ...(embedding.temperature === undefined && embedding.inBatch === 0 ? {} : { embedding }),
            lists: sampling,
            leaveOutOwn,
            dropout: dropout ?? (fromNothing ? 0 : usualDropout),
            validate,
            checkpointEvery,
            ...(tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch }),
            ...(recompute === undefined ? {} : { recompute }),
            ...(stepsPerRun === undefined ? {} : { stepsPerRun }),
            ...(threads === undefined ? {} : { threads }),
            ...(strict ? { strict } : {}),
          }
          const asked = { ...given, system, loss, steps, optimizer: optimizerOf(point.settings.train, fromNothing) }
          const first = (() => {
            if (before === undefined) return undefined
            const { learningRate, loss: kind, steps } = before
            const { optimizer } = point.settings.train
            const whole = { ...point.settings.train, steps }
            const own = learningRate === undefined ? whole : { ...whole, optimizer: { ...optimizer, learningRate } }
            // Points that differ in their own losses alone go on from one.
            const differs = point.differs.filter(({ setting }) => readsWith(kind)(setting))
            const called = pointName(`${name}-before`, { ...point, differs }, seeds.length > 1 ? `.${seed}` : "")
            return {
              ...given,
              system: called,
              loss: lossOf(kind, parameters[kind] ?? {}),
              steps,
              optimizer: optimizerOf(own, fromNothing),
            }
          })()
          const inputs = { tokenizer, tokens, queries, qrels, candidates, dev, teacher }
          const named = `${system}${label}`
          const adapted = (lora: LoraSettings) => {
            const { model, start } = beneath(seed, () => under(seed))
            const { base: storage } = lora
            const base =
              storage === "fp32"
                ? []
                : [
                    kept([seed, storage], () => {
                      const node = [name, ...(seeds.length > 1 ? [seed] : []), storage].join(".")
                      return freeze({ base: storage }, { model }, `${node}${label}`).weights
                    }),
                  ]
            const begun =
              first &&
              adaptersBefore(first, () =>
                trainAdapter({ ...first, lora }, { ...inputs, model, start, base }, `${first.system}${label}`),
              )
            const from = begun === undefined ? start : [begun.adapter]
            const { adapter, log } = trainAdapter({ ...asked, lora }, { ...inputs, model, start: from, base }, named)
            return { log, ...earlier(begun), ...merge({ name: system }, { model, adapter }, named) }
          }
          const whole = () => {
            const model = starts(seed, () => withSeed(seed))
            const begun =
              first && modelsBefore(first, () => train(first, { ...inputs, model }, `${first.system}${label}`))
            return { ...train(asked, { ...inputs, model: begun?.model ?? model }, named), ...earlier(begun) }
          }
          const trained = lora === undefined ? whole() : adapted(lora)
          return {
            name: system,
            repeated: seeds.length > 1 ? withoutSeed : undefined,
            swept:
              points.length > 1
                ? { system: sweep, values: point.values, usual: point.differs.length === 0 }
                : undefined,
            tokenizer,
            tokens,
            ...trained,
            precision: typeof model === "string" || isScratch(model) ? undefined : model.precision,
            from: model,
            asked: lora === undefined ? asked : { ...asked, lora },
          }
        }),
      ),
    )
  })
}
