import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import { queryAnalyzer } from "./Bm25.ts"
import type { RetrieveTfIdfConfig, runOutputs, searchInputs } from "./contract.ts"
import { loadIndex } from "./loadIndex.ts"
import { oneByOne, queriesOf, rankingOf, searchDepth, writeRun } from "./runTable.ts"
import { TfIdfSearcher } from "./TfIdf.ts"

export const run: StageRun<RetrieveTfIdfConfig, typeof searchInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  shard,
}) =>
  Effect.gen(function* () {
    const { system = "tfidf" } = config
    const queries = yield* queriesOf(inputs.queries, config.splits, shard)
    const index = yield* loadIndex(inputs.index, { shared: false })
    const analyze = queryAnalyzer(index)
    const searcher = new TfIdfSearcher(index, config)
    const { rows, leftOut } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked: config,
      progress,
      search: oneByOne(system, ({ text }) =>
        rankingOf(index.docids, searcher.search(analyze(text), searchDepth(config))),
      ),
    })
    return { rows: { run: rows }, facts: { queries: queries.length, leftOutOwn: leftOut } }
  })
