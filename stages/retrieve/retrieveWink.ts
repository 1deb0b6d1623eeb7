import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { countRows, readBatches, type StageRun } from "../../pipeline/index.ts"
import { passageText } from "../../schemas/index.ts"
import type { passageInputs, RetrieveWinkConfig, runOutputs } from "./contract.ts"
import { CollectionTooLarge } from "./RetrieveError.ts"
import { oneByOne, queriesOf, searchDepth, writeRun } from "./runTable.ts"
import { WinkBm25, WinkLimit } from "./WinkBm25.ts"

export const run: StageRun<RetrieveWinkConfig, typeof passageInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const { splits, depth, leaveOutOwn, system = "wink-bm25", ...parameters } = config
    const asked = { depth, leaveOutOwn }
    const refused = (cause: unknown) => new CollectionTooLarge({ system, passages: total, cause })
    const total = yield* countRows(inputs.passages)
    if (total > parameters.maxPassages) return yield* refused(new WinkLimit(total, parameters.maxPassages))
    const queries = yield* queriesOf(inputs.queries, splits)
    const wink = new WinkBm25(parameters)
    yield* Stream.runForEach(readBatches(inputs.passages, ["docid", "title", "text"]), ({ docid, title, text }) =>
      Effect.try({
        try: () => {
          for (let i = 0; i < docid.length; i++) wink.add(docid[i]!, passageText(title[i]!, text[i]!))
          progress({ done: wink.documents, total, unit: "passages" })
        },
        catch: refused,
      }),
    )
    yield* Effect.try({ try: () => wink.finish(), catch: refused })
    const { rows, leftOut } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked,
      progress,
      search: oneByOne(system, ({ text }) => {
        const hits = wink.search(text, searchDepth(asked))
        return { docids: hits.map(({ docid }) => docid), scores: hits.map(({ score }) => score) }
      }),
    })
    return { rows: { run: rows }, facts: { queries: queries.length, leftOutOwn: leftOut } }
  })
