import { existsSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import { Bm25Searcher, queryAnalyzer } from "./Bm25.ts"
import type { RetrieveBm25Config, runOutputs, searchInputs } from "./contract.ts"
import { readIndexHeader } from "./IndexFiles.ts"
import { loadIndex } from "./loadIndex.ts"
import { IndexStorageError, SearchFailed } from "./RetrieveError.ts"
import { queriesOf, rankingOf, searchDepth, writeRun } from "./runTable.ts"
import { SearchPool } from "./SearchPool.ts"

/** Documents times queries above which starting threads pays. */
const worthThreads = 4e9

const workerUrl = new URL("./searchThread.js", import.meta.url)

/** The worker's file: beside this module, or, where this module was bundled into another, in the project above it. */
const workerFile = (): string | undefined => {
  const beside = fileURLToPath(workerUrl)
  if (existsSync(beside)) return beside
  for (let folder = dirname(beside); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "stages", "retrieve", "searchThread.js")
    if (existsSync(file)) return file
  }
  return undefined
}

export const run: StageRun<RetrieveBm25Config, typeof searchInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  shard,
}) =>
  Effect.gen(function* () {
    const { splits, depth, leaveOutOwn, shards: _, system = "bm25", ...parameters } = config
    const asked = { depth, leaveOutOwn }
    const k = searchDepth(asked)
    const queries = yield* queriesOf(inputs.queries, splits, shard)
    const header = yield* Effect.try({
      try: () => readIndexHeader(inputs.index.path),
      catch: (cause) => new IndexStorageError({ path: inputs.index.path, during: "read", cause }),
    })
    const worker = header.documents * queries.length > worthThreads ? workerFile() : undefined
    const threads = worker === undefined ? 1 : availableParallelism()
    const index = yield* loadIndex(inputs.index, { shared: threads > 1 })
    const analyze = queryAnalyzer(index)
    const failed = (answered: number) => (cause: unknown) => new SearchFailed({ system, answered, cause })
    const target = { system, queries, directory: outputs.run, asked, progress }
    const { rows, leftOut } = yield* worker === undefined || threads === 1
      ? Effect.suspend(() => {
          const searcher = new Bm25Searcher(index, parameters)
          return writeRun({
            ...target,
            search: (batch, answered) =>
              Effect.try({
                try: () => batch.map(({ text }) => rankingOf(index.docids, searcher.search(analyze(text), k))),
                catch: failed(answered),
              }),
          })
        })
      : Effect.acquireUseRelease(
          Effect.sync(() => new SearchPool(index, parameters, threads, worker)),
          (pool) =>
            writeRun({
              ...target,
              concurrency: threads * 2,
              search: (batch, answered) =>
                Effect.map(
                  Effect.tryPromise({
                    try: () =>
                      pool.search(
                        batch.map(({ text }) => analyze(text)),
                        k,
                      ),
                    catch: failed(answered),
                  }),
                  (hits) => hits.map((found) => rankingOf(index.docids, found)),
                ),
            }),
          (pool) => Effect.promise(() => pool.close()),
        )
    return { rows: { run: rows }, facts: { queries: queries.length, leftOutOwn: leftOut } }
  })
