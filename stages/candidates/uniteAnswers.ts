import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { compareTrecOrder } from "../../measures/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
import { reciprocalRank } from "./candidatesUnion.ts"
import { CandidatesUnionConfig } from "./contract.ts"

/** Puts answers together as an earlier run did with its runs: what any has among its first, by the sum of reciprocal ranks. */
export const uniteAnswers = ({ config }: StoredStage, answers: ReadonlyArray<Answer>) =>
  Effect.gen(function* () {
    const { depth } = yield* Schema.decodeUnknown(CandidatesUnionConfig)(config)
    const scores = new Map<string, number>()
    for (const answer of answers) {
      for (const [at, { docid }] of answer.slice(0, depth).entries()) {
        scores.set(docid, (scores.get(docid) ?? 0) + reciprocalRank(at + 1))
      }
    }
    const united: Answer = Array.from(scores, ([docid, score]) => ({ docid, score })).sort(compareTrecOrder)
    return united
  })
