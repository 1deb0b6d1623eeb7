import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { compareTrecOrder } from "../../measures/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
import { InterpolateConfig } from "./contract.ts"
import { mixScores, normalised } from "./mixScores.ts"

const Facts = Schema.Struct({ weight: Schema.Number })

/** Mixes answers as an earlier run mixed its runs, with the weight that it was given or found on the dev split. */
export const mixAnswers = ({ config, facts }: StoredStage, candidates: Answer, reranked: Answer) =>
  Effect.gen(function* () {
    const { normalise } = yield* Schema.decodeUnknown(InterpolateConfig)(config)
    const { weight } = yield* Schema.decodeUnknown(Facts)(facts)
    const scoreOf = new Map(reranked.map(({ docid, score }) => [docid, score]))
    const first = Float64Array.from(candidates, ({ score }) => score)
    const model = Float64Array.from(candidates, ({ docid }) => scoreOf.get(docid) ?? 0)
    const mixed = mixScores(normalised(first, normalise), normalised(model, normalise), weight)
    const answer: Answer = candidates.map(({ docid }, at) => ({ docid, score: mixed[at]! })).sort(compareTrecOrder)
    return answer
  })
