import { join } from "node:path"
import * as Effect from "effect/Effect"
import { trecRanking } from "../../measures/index.ts"
import {
  layerOnnxRuntime,
  type OpenModel,
  openModel,
  openTokenizer,
  type PairInput,
  pairInput,
  readCard,
  readTokenTable,
  type ScoredTexts,
  type SingleInput,
  scoresByText,
  scoreTexts,
  singleInput,
  singleTexts,
  type TokenTable,
} from "../../neural/index.ts"
import { type StageContext, type TableWriter, tableWriter } from "../../pipeline/index.ts"
import { Kinds, type ModelCard } from "../../schemas/index.ts"
import type { RerankConfig, rerankInputs, rerankOutputs } from "./contract.ts"
import { type Pairs, readPairs } from "./Pairs.ts"
import { products } from "./products.ts"
import { PairNotScored, PrecisionUnavailable, QueryWithoutRoom } from "./RerankError.ts"
import { tellShortened } from "./tellShortened.ts"

type Context = StageContext<RerankConfig, typeof rerankInputs, typeof rerankOutputs>

interface Tokens {
  readonly queries: TokenTable
  readonly passages: TokenTable
}

/** Scores of the pairs, in their order, and how many passages were shortened to fit. */
interface ScoredPairs {
  readonly scores: Float32Array
  readonly truncated: number
  /** How many queries were shortened, with some passage at least. */
  readonly truncatedQueries: number
  /** The queries that leave no room for a passage, places in `Pairs.qids`. */
  readonly withoutRoom: ReadonlyArray<number>
  /** Tokens that the model was run on, without and with padding. */
  readonly tokens: number
  readonly padded: number
  /** The share of the texts that an earlier run, which was killed, had scored. */
  readonly shareBefore: number
}

/** That share of texts that were scored in some parts. */
const shareBefore = (...parts: readonly ScoredTexts[]): number => {
  const all = parts.reduce((sum, { batches }) => sum + batches.order.length, 0)
  return all === 0 ? 0 : parts.reduce((sum, { scoredBefore }) => sum + scoredBefore, 0) / all
}

/** Refuses a precision that the device does not have. */
const precisionOf = ({ hardware: { device }, precision, system }: RerankConfig) =>
  precision === "fp32" || device === "cpu" ? Effect.void : new PrecisionUnavailable({ system, precision, device })

/** The queries that leave no room for a passage; where that is an error, the first of them. */
const queriesWithoutRoom = (
  { strict = false, system }: RerankConfig,
  pairs: Pairs,
  queries: TokenTable,
  { around, hasRoom, limit }: PairInput,
): Effect.Effect<ReadonlyArray<number>, QueryWithoutRoom> => {
  const found = [...pairs.queryTexts.keys()].filter((query) => !hasRoom(queries.length(pairs.queryTexts[query]!)))
  const [query] = found
  if (query === undefined || !strict) return Effect.succeed(found)
  const tokens = queries.length(pairs.queryTexts[query]!)
  return new QueryWithoutRoom({ system, qid: pairs.qids[query] ?? "", tokens, around, limit })
}

/** Query and passage read together. */
const crossScores = (context: Context, card: ModelCard, model: OpenModel, tokens: Tokens, pairs: Pairs) =>
  Effect.gen(function* () {
    const { config, inputs, progress, scratch } = context
    const { maximumTokens, texts, truncation } = card.input
    const { tokenizer } = yield* openTokenizer(inputs.tokenizer.path)
    const template = texts.kind === "pair" ? texts.template : "pair"
    const input = yield* pairInput(template, tokenizer, maximumTokens, "", truncation)
    const withoutRoom = yield* queriesWithoutRoom(config, pairs, tokens.queries, input)
    const queryOf = (pair: number): number => pairs.queryTexts[pairs.queryOf[pair]!]!
    let truncated = 0
    const shortenedQueries = new Set<number>()
    for (let pair = 0; pair < pairs.count; pair++) {
      const passage = tokens.passages.length(pairs.passages[pair]!)
      const query = tokens.queries.length(queryOf(pair))
      if (input.passageKept(query, passage) < passage) truncated++
      if (input.queryKept(query, passage) < query) shortenedQueries.add(pairs.queryOf[pair]!)
    }
    const scored = yield* scoreTexts({
      system: config.system,
      ...model,
      width: 1,
      path: join(scratch, "scores.f32"),
      progress,
      texts: {
        count: pairs.count,
        unit: "pairs",
        length: (pair) =>
          input.length(tokens.queries.length(queryOf(pair)), tokens.passages.length(pairs.passages[pair]!)),
        write: (pair, ids, types) =>
          input.write(tokens.queries.ids(queryOf(pair)), tokens.passages.ids(pairs.passages[pair]!), ids, 0, types),
      },
      failed: (pair, { value }) =>
        new PairNotScored({
          system: config.system,
          qid: pairs.qids[pairs.queryOf[pair]!]!,
          docid: tokens.passages.nameOf(pairs.passages[pair]!),
          value,
        }),
    })
    const scores = yield* scoresByText(scored)
    return {
      scores,
      truncated,
      truncatedQueries: shortenedQueries.size,
      withoutRoom,
      tokens: scored.batches.tokens,
      padded: scored.batches.padded,
      shareBefore: shareBefore(scored),
    } satisfies ScoredPairs
  })

/** The distinct numbers of a list, ascending. */
const distinct = (values: Uint32Array): Uint32Array => Uint32Array.from(new Set(values)).sort()

/** Vectors of texts, each encoded once. */
const embed = (
  context: Context,
  model: OpenModel,
  table: TokenTable,
  kind: "queries" | "passages",
  chosen: Uint32Array,
  input: SingleInput,
  width: number,
) =>
  scoreTexts({
    system: context.config.system,
    ...model,
    width,
    path: join(context.scratch, `${kind}.f32`),
    progress: context.progress,
    texts: singleTexts(table, kind, chosen, input),
    failed: (at, { value }) =>
      new PairNotScored({
        system: context.config.system,
        [kind === "queries" ? "qid" : "docid"]: table.nameOf(chosen[at]!),
        value,
      }),
  })

/** Query and passage each on its own: the product of their vectors. */
const vectorScores = (context: Context, card: ModelCard, model: OpenModel, tokens: Tokens, pairs: Pairs) =>
  Effect.gen(function* () {
    const { inputs } = context
    const { maximumTokens, texts, truncation } = card.input
    const { tokenizer } = yield* openTokenizer(inputs.tokenizer.path)
    const [queryPrefix, passagePrefix] =
      texts.kind === "single" ? [texts.queryPrefix, texts.passagePrefix] : (["", ""] as const)
    const queryInput = yield* singleInput(tokenizer, maximumTokens, queryPrefix, truncation)
    const passageInput = yield* singleInput(tokenizer, maximumTokens, passagePrefix)
    const { width } = model.scorer
    const passages = distinct(pairs.passages)
    const queries = distinct(pairs.queryTexts)
    const embeddedQueries = yield* embed(context, model, tokens.queries, "queries", queries, queryInput, width)
    const embeddedPassages = yield* embed(context, model, tokens.passages, "passages", passages, passageInput, width)
    const scores = yield* products(pairs, { queries, passages }, embeddedQueries, embeddedPassages)
    let truncated = 0
    let truncatedQueries = 0
    for (const text of queries) if (queryInput.truncates(tokens.queries.length(text))) truncatedQueries++
    for (const text of passages) if (passageInput.truncates(tokens.passages.length(text))) truncated++
    return {
      scores,
      truncated,
      truncatedQueries,
      withoutRoom: [],
      tokens: embeddedQueries.batches.tokens + embeddedPassages.batches.tokens,
      padded: embeddedQueries.batches.padded + embeddedPassages.batches.padded,
      shareBefore: shareBefore(embeddedQueries, embeddedPassages),
    } satisfies ScoredPairs
  })

/** Writes each query's pairs in trec_eval's order. */
const writeRankings = (
  writer: TableWriter<Kinds.Run>,
  system: string,
  pairs: Pairs,
  scores: Float32Array,
  docidOf: (pair: number) => string,
) =>
  Effect.gen(function* () {
    for (const [query, qid] of pairs.qids.entries()) {
      const from = pairs.starts[query]!
      const ranked = trecRanking(
        pairs.starts[query + 1]! - from,
        (place) => scores[from + place]!,
        (place) => docidOf(from + place),
      ).map((place) => from + place)
      yield* writer.writeColumns({
        system: ranked.map(() => system),
        qid: ranked.map(() => qid),
        docid: ranked.map(docidOf),
        rank: ranked.map((_, i) => i + 1),
        score: ranked.map((pair) => scores[pair]!),
      })
    }
    return yield* writer.finish
  })

/** Scores the candidates with a model and ranks each query's by score. */
export const run = (context: Context) =>
  Effect.gen(function* () {
    const { config, inputs, outputs } = context
    const card = yield* readCard(inputs.model.path)
    const tokens: Tokens = {
      queries: yield* readTokenTable(inputs.tokens.path, "queries"),
      passages: yield* readTokenTable(inputs.tokens.path, "passages"),
    }
    yield* precisionOf(config)
    const pairs = yield* readPairs(inputs.candidates, tokens, { first: config.first, shard: context.shard })
    const { threads, tokensPerBatch } = config
    const model = yield* openModel(inputs.model.path, card, {
      device: config.hardware.device,
      threads,
      tokensPerBatch,
      ...(context.cores === undefined ? {} : { cores: context.cores }),
    })
    const scored = yield* card.output === "embeddings"
      ? vectorScores(context, card, model, tokens, pairs)
      : crossScores(context, card, model, tokens, pairs)
    const counted = {
      pairs: pairs.count,
      queries: pairs.qids.length,
      truncated: scored.truncated,
      truncatedQueries: scored.truncatedQueries,
      queriesWithoutRoom: scored.withoutRoom.length,
    }
    // Of a part it is said with the others', once.
    if (context.shard === undefined) {
      tellShortened(context.warn, { ...counted, crowding: pairs.qids[scored.withoutRoom[0] ?? -1] }, card)
    }
    const writer = yield* tableWriter(Kinds.Run, outputs.run)
    const docidOf = (pair: number): string => tokens.passages.nameOf(pairs.passages[pair]!)
    const rows = yield* writeRankings(writer, config.system, pairs, scored.scores, docidOf)
    return {
      rows: { run: rows },
      facts: {
        ...counted,
        tokens: scored.tokens,
        paddedTokens: scored.padded,
        // Said where it happened: a run that was never killed has the facts of every other.
        ...(scored.shareBefore > 0 ? { shareBefore: scored.shareBefore } : {}),
        device: model.scorer.device,
        deviceName: model.scorer.deviceName,
        precision: config.precision,
      },
    }
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))
