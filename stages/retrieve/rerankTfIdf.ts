import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, readRows, type StageRun } from "../../pipeline/index.ts"
import { queryAnalyzer } from "./Bm25.ts"
import type { RerankTfIdfConfig, rerankTfIdfInputs, runOutputs } from "./contract.ts"
import { docidAt } from "./Docids.ts"
import { loadIndex } from "./loadIndex.ts"
import { SearchFailed, UnknownCandidate } from "./RetrieveError.ts"
import { rankingOf, writeRun } from "./runTable.ts"
import { TfIdfSearcher } from "./TfIdf.ts"

const system = "tfidf-rerank"

export const run: StageRun<RerankTfIdfConfig, typeof rerankTfIdfInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const index = yield* loadIndex(inputs.index, { shared: false })
    // Only the candidates' docids become strings: the collection may have millions.
    const candidates = new Map<string, Array<string>>()
    yield* Stream.runForEach(readBatches(inputs.candidates, ["qid", "docid"]), ({ qid, docid }) =>
      Effect.sync(() => {
        for (let i = 0; i < qid.length; i++) {
          const list = candidates.get(qid[i]!)
          if (list === undefined) candidates.set(qid[i]!, [docid[i]!])
          else list.push(docid[i]!)
        }
      }),
    )
    const documents = new Map<string, number>()
    for (const docids of candidates.values()) for (const docid of docids) documents.set(docid, -1)
    for (let doc = 0; doc < index.lengths.length; doc++) {
      const docid = docidAt(index.docids, doc)
      if (documents.has(docid)) documents.set(docid, doc)
    }
    for (const [qid, docids] of candidates) {
      const docid = docids.find((each) => documents.get(each) === -1)
      if (docid !== undefined) return yield* new UnknownCandidate({ qid, docid })
    }
    const queries = (yield* readRows(inputs.queries)).filter(({ qid }) => candidates.has(qid))
    const analyze = queryAnalyzer(index)
    const searcher = new TfIdfSearcher(index, config)
    const { rows } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked: { depth: Number.POSITIVE_INFINITY, leaveOutOwn: false },
      progress,
      search: (batch, answered) =>
        Effect.try({
          try: () =>
            batch.map(({ qid, text }) => {
              const docs = Int32Array.from(candidates.get(qid) ?? [], (docid) => documents.get(docid) ?? -1)
              return rankingOf(index.docids, searcher.rank(analyze(text), docs))
            }),
          catch: (cause) => new SearchFailed({ system, answered, cause }),
        }),
    })
    return { rows: { run: rows }, facts: { queries: queries.length } }
  })
