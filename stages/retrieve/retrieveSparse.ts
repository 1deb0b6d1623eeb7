import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { StageRun } from "../../pipeline/index.ts"
import type { RetrieveSparseConfig, runOutputs, sparseInputs } from "./contract.ts"
import { loadImpacts } from "./loadImpacts.ts"
import { readingWeights, WeightsUnusable } from "./RetrieveError.ts"
import { oneByOne, queriesOf, rankingOf, searchDepth, writeRun } from "./runTable.ts"
import { ImpactSearcher } from "./sparse/ImpactSearcher.ts"
import { type TermWeights, weightedTerms, wordsOf } from "./sparse/weightedTerms.ts"

/** The passages whose learned weights have the greatest products with the query's. */
export const run: StageRun<RetrieveSparseConfig, typeof sparseInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  shard,
}) =>
  Effect.gen(function* () {
    const { file, splits, system = "sparse" } = config
    const queries = yield* queriesOf(inputs.queries, splits, shard)
    const vectors = new Map<string, TermWeights>()
    const folder = inputs.files[0]?.path
    if (file !== undefined && folder !== undefined) {
      const wanted = new Set(queries.map(({ qid }) => qid))
      const read = Stream.fromAsyncIterable(weightedTerms(join(folder, file), file, config, true), readingWeights(file))
      yield* Stream.runForEach(read, (batch) =>
        Effect.gen(function* () {
          for (const { id, line, terms, weights } of batch) {
            if (vectors.has(id)) {
              const problem = `query ${id} comes a second time`
              return yield* new WeightsUnusable({ file, line, problem, remedy: "Give each query one line." })
            }
            if (wanted.has(id)) vectors.set(id, { terms, weights })
          }
        }),
      )
      const missing = queries.filter(({ qid }) => !vectors.has(qid))
      const [example] = missing
      if (example !== undefined) {
        return yield* new WeightsUnusable({
          file,
          line: 0,
          problem: `${missing.length} of the ${queries.length} queries of ${splits.join(" and ")} have no vector (${example.qid})`,
          remedy: `Add them, or set retrieve.splits to the splits that the file is of.`,
        })
      }
    }
    const index = yield* loadImpacts(inputs.index.path)
    const searcher = new ImpactSearcher(index)
    const depth = searchDepth(config)
    const { leftOut, rows } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked: config,
      progress,
      search: oneByOne(system, ({ qid, text }) => {
        const { terms, weights } = vectors.get(qid) ?? wordsOf(text)
        return rankingOf(index.docids, searcher.search(terms, weights, depth))
      }),
    })
    return { rows: { run: rows }, facts: { queries: queries.length, leftOutOwn: leftOut } }
  })
