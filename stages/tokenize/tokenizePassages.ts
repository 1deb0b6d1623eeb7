import * as Effect from "effect/Effect"
import { writeTokensHeader } from "../../neural/index.ts"
import type { StageContext } from "../../pipeline/index.ts"
import type { TokenizePassagesConfig, tokenizeOutputs, tokenizePassagesInputs } from "./contract.ts"
import { namedPassages, openEncoders, rowsIn, writeTable } from "./tokenTables.ts"

/** Tokenizes every passage. */
export const run = ({
  inputs,
  outputs,
  progress,
  shard,
}: StageContext<TokenizePassagesConfig, typeof tokenizePassagesInputs, typeof tokenizeOutputs>) =>
  Effect.gen(function* () {
    const { passage, tokenizer } = yield* openEncoders(inputs.tokenizer.path)
    const target = { folder: outputs.tokens, progress }
    const named = namedPassages(inputs.passages, yield* rowsIn(inputs.passages, shard))
    const passages = yield* writeTable(target, "passages", named, tokenizer, passage)
    yield* writeTokensHeader(outputs.tokens, tokenizer.vocabularySize, { passages })
    return { facts: { passages: passages.texts, tokens: passages.tokens, tokenizer: tokenizer.description } }
  })
