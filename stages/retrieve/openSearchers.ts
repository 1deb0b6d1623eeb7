import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  type DeviceUnavailable,
  type InferenceFailed,
  layerOnnxRuntime,
  type ModelRejected,
  openVectorTable,
} from "../../neural/index.ts"
import { type DuckDb, type DuckDbError, readBatches } from "../../pipeline/index.ts"
import { type Answer, Kinds, passageText, type StoredStage } from "../../schemas/index.ts"
import { Bm25Searcher, queryAnalyzer } from "./Bm25.ts"
import {
  type ExpandConfig,
  RetrieveBm25Config,
  RetrieveDenseConfig,
  RetrieveFieldsConfig,
  RetrieveRm3Config,
  RetrieveRocchioConfig,
  RetrieveSparseConfig,
  RetrieveTfIdfConfig,
  RetrieveWinkConfig,
} from "./contract.ts"
import { type Expand, openExpanded } from "./feedback/expandedRun.ts"
import { rm3 } from "./feedback/rm3.ts"
import { rocchio } from "./feedback/rocchio.ts"
import { FieldsSearcher, weightedFields } from "./fields/FieldsSearcher.ts"
import type { InvertedIndex } from "./InvertedIndex.ts"
import { loadImpacts } from "./loadImpacts.ts"
import { loadIndex } from "./loadIndex.ts"
import { nearestRanking, openNearest } from "./nearest/nearestVectors.ts"
import { CollectionTooLarge, SearchFailed } from "./RetrieveError.ts"
import { type Ranking, rankingOf } from "./runTable.ts"
import { ImpactSearcher } from "./sparse/ImpactSearcher.ts"
import { wordsOf } from "./sparse/weightedTerms.ts"
import { TfIdfSearcher } from "./TfIdf.ts"
import { WinkBm25 } from "./WinkBm25.ts"

/** A first stage of an earlier run. */
export interface AskedStage<E, R> {
  readonly stored: StoredStage
  /** Makes a query a vector, as the model did that made the run's; where vectors are searched. */
  readonly encode?: ((query: string) => Effect.Effect<Float32Array, E, R>) | undefined
}

/** Answers one query. */
export type Searcher<E, R> = (
  query: string,
) => Effect.Effect<
  Answer,
  E | DuckDbError | SearchFailed | DeviceUnavailable | InferenceFailed | ModelRejected,
  R | DuckDb
>

const answerOf = ({ docids, scores }: Ranking): Answer => docids.map((docid, at) => ({ docid, score: scores[at]! }))

const answering = (system: string, search: (text: string) => Answer) => (text: string) =>
  Effect.try({ try: () => search(text), catch: (cause) => new SearchFailed({ system, answered: 0, cause }) })

const openWink = ({ config, inputs }: StoredStage) =>
  Effect.gen(function* () {
    const read = yield* Schema.decodeUnknown(RetrieveWinkConfig)(config)
    const { depth, splits: _, leaveOutOwn: __, system = "wink-bm25", ...parameters } = read
    const wink = new WinkBm25(parameters)
    const refused = (cause: unknown) => new CollectionTooLarge({ system, passages: wink.documents, cause })
    for (const path of inputs["passages"] ?? []) {
      const rows = readBatches({ kind: Kinds.Passages, path }, ["docid", "title", "text"])
      yield* Stream.runForEach(rows, ({ docid, title, text }) =>
        Effect.try({
          try: () => docid.forEach((name, row) => wink.add(name, passageText(title[row]!, text[row]!))),
          catch: refused,
        }),
      )
    }
    yield* Effect.try({ try: () => wink.finish(), catch: refused })
    return answering(system, (text) => wink.search(text, depth))
  })

const openSparse = ({ config, inputs }: StoredStage) =>
  Effect.gen(function* () {
    const { depth, system = "sparse" } = yield* Schema.decodeUnknown(RetrieveSparseConfig)(config)
    const index = yield* loadImpacts(inputs["index"]?.[0] ?? "")
    const searcher = new ImpactSearcher(index)
    return answering(system, (text) => {
      const { terms, weights } = wordsOf(text)
      return answerOf(rankingOf(index.docids, searcher.search(terms, weights, depth)))
    })
  })

const openDense = <E, R>({ encode, stored: { config, inputs } }: AskedStage<E, R>) =>
  Effect.gen(function* () {
    const {
      depth,
      system = "dense",
      threads = availableParallelism(),
    } = yield* Schema.decodeUnknown(RetrieveDenseConfig)(config)
    const passages = yield* openVectorTable(inputs["passageVectors"]?.[0] ?? "")
    const search = yield* openNearest(passages, threads)
    return (text: string) =>
      Effect.gen(function* () {
        if (encode === undefined) {
          const cause = new Error("nothing is there that makes a query a vector")
          return yield* new SearchFailed({ system, answered: 0, cause })
        }
        const queries = yield* encode(text)
        const { nearest } = yield* search({ queries, k: depth, seen: () => undefined })
        return nearest.flatMap((found) => answerOf(nearestRanking(passages, found)))
      }).pipe(Effect.provide(layerOnnxRuntime))
  })

/**
 * Opens first stages of an earlier run for queries that are typed; an index that several search is read once. They answer as deep as their
 * runs went, as the stages do, but that no passage counts as the query's own: what is typed has no qid.
 */
export const openSearchers = <E = never, R = never>(stages: ReadonlyArray<AskedStage<E, R>>) =>
  Effect.gen(function* () {
    const index = yield* Effect.cachedFunction((path: string) => loadIndex({ path }, { shared: false }))
    const openExpansion = (
      index: InvertedIndex,
      asked: ExpandConfig,
      passages: ReadonlyArray<string> | undefined,
      expand: Expand,
    ) => {
      const table = { kind: Kinds.Passages, path: passages?.[0] ?? "" }
      const expanded = openExpanded(
        { index, passages: table, asked: { ...asked, leaveOutOwn: false }, read: () => undefined },
        expand,
      )
      return (text: string) =>
        Effect.map(expanded([{ qid: "", text }]), ({ search }) => answerOf(search({ qid: "", text })))
    }
    const opened: ReadonlyArray<Searcher<E, R>> = yield* Effect.forEach(stages, (asked) =>
      Effect.gen(function* () {
        const { stored } = asked
        const { config, inputs, stage } = stored
        if (stage === "retrieve.wink-bm25") return yield* openWink(stored)
        if (stage === "retrieve.sparse") return yield* openSparse(stored)
        if (stage === "retrieve.dense") return yield* openDense(asked)
        if (stage === "retrieve.fields") {
          const {
            depth,
            fields,
            system = "bm25",
            ...parameters
          } = yield* Schema.decodeUnknown(RetrieveFieldsConfig)(config)
          const indexes = yield* Effect.forEach(inputs["indexes"] ?? [], (path) => index(path))
          const searcher = new FieldsSearcher(weightedFields(indexes, fields), parameters)
          return answering(system, (text) => answerOf(rankingOf(searcher.docids, searcher.search(text, depth))))
        }
        const read = yield* index(inputs["index"]?.[0] ?? "")
        if (stage === "retrieve.rm3") {
          const config = yield* Schema.decodeUnknown(RetrieveRm3Config)(stored.config)
          return openExpansion(read, config, inputs["passages"], rm3(config.rm3))
        }
        if (stage === "retrieve.rocchio") {
          const config = yield* Schema.decodeUnknown(RetrieveRocchioConfig)(stored.config)
          return openExpansion(read, config, inputs["passages"], rocchio(config.rocchio))
        }
        const analyze = queryAnalyzer(read)
        if (stage === "retrieve.tfidf") {
          const { depth, system = "tfidf", ...parameters } = yield* Schema.decodeUnknown(RetrieveTfIdfConfig)(config)
          const searcher = new TfIdfSearcher(read, parameters)
          return answering(system, (text) => answerOf(rankingOf(read.docids, searcher.search(analyze(text), depth))))
        }
        const { depth, system = "bm25", ...parameters } = yield* Schema.decodeUnknown(RetrieveBm25Config)(config)
        const searcher = new Bm25Searcher(read, parameters)
        return answering(system, (text) => answerOf(rankingOf(read.docids, searcher.search(analyze(text), depth))))
      }),
    )
    return opened
  })
