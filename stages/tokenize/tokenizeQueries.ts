import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { writeTokensHeader } from "../../neural/index.ts"
import { readBatches, type StageContext } from "../../pipeline/index.ts"
import type { TokenizeQueriesConfig, tokenizeOutputs, tokenizeQueriesInputs } from "./contract.ts"
import { openEncoders, writeTable } from "./tokenTables.ts"

/** Tokenizes the queries of the splits. */
export const run = ({
  config,
  inputs,
  outputs,
  progress,
}: StageContext<TokenizeQueriesConfig, typeof tokenizeQueriesInputs, typeof tokenizeOutputs>) =>
  Effect.gen(function* () {
    const { query, tokenizer } = yield* openEncoders(inputs.tokenizer.path)
    const wanted = new Set<string>(config.splits)
    const rows = Stream.map(readBatches(inputs.queries, ["qid", "text", "split"]), ({ qid, split, text }) =>
      qid
        .map((name, row) => ({ name, text: text[row] ?? "", split: split[row] ?? "" }))
        .filter((each) => wanted.has(each.split)),
    )
    const queries = yield* writeTable({ folder: outputs.tokens, progress }, "queries", rows, tokenizer, query)
    yield* writeTokensHeader(outputs.tokens, tokenizer.vocabularySize, { queries })
    return { facts: { queries: queries.texts, tokens: queries.tokens, tokenizer: tokenizer.description } }
  })
