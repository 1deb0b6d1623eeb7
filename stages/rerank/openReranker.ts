import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { compareTrecOrder } from "../../measures/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
import { RerankConfig } from "./contract.ts"
import { openPairScorer } from "./scorePairs.ts"

/** A passage that is to be ranked: what the collection says, title and text joined. */
export interface Candidate {
  readonly docid: string
  readonly text: string
}

/** Candidates in a model's order, and what is to be told of it. */
export interface Reranked {
  readonly answer: Answer
  readonly told: ReadonlyArray<string>
}

/** Opens a model of an earlier run for queries that are typed; closed with the scope. Scores are those of the stage, to 1e-5. */
export const openReranker = ({ config, inputs }: StoredStage) =>
  Effect.gen(function* () {
    const { hardware, threads, tokensPerBatch } = yield* Schema.decodeUnknown(RerankConfig)(config)
    const { maximumTokens, score } = yield* openPairScorer(inputs["model"]?.[0] ?? "", {
      device: hardware.device,
      ...(threads === undefined ? {} : { threads }),
      ...(tokensPerBatch === undefined ? {} : { tokensPerBatch }),
    })
    return (query: string, candidates: ReadonlyArray<Candidate>) =>
      Effect.gen(function* () {
        if (candidates.length === 0) return { answer: [], told: [] } satisfies Reranked
        const { scores, truncatedQueries } = yield* score(candidates.map(({ text }) => ({ query, passage: text })))
        const answer: Answer = candidates.map(({ docid }, at) => ({ docid, score: scores[at]! })).sort(compareTrecOrder)
        const cut = `the query is too long for ${maximumTokens} tokens or for its truncation, and was shortened`
        return { answer, told: truncatedQueries > 0 ? [cut] : [] } satisfies Reranked
      })
  })
