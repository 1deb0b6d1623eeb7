import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { compareTrecOrder } from "../../measures/index.ts"
import { readBatches, readRows, type StageRun, tableWriter } from "../../pipeline/index.ts"
import { Kinds, OutsideFailed } from "../../schemas/index.ts"
import type { RerankOutsideConfig, rerankOutputs, rerankOutsideInputs } from "./contract.ts"
import { broughtRerankers, type CandidatePassage } from "./outsideRerankers.ts"
import { TextMissing } from "./RerankError.ts"

/** What is wrong with the scores of passages, if anything. */
const problemOf = (scores: unknown, passages: ReadonlyArray<CandidatePassage>): string | undefined => {
  if (!Array.isArray(scores) && !ArrayBuffer.isView(scores)) return "score gives no array of numbers"
  const values: ReadonlyArray<unknown> = Array.from(Object.values(scores))
  if (values.length !== passages.length) return `score gives ${values.length} numbers for ${passages.length} passages`
  const at = values.findIndex((value) => typeof value !== "number" || !Number.isFinite(value))
  return at < 0 ? undefined : `the score of ${passages[at]?.docid} is ${String(values[at])}`
}

/** Opens a reranker from outside, gives it each query's candidates, and checks what comes back. */
export const run: StageRun<RerankOutsideConfig, typeof rerankOutsideInputs, typeof rerankOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { settings, system } = config
      const found = broughtRerankers.named(system)
      if (found === undefined) return yield* OutsideFailed.unknown(system)
      const { definition, file } = found
      const failed = (qid: string) => (cause: unknown) => OutsideFailed.thrown(system, file, qid, cause)
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
      // Only the candidates' texts are held: the collection may have millions.
      const wanted = new Set([...candidates.values()].flat())
      const texts = new Map<string, CandidatePassage>()
      yield* Stream.runForEach(readBatches(inputs.passages, ["docid", "title", "text"]), ({ docid, title, text }) =>
        Effect.sync(() => {
          for (let i = 0; i < docid.length; i++) {
            const name = docid[i]!
            if (wanted.has(name)) texts.set(name, { docid: name, title: title[i] ?? null, text: text[i]! })
          }
        }),
      )
      const queries = new Map((yield* readRows(inputs.queries)).map(({ qid, text }) => [qid, text]))
      const scorer = yield* Effect.tryPromise({ try: async () => definition.open(settings), catch: failed("") })
      const writer = yield* tableWriter(Kinds.Run, outputs.run)
      let pairs = 0
      let done = 0
      for (const [qid, docids] of candidates) {
        const text = queries.get(qid)
        if (text === undefined) return yield* new TextMissing({ table: "queries", name: qid })
        const passages: Array<CandidatePassage> = []
        for (const docid of docids) {
          const passage = texts.get(docid)
          if (passage === undefined) return yield* new TextMissing({ table: "passages", name: docid })
          passages.push(passage)
        }
        const scores = yield* Effect.tryPromise({
          try: async () => scorer.score({ qid, text }, passages),
          catch: failed(qid),
        })
        const problem = problemOf(scores, passages)
        if (problem !== undefined) return yield* new OutsideFailed({ system, file, qid, problem })
        const ranked = docids.map((docid, i) => ({ docid, score: scores[i]! })).sort(compareTrecOrder)
        yield* writer.writeColumns({
          system: ranked.map(() => system),
          qid: ranked.map(() => qid),
          docid: ranked.map(({ docid }) => docid),
          rank: ranked.map((_, i) => i + 1),
          score: ranked.map(({ score }) => score),
        })
        pairs += docids.length
        progress({ done: ++done, total: candidates.size, unit: "queries" })
      }
      return { rows: { run: yield* writer.finish }, facts: { pairs, queries: candidates.size } }
    }),
  )
