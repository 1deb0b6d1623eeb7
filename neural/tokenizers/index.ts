export type { PairTemplate, TextTemplate } from "../../schemas/index.ts"
export { type OpenedTokenizer, openTokenizer } from "./openTokenizer.ts"
export {
  checkVocabulary,
  monoT5Template,
  type PairInput,
  pairInput,
  rankT5Template,
  requireToken,
  type SingleInput,
  singleInput,
  t5GemmaTemplate,
} from "./PairTemplate.ts"
export { type LayoutPart, type Layouts, type SpecialIds, sentinelOf, type Tokenizer } from "./Tokenizer.ts"
export * from "./TokenizerError.ts"
export {
  joinTokenTables,
  readTokenNames,
  readTokenTable,
  type TokenIds,
  type TokenTable,
  TokenTableError,
  type TokenTableWriter,
  tokenTableWriter,
  writeTokensHeader,
} from "./TokenTable.ts"
export { tokenizerConfigFields, tokenizerJsonFields } from "./tokenizerFields.ts"
export { type BpeTraining, type TrainedBpe, trainBpe } from "./trainBpe.ts"
