/**
 * How models come to be trained on a collection: the part of the experiment's wiring that is there where something is trained.
 *
 * ```text
 *  queries ─┬─ train.queries ── retrieve.bm25 ── train.candidates ─┬─ tokenize ──┐
 *  qrels ───┘                                        │             │             ├─ train ── model, log
 *                    rerank (the teacher) ───────────┘   model ────┴─────────────┘
 * ```
 */
import { lossesOf } from "./neural/losses/index.ts"
import type { Artifact } from "./pipeline/index.ts"
import {
  type Hardware,
  isScratch,
  type Kinds,
  type ModelChoice,
  optimizerOf,
  SystemName,
  smallModels,
  type TrainedModel,
  type Truncation,
} from "./schemas/index.ts"
import type { Experiment } from "./settings.ts"
import { trainCandidates, trainQueries } from "./stages/candidates/index.ts"
import { scratchOf, type WiredModel } from "./stages/model/index.ts"
import { retrieve } from "./stages/retrieve/index.ts"
import { tokenize } from "./stages/tokenize/index.ts"
import { train } from "./stages/train/index.ts"

/** What a training is wired to. */
export interface TrainingGround {
  readonly passages: Artifact<Kinds.Passages>
  readonly queries: Artifact<Kinds.Queries>
  readonly qrels: Artifact<Kinds.Qrels>
  readonly index: Artifact<Kinds.Bm25Index>
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
  readonly model: Artifact<Kinds.Model>
  readonly tokenizer: Artifact<Kinds.Tokenizer>
  /** Of the candidates, too. */
  readonly tokens: Artifact<Kinds.Tokens>
  readonly log: Artifact<Kinds.TrainingLog>
}

/** How a teacher ranks the train candidates. */
export type Teach = (candidates: Artifact<Kinds.Candidates>) => Artifact<Kinds.Run>

/** Wires a model that is there, once for all collections; the seed is of a head that it lacks. */
export type ModelOf = (choice: ModelChoice, seed: number) => WiredModel

/** What is trained on a collection. */
export const trainedModels = (settings: Experiment, synthetic: boolean): ReadonlyArray<TrainedModel> =>
  settings.train.models ?? (synthetic ? smallModels : [])

/** The name in the table: model and loss, and the seed where there are several. */
export const trainedName = (model: string, loss: string, seed: number, seeds: ReadonlyArray<number>): SystemName =>
  SystemName.make(`${model}-${loss}${seeds.length > 1 ? `.${seed}` : ""}`)

/** What a training starts from. */
interface Base {
  readonly name: string
  readonly tokenizer: Artifact<Kinds.Tokenizer>
  readonly fromNothing: boolean
  readonly model: (seed: number) => Artifact<Kinds.Model>
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
    return { ...scratchOf(whole, ground, ground.label), fromNothing: true }
  }
  const { name, tokenizer } = modelOf(model, firstSeed)
  return { name, tokenizer, fromNothing: false, model: (seed) => modelOf(model, seed).model }
}

/**
 * Threads of a training where nothing is said: one where the device is the CPU and the matrices are small. At every operation two
 * would wait for each other, so that two trainings of the usual small models, side by side with one each, take 0.7 × the time.
 */
const usualThreads = (model: TrainedModel, { device }: Hardware): number | undefined =>
  device === "cpu" && isScratch(model) && model.width <= 128 ? 1 : undefined

/** The share of elements that is dropped from models that are there, as T5 was trained with. */
const usualDropout = 0.1

/** Wires every model, loss and seed of the settings. */
export const wireTraining = (
  settings: Experiment,
  ground: TrainingGround,
  hardware: Hardware,
  modelOf: ModelOf,
  teach: Teach | undefined,
): ReadonlyArray<TrainedSystem> => {
  const { passages, queries, qrels, candidates: dev, index, leaveOutOwn, label } = ground
  const { lists, seeds, steps, validate, checkpointEvery, tokensPerMicroBatch } = settings.train
  const { strict, truncation } = settings.rerank
  const models = trainedModels(settings, ground.synthetic)
  if (models.length === 0) return []

  const { queries: most, ...sampling } = lists
  const chosen = trainQueries(
    { seed: seeds[0], leaveOutOwn, ...(most === undefined ? {} : { most }) },
    { queries, qrels },
    label,
  ).queries
  const { run } = retrieve(
    { ...settings.retrieve.bm25, splits: ["train"], depth: lists.depth, leaveOutOwn },
    { index, queries: chosen },
    `train${label}`,
  )
  const { candidates } = trainCandidates({ depth: lists.depth, leaveOutOwn }, { run, qrels, queries: chosen }, label)
  const teacher = teach === undefined ? [] : [teach(candidates)]
  const random = lists.curriculum.some(({ sources }) => sources.some(({ kind }) => kind === "random"))

  return models.flatMap((model) => {
    const { fromNothing, model: withSeed, name, tokenizer } = baseOf(model, ground, modelOf, seeds[0], truncation)
    const texts = { tokenizer, passages, queries, candidates: [candidates, dev] }
    const threads = settings.train.threads ?? usualThreads(model, hardware)
    const { tokens } = tokenize({ passages: random ? "all" : "candidates" }, texts, `train.${name}${label}`)
    return seeds.flatMap((seed) => {
      const start = withSeed(seed)
      return lossesOf(settings.train).map(({ loss, name: lossName }): TrainedSystem => {
        const system = trainedName(name, lossName, seed, seeds)
        const trained = train(
          {
            system,
            hardware,
            seed,
            loss,
            steps,
            lists: sampling,
            leaveOutOwn,
            dropout: settings.train.dropout ?? (fromNothing ? 0 : usualDropout),
            optimizer: optimizerOf(settings.train, fromNothing),
            validate,
            checkpointEvery,
            ...(tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch }),
            ...(threads === undefined ? {} : { threads }),
            ...(strict ? { strict } : {}),
          },
          { model: start, tokenizer, tokens, queries, qrels, candidates, dev, teacher },
          `${system}${label}`,
        )
        const repeated = seeds.length > 1 ? trainedName(name, lossName, seed, []) : undefined
        return { name: system, repeated, tokenizer, tokens, ...trained }
      })
    })
  })
}
