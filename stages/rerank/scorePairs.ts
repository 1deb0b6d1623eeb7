import * as Effect from "effect/Effect"
import {
  chooseHardware,
  distinctInputs,
  layerOnnxRuntime,
  type OpenModel,
  openModel,
  openTokenizer,
  packBatches,
  pairInput,
  readCard,
  ScoresMisshaped,
  type SingleInput,
  singleInput,
  singleSequence,
  type TokenIds,
  type TokenSequence,
} from "../../neural/index.ts"
import type { DeviceChoice, ModelCard } from "../../schemas/index.ts"
import { PairNotScored } from "./RerankError.ts"

/** A query and a passage, as text. */
export interface TextPair {
  readonly query: string
  /** Title and text, where there is a title, joined by a space: so that stages read them. */
  readonly passage: string
}

/** What a model gives for pairs. */
export interface PairScores {
  /** One for each pair, in their order; the greater the better. */
  readonly scores: ReadonlyArray<number>
  /** How many pairs' passages were shortened to fit the model. */
  readonly truncated: number
  /** How many pairs' queries were. */
  readonly truncatedQueries: number
}

/** What is wrong with a pair, or with what the model gave for it. */
type ScoringError = PairNotScored | ScoresMisshaped | Effect.Effect.Error<ReturnType<OpenModel["scorer"]["score"]>>

/** A model that scores pairs of texts, all in memory. */
export interface PairScorer {
  readonly device: string
  readonly maximumTokens: number
  readonly score: (pairs: ReadonlyArray<TextPair>) => Effect.Effect<PairScores, ScoringError>
}

/** How a pair scorer runs its model. */
export interface PairScorerOptions {
  readonly device: DeviceChoice
  readonly threads?: number
  readonly tokensPerBatch?: number
}

/** Runs a model over texts, batch by batch, what is one input once; the rows of numbers in the order of the texts. */
const rowsOf = (
  name: string,
  { scorer, tokensPerBatch }: OpenModel,
  width: number,
  sequences: ReadonlyArray<TokenSequence>,
  failed: (text: number, value: number) => PairNotScored,
) =>
  Effect.gen(function* () {
    const { first, of } = distinctInputs(
      {
        count: sequences.length,
        length: (text) => sequences[text]!.ids.length,
        write: (text, ids, types) => {
          const sequence = sequences[text]!
          ids.set(sequence.ids)
          if (sequence.types !== undefined) types?.set(sequence.types)
          return sequence.ids.length
        },
      },
      scorer.wantsTypes,
    )
    const rows = new Float32Array(first.length * width)
    const { order, starts } = packBatches(
      first.map((text) => sequences[text]!.ids.length),
      tokensPerBatch,
    )
    yield* Effect.forEach(
      Array.from({ length: starts.length - 1 }, (_, batch) => order.subarray(starts[batch], starts[batch + 1])),
      (members) =>
        Effect.gen(function* () {
          const texts = Array.from(members, (input) => sequences[first[input]!]!)
          const values = yield* Effect.catchTag(scorer.score(texts), "ScoreNotFinite", ({ text, value }) =>
            Effect.fail(failed(first[members[text] ?? 0] ?? 0, value)),
          )
          if (values.length !== texts.length * width) {
            return yield* new ScoresMisshaped({ system: name, texts: texts.length, values: values.length })
          }
          members.forEach((input, at) => rows.set(values.subarray(at * width, (at + 1) * width), input * width))
        }),
      { concurrency: scorer.lanes, discard: true },
    )
    const all = new Float32Array(sequences.length * width)
    of.forEach((input, text) => all.set(rows.subarray(input * width, (input + 1) * width), text * width))
    return all
  })

/** Distinct texts, encoded once, and the place of each text among them. */
const distinctTexts = (texts: ReadonlyArray<string>, encode: (text: string) => TokenIds) => {
  const places = new Map<string, number>()
  const ids: Array<TokenIds> = []
  const of = texts.map((text) => {
    const known = places.get(text)
    if (known !== undefined) return known
    places.set(text, ids.length)
    return ids.push(encode(text)) - 1
  })
  return { ids, of }
}

/** A query has no qid here: its text stands for it, or its beginning. */
const shown = (text: string): string => `«${text.length > 60 ? `${text.slice(0, 60)}…` : text}»`

const crossScorer = (folder: string, card: ModelCard, model: OpenModel) =>
  Effect.gen(function* () {
    const { maximumTokens, texts, truncation } = card.input
    const { tokenizer } = yield* openTokenizer(folder)
    const { queryPrefix = "", template } =
      texts.kind === "pair" ? texts : ({ template: "pair", queryPrefix: "" } as const)
    const input = yield* pairInput(template, tokenizer, maximumTokens, queryPrefix, truncation)
    return (pairs: ReadonlyArray<TextPair>) =>
      Effect.gen(function* () {
        const queries = distinctTexts(
          pairs.map(({ query }) => query),
          input.query,
        )
        const passages = distinctTexts(
          pairs.map(({ passage }) => passage),
          input.passage,
        )
        let truncated = 0
        let truncatedQueries = 0
        const sequences: Array<TokenSequence> = []
        for (const at of pairs.keys()) {
          const [queryIds, passageIds] = [queries.ids[queries.of[at]!]!, passages.ids[passages.of[at]!]!]
          const [query, passage] = [queryIds.length, passageIds.length]
          if (input.passageKept(query, passage) < passage) truncated++
          if (input.queryKept(query, passage) < query) truncatedQueries++
          const ids = new Int32Array(input.length(query, passage))
          const types = model.scorer.wantsTypes ? new Int32Array(ids.length) : undefined
          input.write(queryIds, passageIds, ids, 0, types)
          sequences.push(types === undefined ? { ids } : { ids, types })
        }
        const scores = yield* rowsOf(card.name, model, 1, sequences, (pair, value) => {
          const { passage = "", query = "" } = pairs[pair] ?? {}
          return new PairNotScored({ system: card.name, qid: shown(query), docid: shown(passage), value })
        })
        return { scores: Array.from(scores), truncated, truncatedQueries } satisfies PairScores
      })
  })

const vectorScorer = (folder: string, card: ModelCard, model: OpenModel) =>
  Effect.gen(function* () {
    const { maximumTokens, texts, truncation } = card.input
    const { tokenizer } = yield* openTokenizer(folder)
    const [queryPrefix, passagePrefix] =
      texts.kind === "single" ? [texts.queryPrefix, texts.passagePrefix] : (["", ""] as const)
    const queryInput = yield* singleInput(tokenizer, maximumTokens, queryPrefix, truncation)
    const passageInput = yield* singleInput(tokenizer, maximumTokens, passagePrefix)
    const { width } = model.scorer
    return (pairs: ReadonlyArray<TextPair>) =>
      Effect.gen(function* () {
        const texts = (["query", "passage"] as const).map((side) => pairs.map((pair) => pair[side]))
        const [queryTexts = [], passageTexts = []] = texts
        const queries = distinctTexts(queryTexts, queryInput.text)
        const passages = distinctTexts(passageTexts, passageInput.text)
        const embed = (side: "qid" | "docid", input: SingleInput, of: typeof queries, names: ReadonlyArray<string>) =>
          rowsOf(
            card.name,
            model,
            width,
            of.ids.map((ids) => singleSequence(input, ids, model.scorer.wantsTypes)),
            (text, value) => {
              const name = shown(names[of.of.indexOf(text)] ?? "")
              return new PairNotScored({ system: card.name, [side]: name, value })
            },
          )
        const ofQueries = yield* embed("qid", queryInput, queries, queryTexts)
        const ofPassages = yield* embed("docid", passageInput, passages, passageTexts)
        const scores = pairs.map((_, pair) => {
          const [query, passage] = [queries.of[pair]! * width, passages.of[pair]! * width]
          let product = 0
          for (let i = 0; i < width; i++) product += ofQueries[query + i]! * ofPassages[passage + i]!
          // As stages keep it.
          return Math.fround(product)
        })
        const shortened = (input: SingleInput, { ids, of }: typeof queries): number =>
          of.filter((text) => input.truncates(ids[text]!.length)).length
        const truncated = shortened(passageInput, passages)
        return { scores, truncated, truncatedQueries: shortened(queryInput, queries) } satisfies PairScores
      })
  })

/** Opens the model of a folder of `Kinds.Model` with its tokenizer, to score pairs of texts in memory. */
export const openPairScorer = (folder: string, options: PairScorerOptions) =>
  Effect.gen(function* () {
    const card = yield* readCard(folder)
    const { device } = yield* chooseHardware(options.device)
    const { threads, tokensPerBatch } = options
    const model = yield* openModel(folder, card, { device, threads, tokensPerBatch })
    const score = yield* card.output === "embeddings"
      ? vectorScorer(folder, card, model)
      : crossScorer(folder, card, model)
    return { device: model.scorer.device, maximumTokens: card.input.maximumTokens, score } satisfies PairScorer
  }).pipe(Effect.provide(layerOnnxRuntime))
