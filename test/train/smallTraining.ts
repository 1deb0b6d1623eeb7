/** A small world to train in: tables, tokens and a model from nothing, made by the stages that make them. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { layerDuckDb, type StoredArtifact } from "../../pipeline/index.ts"
import {
  type Hardware,
  Kinds,
  optimizerOf,
  Random,
  ScratchSettings,
  SystemName,
  TrainSettings,
} from "../../schemas/index.ts"
import { makeModel } from "../../stages/model/makeModel.ts"
import { run as makeScratch } from "../../stages/model/makeScratch.ts"
import { sourceFolder } from "../../stages/model/sourceFolder.ts"
import { run as trainTokenizer } from "../../stages/model/trainTokenizer.ts"
import { run as tokenize } from "../../stages/tokenize/tokenize.ts"
import type { TrainConfig } from "../../stages/train/index.ts"
import { run as train } from "../../stages/train/train.ts"
import { smallModel } from "../support/smallModels.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

const hardware: Hardware = { device: "cpu", name: "" }

export const silent = () => ({ scratch: temporaryFolder("scratch"), progress: () => undefined, warn: () => undefined })

const things = ["tower", "market", "garden", "harbour", "museum", "bridge"] as const
const qualities = ["old", "quiet", "bright", "narrow", "famous"] as const

/** A passage for each thing and quality; the one that a query of a thing and a quality asks for. */
const passages = things.flatMap((thing) =>
  qualities.map((quality) => ({
    docid: `${thing}-${quality}`,
    title: null,
    text: `the ${thing} of the town is ${quality} and many people come to see the ${quality} ${thing}`,
  })),
)

const queries = passages.map(({ docid }, i) => {
  const [thing = "", quality = ""] = docid.split("-")
  return {
    qid: `q${String(i).padStart(2, "0")}`,
    text: `which ${thing} is ${quality}`,
    kind: i % 3 === 0 ? "browse" : "question",
    split: i % 5 === 4 ? "dev" : "train",
  }
})

const qrels = queries.flatMap(({ kind, qid }, i) => [
  { qid, docid: passages[i]!.docid, grade: kind === "browse" ? 3 : 1 },
  ...(kind === "browse"
    ? passages.flatMap(({ docid }, j) =>
        j !== i && docid.split("-")[0] === passages[i]!.docid.split("-")[0] ? [{ qid, docid, grade: 1 }] : [],
      )
    : []),
])

/** The candidates of the queries of a split: all passages, in an order that knows nothing. */
const candidatesOf = (split: string, grade: (qid: string, docid: string) => number | null) =>
  queries.flatMap(({ qid, split: own }, q) => {
    if (own !== split) return []
    const order = Int32Array.from(passages, (_, i) => i)
    new Random(q).shuffle(order)
    return Array.from(order, (i, rank) => ({
      qid,
      docid: passages[i]!.docid,
      rank: rank + 1,
      score: 30 - rank,
      grade: grade(qid, passages[i]!.docid),
    }))
  })

const gradeOf = (qid: string, docid: string): number | null =>
  qrels.find((qrel) => qrel.qid === qid && qrel.docid === docid)?.grade ?? null

export interface SmallWorld {
  readonly model: StoredArtifact<Kinds.Model>
  readonly tokenizer: StoredArtifact<Kinds.Tokenizer>
  readonly tokens: StoredArtifact<Kinds.Tokens>
  readonly queries: StoredArtifact<Kinds.Queries>
  readonly qrels: StoredArtifact<Kinds.Qrels>
  readonly candidates: StoredArtifact<Kinds.Candidates>
  readonly dev: StoredArtifact<Kinds.Candidates>
  readonly teacher: ReadonlyArray<StoredArtifact<Kinds.Run>>
}

/** The world of a model and its tokenizer, which a function makes in their folders. */
const worldOf = <E, R>(
  grade: typeof gradeOf,
  make: (
    tables: {
      readonly passages: StoredArtifact<Kinds.Passages>
      readonly queries: StoredArtifact<Kinds.Queries>
      readonly qrels: StoredArtifact<Kinds.Qrels>
    },
    folder: { readonly tokenizer: string; readonly model: string },
  ) => Effect.Effect<unknown, E, R>,
) =>
  Effect.gen(function* () {
    const tables = {
      passages: yield* storedTable(Kinds.Passages, passages),
      queries: yield* storedTable(Kinds.Queries, queries),
      qrels: yield* storedTable(Kinds.Qrels, qrels),
    }
    const candidates = yield* storedTable(Kinds.Candidates, candidatesOf("train", grade))
    const dev = yield* storedTable(Kinds.Candidates, candidatesOf("dev", gradeOf))
    const folder = {
      tokenizer: temporaryFolder("tokenizer"),
      model: temporaryFolder("model"),
      tokens: temporaryFolder("tokens"),
    }
    yield* make(tables, folder)
    const tokenizer = storedFolder(Kinds.Tokenizer, folder.tokenizer)
    yield* tokenize({
      config: { passages: "candidates" },
      inputs: { ...tables, tokenizer, candidates: [candidates, dev] },
      outputs: { tokens: folder.tokens },
      ...silent(),
    })
    return {
      model: storedFolder(Kinds.Model, folder.model),
      tokenizer,
      tokens: storedFolder(Kinds.Tokens, folder.tokens),
      queries: tables.queries,
      qrels: tables.qrels,
      candidates,
      dev,
      teacher: [],
    } satisfies SmallWorld
  })

/** Makes a world of a test's own, which it may change. */
export const freshWorld = (scratch: "t5" | "t5gemma" = "t5", grade = gradeOf) =>
  worldOf(grade, (tables, folder) =>
    Effect.gen(function* () {
      yield* trainTokenizer({
        config: { vocabulary: 120, maximumTokens: 64 },
        inputs: tables,
        outputs: { tokenizer: folder.tokenizer },
        ...silent(),
      })
      const settings = Schema.decodeSync(ScratchSettings)({
        ...{ scratch, width: 32, heads: 2, headSize: 16, innerWidth: 64 },
      })
      const { maximumTokens: _, vocabulary: __, ...shape } = settings
      yield* makeScratch({
        config: { ...shape, name: SystemName.make(scratch), seed: 1 },
        inputs: { tokenizer: storedFolder(Kinds.Tokenizer, folder.tokenizer) },
        outputs: { model: folder.model },
        ...silent(),
      })
    }),
  )

/** A world whose model is a small BERT that gives vectors, with prompts before queries and passages. */
export const vectorWorld = () =>
  worldOf(gradeOf, (_, folder) => {
    const config = {
      ...{ name: SystemName.make("bert"), head: "embedding" as const, maximumTokens: 48 },
      ...{ queryPrefix: "bread ", passagePrefix: "roses " },
    }
    return Effect.gen(function* () {
      const source = yield* sourceFolder(smallModel("bert"), "main", () => {})
      yield* makeModel(source, config, folder, () => {})
    })
  })

const worlds = new Map<string, Promise<SmallWorld>>()

/** The world, made by the first test of a file that asks: trainings read it and change nothing. */
export const smallWorld = (scratch: "t5" | "t5gemma" = "t5"): Effect.Effect<SmallWorld> =>
  Effect.promise(() => {
    const made = worlds.get(scratch) ?? Effect.runPromise(Effect.provide(freshWorld(scratch), layerDuckDb()))
    worlds.set(scratch, made)
    return made
  })

const settings = Schema.decodeSync(TrainSettings)({
  steps: 12,
  lists: { size: 6, perStep: 4, depth: 30 },
  validate: { every: 6, queries: 6, depth: 30 },
  checkpointEvery: 4,
})
const { queries: _, ...lists } = settings.lists

/** What the small world is trained with, where a test says nothing else. */
export const smallConfig: TrainConfig = {
  system: SystemName.make("t5-softmax"),
  hardware,
  seed: 1,
  loss: { kind: "softmax" },
  steps: settings.steps,
  lists,
  leaveOutOwn: false,
  dropout: 0,
  optimizer: optimizerOf(settings, true),
  validate: settings.validate,
  checkpointEvery: settings.checkpointEvery,
  threads: 1,
}

/** Trains in it; gives the folders of model and log, and what was told. */
export const smallTraining = (
  inputs: SmallWorld,
  config: TrainConfig = smallConfig,
  scratch = temporaryFolder("scratch"),
) =>
  Effect.gen(function* () {
    const outputs = { model: temporaryFolder("trained"), log: temporaryFolder("log") }
    const warnings: Array<string> = []
    const progress: Array<string> = []
    const result = yield* train({
      config,
      inputs,
      outputs,
      scratch,
      progress: ({ detail }) => progress.push(detail ?? ""),
      warn: (message) => warnings.push(message),
    })
    return { result, outputs, warnings, progress }
  })

/** Trains in it until a step is done, and interrupts that; gives the folder of what it has kept to go on from. */
export const interruptedTraining = (inputs: SmallWorld, config: TrainConfig, at: number) =>
  Effect.gen(function* () {
    const scratch = temporaryFolder("scratch")
    const fiber = yield* Effect.fork(
      train({
        config,
        inputs,
        outputs: { model: temporaryFolder("lost"), log: temporaryFolder("lost") },
        ...silent(),
        scratch,
        progress: ({ done }) => {
          if (done === at) Effect.runFork(Fiber.interrupt(fiber))
        },
      }),
    )
    yield* Fiber.await(fiber)
    return scratch
  })
