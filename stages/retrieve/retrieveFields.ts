import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import type { fieldsInputs, RetrieveFieldsConfig, runOutputs } from "./contract.ts"
import { FieldsSearcher, weightedFields } from "./fields/FieldsSearcher.ts"
import { loadIndex } from "./loadIndex.ts"
import { oneByOne, queriesOf, rankingOf, searchDepth, writeRun } from "./runTable.ts"

/** BM25 over fields: the passages whose weighted sums over title and text are greatest. */
export const run: StageRun<RetrieveFieldsConfig, typeof fieldsInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  shard,
}) =>
  Effect.gen(function* () {
    const { fields, splits, depth, leaveOutOwn, shards: _, system = "bm25", ...parameters } = config
    const asked = { depth, leaveOutOwn }
    const k = searchDepth(asked)
    const queries = yield* queriesOf(inputs.queries, splits, shard)
    const indexes = yield* Effect.forEach(inputs.indexes, (index) => loadIndex(index, { shared: false }))
    const searcher = new FieldsSearcher(weightedFields(indexes, fields), parameters)
    const { leftOut, rows } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked,
      progress,
      search: oneByOne(system, ({ text }) => rankingOf(searcher.docids, searcher.search(text, k))),
    })
    return { rows: { run: rows }, facts: { queries: queries.length, leftOutOwn: leftOut } }
  })
