import * as Effect from "effect/Effect"
import { compareTrecOrder } from "../../measures/index.ts"
import { countRows, readRows, type StageRun } from "../../pipeline/index.ts"
import { OutsideFailed } from "../../schemas/index.ts"
import type { passageInputs, RetrieveOutsideConfig, runOutputs } from "./contract.ts"
import { broughtFirstStages, type OutsideHit } from "./outsideFirstStages.ts"
import { CollectionTooLarge } from "./RetrieveError.ts"
import { queriesOf, type Ranking, searchDepth, writeRun } from "./runTable.ts"

const isHit = (value: unknown): value is OutsideHit =>
  typeof value === "object" &&
  value !== null &&
  "docid" in value &&
  typeof value.docid === "string" &&
  "score" in value &&
  typeof value.score === "number"

/** What is wrong with what a search gave, if anything. */
const problemOf = (found: unknown, known: ReadonlySet<string>): string | undefined => {
  if (!Array.isArray(found)) return "search gives no array of { docid, score }"
  const seen = new Set<string>()
  for (const [at, hit] of found.entries()) {
    if (!isHit(hit)) return `result ${at + 1} is no { docid, score }, a text and a number`
    if (!known.has(hit.docid)) return `result ${at + 1} is ${hit.docid}, which the collection does not have`
    if (!Number.isFinite(hit.score)) return `the score of ${hit.docid} is ${hit.score}`
    if (seen.has(hit.docid)) return `${hit.docid} is found twice`
    seen.add(hit.docid)
  }
  return undefined
}

const ranked = (found: ReadonlyArray<OutsideHit>): Ranking => {
  const best = [...found].sort(compareTrecOrder)
  return { docids: best.map(({ docid }) => docid), scores: best.map(({ score }) => score) }
}

/** Opens a first stage from outside over the passages, asks it, and checks what it gives. */
export const run: StageRun<RetrieveOutsideConfig, typeof passageInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const { name, seed, settings, splits, system = name } = config
    const found = broughtFirstStages.named(name)
    if (found === undefined) return yield* OutsideFailed.unknown(name)
    const { definition, file } = found
    const failed = (qid: string) => (cause: unknown) => OutsideFailed.thrown(system, file, qid, cause)
    const total = yield* countRows(inputs.passages)
    if (total > definition.maxPassages) {
      const cause = new Error(
        `the collection has ${total} passages, which would all be in memory; ${file} allows ${definition.maxPassages} (maxPassages)`,
      )
      return yield* new CollectionTooLarge({ system, passages: total, cause })
    }
    const queries = yield* queriesOf(inputs.queries, splits)
    const rows = yield* readRows(inputs.passages)
    const passages = rows.map(({ docid, text, title }) => ({ docid, title: title ?? null, text }))
    const known = new Set(passages.map(({ docid }) => docid))
    const searcher = yield* Effect.tryPromise({
      try: async () => definition.open({ passages, settings, seed }),
      catch: failed(""),
    })
    const ask = ({ qid, text }: { readonly qid: string; readonly text: string }) =>
      Effect.flatMap(
        Effect.tryPromise({
          try: async () => searcher.search({ qid, text }, searchDepth(config)),
          catch: failed(qid),
        }),
        (hits) => {
          const problem = problemOf(hits, known)
          return problem === undefined
            ? Effect.succeed(ranked(hits))
            : Effect.fail(new OutsideFailed({ system, file, qid, problem }))
        },
      )
    const written = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked: config,
      progress,
      search: (batch) => Effect.forEach(batch, ask),
    })
    return { rows: { run: written.rows }, facts: { queries: queries.length, leftOutOwn: written.leftOut } }
  })
