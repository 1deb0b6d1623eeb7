import * as Effect from "effect/Effect"
import { readRows, type StageRun } from "../../pipeline/index.ts"
import type { QueryVectorFileConfig, queryVectorInputs, vectorOutputs } from "./contract.ts"
import { queriesOf } from "./runTable.ts"
import { storeVectors } from "./vectorFiles/storeVectors.ts"

/** Reads the vectors of the splits' queries that were made elsewhere. */
export const run: StageRun<QueryVectorFileConfig, typeof queryVectorInputs, typeof vectorOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const asked = yield* queriesOf(inputs.queries, config.splits)
    const all = new Set((yield* readRows(inputs.queries)).map(({ qid }) => String(qid)))
    const places = new Map(asked.map(({ qid }, at) => [String(qid), at]))
    const wanted = {
      id: "qid" as const,
      texts: asked.length,
      nameOf: (text: number) => String(asked[text]?.qid),
      find: (qid: string) => places.get(qid) ?? (all.has(qid) ? ("unasked" as const) : ("none" as const)),
    }
    return yield* storeVectors(config, inputs.files, outputs.vectors, wanted, (done) =>
      progress({ done, total: asked.length, unit: "queries" }),
    )
  })
