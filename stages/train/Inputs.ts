import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import {
  type PairInput,
  pairInput,
  singleInput,
  singleSequence,
  type Tokenizer,
  type TokenizerError,
  type TokenSequence,
} from "../../neural/index.ts"
import type { ModelCard } from "../../schemas/index.ts"
import type { Tokens } from "./readTrainingData.ts"
import { TrainingTextUnusable } from "./TrainError.ts"

/** The model's input of a query and a passage, which are positions in the tables of tokens. */
export type InputOf = (query: number, passage: number) => TokenSequence

/** How a model reads texts, which are positions in the tables of tokens: both together, or each apart. */
export type TextInputs =
  | { readonly kind: "together"; readonly of: InputOf }
  | {
      readonly kind: "apart"
      readonly query: (query: number) => TokenSequence
      readonly passage: (passage: number) => TokenSequence
    }

/** An item of a list that is not there. */
export const nothing: TokenSequence = { ids: new Int32Array(0) }

/** Joins query and passage as the model reads them. */
const inputsOf = (input: PairInput, tokens: Tokens): InputOf => {
  const buffer = { ids: new Int32Array(input.limit), types: new Int32Array(input.limit) }
  return (query, passage) => {
    const types = input.hasTypes ? buffer.types : undefined
    const length = input.write(tokens.queries.ids(query), tokens.passages.ids(passage), buffer.ids, 0, types)
    const ids = buffer.ids.slice(0, length)
    return types === undefined ? { ids } : { ids, types: types.slice(0, length) }
  }
}

/** How a model's card says that it reads texts; `pairs` where it reads both together. */
export const textInputs = (
  { input: { maximumTokens, texts, truncation } }: Pick<ModelCard, "input">,
  tokenizer: Tokenizer,
  tokens: Tokens,
  wantsTypes: boolean,
): Either.Either<{ readonly inputs: TextInputs; readonly pairs?: PairInput }, TokenizerError> =>
  Either.gen(function* () {
    if (texts.kind === "pair") {
      const pairs = yield* pairInput(texts.template, tokenizer, maximumTokens, "", truncation)
      return { inputs: { kind: "together", of: inputsOf(pairs, tokens) }, pairs }
    }
    const queries = yield* singleInput(tokenizer, maximumTokens, texts.queryPrefix, truncation)
    const passages = yield* singleInput(tokenizer, maximumTokens, texts.passagePrefix)
    return {
      inputs: {
        kind: "apart",
        query: (text) => singleSequence(queries, tokens.queries.ids(text), wantsTypes),
        passage: (text) => singleSequence(passages, tokens.passages.ids(text), wantsTypes),
      },
    }
  })

/** The queries that leave no room for a passage; where that is an error, the first of them. */
export const queriesWithoutRoom = (
  system: string,
  input: PairInput,
  tokens: Tokens,
  queries: Iterable<number>,
  strict: boolean,
): Effect.Effect<ReadonlyArray<string>, TrainingTextUnusable> => {
  const found = [...new Set(queries)].filter((query) => !input.hasRoom(tokens.queries.length(query)))
  const [query] = found
  if (query === undefined || !strict) return Effect.succeed(found.map((each) => tokens.queries.nameOf(each)))
  return new TrainingTextUnusable({
    system,
    table: "queries",
    name: tokens.queries.nameOf(query),
    why: `has ${tokens.queries.length(query)} tokens and the template ${input.around}, which leaves no room for a passage within ${input.limit}. Raise the model's maximumTokens, cut queries (truncation «query:64»), or leave rerank.strict off: then such a query is shortened, and told`,
  })
}
