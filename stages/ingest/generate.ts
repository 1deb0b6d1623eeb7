import * as Effect from "effect/Effect"
import { type StageResult, type StageRun, type TableWriter, tableWriter } from "../../pipeline/index.ts"
import { Kinds, type SyntheticConfig } from "../../schemas/index.ts"
import {
  browseOf,
  defaultOverlap,
  passagesOf,
  questionsOf,
  type SyntheticPassage,
  type SyntheticQuery,
  surveyLand,
} from "./synthetic/Land.ts"

type Out = {
  readonly passages: typeof Kinds.Passages
  readonly queries: typeof Kinds.Queries
  readonly qrels: typeof Kinds.Qrels
}

const batchRows = 8192

/** Generates the synthetic collection, streamed: memory does not grow with its size. */
export const run: StageRun<SyntheticConfig, Record<string, never>, Out> = ({ config, outputs, progress, warn }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { heldOutBrowse, heldOutQuestions, passages, seed, trainBrowse, trainQuestions } = config
      const land = surveyLand({
        seed,
        passages,
        questions: { train: trainQuestions, dev: heldOutQuestions, test: heldOutQuestions },
        browse: { train: trainBrowse, dev: heldOutBrowse, test: heldOutBrowse },
        overlap: defaultOverlap,
      })

      const passageWriter = yield* tableWriter(Kinds.Passages, outputs.passages)
      let written = 0
      let batch: Array<SyntheticPassage> = []
      const flush = Effect.suspend(() => {
        const rows = batch
        batch = []
        written += rows.length
        progress({ done: written, total: passages, unit: "passages" })
        return passageWriter.writeColumns({
          docid: rows.map(({ docid }) => docid),
          title: rows.map(() => null),
          text: rows.map(({ text }) => text),
        })
      })
      for (const town of passagesOf(land)) {
        for (const passage of town) batch.push(passage)
        if (batch.length >= batchRows) yield* flush
      }
      yield* flush
      yield* passageWriter.finish

      const queryWriter = yield* tableWriter(Kinds.Queries, outputs.queries)
      const qrelWriter = yield* tableWriter(Kinds.Qrels, outputs.qrels)
      const counts = { train: 0, dev: 0, test: 0 }
      const wanted = trainQuestions + trainBrowse + 2 * (heldOutQuestions + heldOutBrowse)
      // Qids of browse queries begin with b, those of questions with q: in this order they ascend.
      for (const queries of [browseOf(land), questionsOf(land)]) {
        let some: Array<SyntheticQuery> = []
        for (const query of queries) {
          counts[query.split]++
          some.push(query)
          if (some.length < 512) continue
          yield* writeQueries(queryWriter, qrelWriter, some)
          some = []
          const made = counts.train + counts.dev + counts.test
          // Passages stay what is counted: a rate over two kinds of row would say nothing.
          progress({ done: written, total: passages, unit: "passages", detail: `${made} of ${wanted} queries` })
        }
        yield* writeQueries(queryWriter, qrelWriter, some)
      }
      const queryRows = yield* queryWriter.finish
      const qrelRows = yield* qrelWriter.finish
      if (queryRows < wanted) {
        warn(
          `${passages} passages give only ${queryRows} of the ${wanted} queries asked for: the land has no more to ask about`,
        )
      }
      const result: StageResult<Out> = {
        rows: { passages: written, queries: queryRows, qrels: qrelRows },
        facts: { towns: land.towns, queries: counts },
      }
      return result
    }),
  )

const writeQueries = (
  queries: TableWriter<typeof Kinds.Queries>,
  qrels: TableWriter<typeof Kinds.Qrels>,
  rows: ReadonlyArray<SyntheticQuery>,
) =>
  Effect.zipRight(
    queries.writeRows(rows.map(({ kind, qid, split, text }) => ({ qid, text, kind, split }))),
    qrels.writeRows(
      rows.flatMap(({ qid, relevant }) =>
        relevant
          .map(({ docid, grade }) => ({ qid, docid, grade }))
          // Docids are ASCII digits: JavaScript's order is the bytes'.
          .sort((a, b) => (a.docid < b.docid ? -1 : 1)),
      ),
    ),
  )
