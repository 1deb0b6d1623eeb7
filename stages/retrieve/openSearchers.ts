import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { readBatches } from "../../pipeline/index.ts"
import { type Answer, Kinds, passageText, type StoredStage } from "../../schemas/index.ts"
import { Bm25Searcher, queryAnalyzer } from "./Bm25.ts"
import { RetrieveBm25Config, RetrieveFieldsConfig, RetrieveTfIdfConfig, RetrieveWinkConfig } from "./contract.ts"
import { FieldsSearcher, weightedFields } from "./fields/FieldsSearcher.ts"
import { readIndex } from "./IndexFiles.ts"
import { CollectionTooLarge, IndexStorageError, SearchFailed } from "./RetrieveError.ts"
import { rankingOf } from "./runTable.ts"
import { TfIdfSearcher } from "./TfIdf.ts"
import { WinkBm25 } from "./WinkBm25.ts"

/** Answers one query as deep as the stage's run went. */
export type Searcher = (text: string) => Effect.Effect<Answer, SearchFailed>

const answering =
  (system: string, search: (text: string) => Answer): Searcher =>
  (text) =>
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

/**
 * Opens first stages of an earlier run for queries that are typed; an index that several search is read once. They answer as the
 * stages do, but that no passage counts as the query's own: what is typed has no qid.
 */
export const openSearchers = (stages: ReadonlyArray<StoredStage>) =>
  Effect.gen(function* () {
    const load = (path: string) =>
      Effect.try({
        try: () => readIndex(path, { shared: false }),
        catch: (cause) => new IndexStorageError({ path, during: "read", cause }),
      })
    const index = yield* Effect.cachedFunction(load)
    return yield* Effect.forEach(stages, (stored) =>
      Effect.gen(function* () {
        if (stored.stage === "retrieve.wink-bm25") return yield* openWink(stored)
        const answer = ({ docids, scores }: ReturnType<typeof rankingOf>): Answer =>
          docids.map((docid, at) => ({ docid, score: scores[at]! }))
        if (stored.stage === "retrieve.fields") {
          const config = yield* Schema.decodeUnknown(RetrieveFieldsConfig)(stored.config)
          const indexes = yield* Effect.forEach(stored.inputs["indexes"] ?? [], (path) => index(path))
          const searcher = new FieldsSearcher(weightedFields(indexes, config.fields), config)
          return answering(config.system ?? "bm25", (text) =>
            answer(rankingOf(searcher.docids, searcher.search(text, config.depth))),
          )
        }
        const read = yield* index(stored.inputs["index"]?.[0] ?? "")
        const analyze = queryAnalyzer(read)
        if (stored.stage === "retrieve.tfidf") {
          const config = yield* Schema.decodeUnknown(RetrieveTfIdfConfig)(stored.config)
          const searcher = new TfIdfSearcher(read, config)
          return answering(config.system ?? "tfidf", (text) =>
            answer(rankingOf(read.docids, searcher.search(analyze(text), config.depth))),
          )
        }
        const config = yield* Schema.decodeUnknown(RetrieveBm25Config)(stored.config)
        const searcher = new Bm25Searcher(read, config)
        return answering(config.system ?? "bm25", (text) =>
          answer(rankingOf(read.docids, searcher.search(analyze(text), config.depth))),
        )
      }),
    )
  })
