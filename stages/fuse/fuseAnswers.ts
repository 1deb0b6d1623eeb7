import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Answer, compareBytes, type StoredStage } from "../../schemas/index.ts"
import { FuseConfig } from "./contract.ts"
import { fusedScores, fuseQuery, orderOf } from "./fuseQuery.ts"

const Facts = Schema.Struct({ weights: Schema.optional(Schema.Array(Schema.Number)) })

/** Fuses answers as an earlier run fused its runs, in the same order, with the weights that it was given or found. */
export const fuseAnswers = ({ config, facts }: StoredStage, answers: ReadonlyArray<Answer>) =>
  Effect.gen(function* () {
    const how = yield* Schema.decodeUnknown(FuseConfig)(config)
    const { weights = answers.map(() => 1) } = yield* Schema.decodeUnknown(Facts)(facts)
    const docids = [...new Set(answers.flatMap((answer) => answer.map(({ docid }) => docid)))].sort((a, b) =>
      compareBytes(b, a),
    )
    const places = new Map(docids.map((docid, place) => [docid, place]))
    const rankings = answers.map((answer) => ({
      places: Int32Array.from(answer, ({ docid }) => places.get(docid) ?? 0),
      scores: Float64Array.from(answer, ({ score }) => score),
    }))
    const scores = fusedScores(fuseQuery(rankings, docids.length, how), how.method, weights)
    const answer: Answer = Array.from(orderOf(scores).subarray(0, how.depth), (place) => ({
      docid: docids[place]!,
      score: scores[place]!,
    }))
    return answer
  })
