import * as Either from "effect/Either"
import {
  type PairTemplate,
  type PromptTemplate,
  queryTokensOf,
  type TextTemplate,
  type Truncation,
  templateText,
} from "../../schemas/index.ts"
import { compilePrompt, cutQuery } from "./promptParts.ts"
import { type RoomPolicy, roomPolicy } from "./roomPolicy.ts"
import { type LayoutPart, type Layouts, type Tokenizer, trimmed } from "./Tokenizer.ts"
import {
  LimitTooSmall,
  SpecialTokenMissing,
  TemplateInvalid,
  type TokenizerError,
  VocabularyTooLarge,
} from "./TokenizerError.ts"
import type { TokenIds } from "./TokenTable.ts"
import { bertLayouts } from "./tokenizerConfig.ts"

/** RankT5's input. */
export const rankT5Template: TextTemplate = { text: "Query: {query} Document: {document}", bos: false, eos: true }

/** monoT5's input. */
export const monoT5Template: TextTemplate = {
  text: "Query: {query} Document: {document} Relevant:",
  bos: false,
  eos: true,
}

/** T5Gemma's input: RankT5's text; the JAX implementation puts neither bos nor eos around an encoder's text. */
export const t5GemmaTemplate = (switches: { readonly bos: boolean; readonly eos: boolean }): TextTemplate => ({
  text: rankT5Template.text,
  ...switches,
})

/**
 * Makes the input of a model from texts that were tokenized once each. Joining costs a copy of ids. The joined ids are
 * exactly those of the joined text, because the tokenizer decomposes at spaces and the space belongs to the text behind it
 * (`Tokenizer.encodeNext`); there texts are trimmed, and an empty one leaves its place out.
 */
export interface PairInput extends RoomPolicy {
  /** In words, for messages. */
  readonly template: string
  /** Most tokens that an input may have. */
  readonly limit: number
  /** Tokens of every input that belong to neither text. */
  readonly around: number
  /** Whether token types other than 0 occur. */
  readonly hasTypes: boolean
  readonly query: (text: string) => Int32Array<ArrayBuffer>
  readonly passage: (text: string) => Int32Array<ArrayBuffer>
  /** Tokens of the joined input, after truncation. */
  readonly length: (queryTokens: number, passageTokens: number) => number
  /** Whether the texts have to be shortened to fit. */
  readonly truncates: (queryTokens: number, passageTokens: number) => boolean
  /** Writes the joined input into `ids` from `offset`, its token types into `types`, and gives its length. */
  readonly write: (query: TokenIds, passage: TokenIds, ids: Int32Array, offset: number, types?: Int32Array) => number
}

/** Makes a model's input from one text, for encoders that take query and passage each on their own. */
export interface SingleInput {
  readonly limit: number
  readonly around: number
  /** Tokens that come before a text's own, its prompt and what stands before that; 0 without a prompt. */
  readonly promptTokens: number
  readonly text: (text: string) => Int32Array<ArrayBuffer>
  readonly length: (tokens: number) => number
  readonly truncates: (tokens: number) => boolean
  readonly write: (text: TokenIds, ids: Int32Array, offset: number, types?: Int32Array) => number
}

/** An error when the tokenizer can give ids for which an embedding of so many rows has nothing. */
export const checkVocabulary = (
  tokenizer: Tokenizer,
  embeddingRows: number,
): Either.Either<void, VocabularyTooLarge> =>
  tokenizer.vocabularySize <= embeddingRows
    ? Either.void
    : Either.left(
        new VocabularyTooLarge({
          tokenizer: tokenizer.description,
          vocabularySize: tokenizer.vocabularySize,
          embeddingRows,
        }),
      )

type Slot = { readonly slot: "query" | "passage"; readonly type: number }
type Fixed = { readonly ids: Int32Array; readonly type: number }

/** The id of a special token, or an error that says who needs it. */
export const requireToken = (
  tokenizer: Tokenizer,
  token: string,
  id: number | undefined,
  neededBy: string,
): Either.Either<number, SpecialTokenMissing> =>
  id === undefined
    ? Either.left(new SpecialTokenMissing({ tokenizer: tokenizer.description, token, neededBy }))
    : Either.right(id)

/** Words that can only be meant as special tokens. */
const looksSpecial = /^(?:<[^<>\s]+>|\[[A-Z0-9_]+\])$/u

interface Compiled {
  readonly parts: ReadonlyArray<Slot | Fixed>
  readonly encode: { readonly query: Tokenizer["encode"]; readonly passage: Tokenizer["encode"] }
  /** Of a prompt: what stays behind a query that is cut. */
  readonly behindQuery?: TokenIds
}

const compilePromptParts = (template: PromptTemplate, tokenizer: Tokenizer): Either.Either<Compiled, TokenizerError> =>
  Either.map(compilePrompt(template, tokenizer), ({ behindQuery, passage, places, query }) => ({
    parts: places.map((place) => ({ ...place, type: 0 })),
    encode: { query, passage },
    behindQuery,
  }))

const compile = (template: PairTemplate, tokenizer: Tokenizer): Either.Either<Compiled, TokenizerError> => {
  if (template === "pair") return compileLayout(tokenizer)
  return "parts" in template ? compilePromptParts(template, tokenizer) : compileText(template, tokenizer)
}

const compileText = (template: TextTemplate, tokenizer: Tokenizer): Either.Either<Compiled, TokenizerError> =>
  Either.gen(function* () {
    const invalid = (problem: string) => Either.left(new TemplateInvalid({ template: template.text, problem }))
    const words = trimmed(template.text).split(/\s+/u)
    const slots: ReadonlyMap<string, Slot["slot"]> = new Map([
      ["{query}", "query"],
      ["{document}", "passage"],
    ])
    for (const name of slots.keys()) {
      if (words.filter((word) => word === name).length === 1) continue
      return yield* words.some((word) => word !== name && word.includes(name))
        ? invalid(`has ${name} right against other text; set it off by spaces`)
        : invalid(`must have ${name} exactly once`)
    }
    const encodeNext = tokenizer.encodeNext
    if (encodeNext === undefined)
      return yield* invalid(
        `joins two texts, but this tokenizer (${tokenizer.description}) does not decompose at spaces, so that texts cannot be tokenized once and joined; use the template "pair"`,
      )
    for (const word of words)
      if (looksSpecial.test(word) && !slots.has(word))
        yield* requireToken(tokenizer, word, tokenizer.idOf(word), `The template «${template.text}»`)

    const parts: Array<Slot | Fixed> = []
    const special = (token: string, id: number | undefined) =>
      Either.map(requireToken(tokenizer, token, id, `The template «${template.text}»`), (found) => {
        parts.push({ ids: Int32Array.of(found), type: 0 })
      })
    const encode: Record<Slot["slot"], Tokenizer["encode"]> = { query: encodeNext, passage: encodeNext }
    if (template.bos) yield* special("bos", tokenizer.special.bos)
    let literal: Array<string> = []
    let first = true
    const flush = (): void => {
      if (literal.length === 0) return
      const text = literal.join(" ")
      parts.push({ ids: first ? tokenizer.encode(text) : encodeNext(text), type: 0 })
      literal = []
      first = false
    }
    for (const word of words) {
      const slot = slots.get(word)
      if (slot === undefined) {
        literal.push(word)
        continue
      }
      flush()
      if (first) encode[slot] = tokenizer.encode
      parts.push({ slot, type: 0 })
      first = false
    }
    flush()
    if (template.eos) yield* special("eos", tokenizer.special.eos)
    return { parts, encode }
  })

/** The layouts of a tokenizer, or an error that names the special token that BERT's would need. */
const layoutsFor = (tokenizer: Tokenizer, neededBy: string): Either.Either<Layouts, SpecialTokenMissing> =>
  tokenizer.layouts === undefined
    ? Either.flatMap(requireToken(tokenizer, "cls", tokenizer.special.cls, neededBy), (cls) =>
        Either.map(requireToken(tokenizer, "sep", tokenizer.special.sep, neededBy), (sep) => bertLayouts(cls, sep)),
      )
    : Either.right(tokenizer.layouts)

const layoutParts = (layout: ReadonlyArray<LayoutPart>): ReadonlyArray<Slot | Fixed> =>
  layout.map((part) =>
    "ids" in part
      ? { ids: Int32Array.from(part.ids), type: part.type }
      : { slot: part.text === "first" ? "query" : "passage", type: part.type },
  )

const compileLayout = (tokenizer: Tokenizer): Either.Either<Compiled, TokenizerError> =>
  Either.map(layoutsFor(tokenizer, 'The template "pair"'), ({ pair }) => ({
    parts: layoutParts(pair),
    encode: { query: tokenizer.encode, passage: tokenizer.encode },
  }))

const fixedTokens = (parts: ReadonlyArray<Slot | Fixed>): number =>
  parts.reduce((sum, part) => sum + ("ids" in part ? part.ids.length : 0), 0)

const writer =
  (parts: ReadonlyArray<Slot | Fixed>, textOf: (slot: Slot["slot"]) => TokenIds) =>
  (ids: Int32Array, offset: number, types: Int32Array | undefined): number => {
    let at = offset
    for (const part of parts) {
      const source = "ids" in part ? part.ids : textOf(part.slot)
      ids.set(source, at)
      types?.fill(part.type, at, at + source.length)
      at += source.length
    }
    return at - offset
  }

const emptyIds = new Int32Array(0)

/** What is shortened where nothing is said: as `transformers` does it in a layout, which it knows. */
const usualTruncation = (template: PairTemplate): Truncation => (template === "pair" ? "longest-first" : "passage")

/**
 * Prepares the input of a model that reads query and passage together. Fails when the template is not one, when the
 * tokenizer lacks a special token that it needs, when it does not decompose at spaces and the template joins texts, or when
 * the template leaves less than a token for each text.
 *
 * @param prompt what stands right before the query, as it is
 * @param truncation left out, `longest-first` in a layout and `passage` in a text template
 */
export const pairInput = (
  template: PairTemplate,
  tokenizer: Tokenizer,
  limit: number,
  prompt = "",
  truncation: Truncation = usualTruncation(template),
): Either.Either<PairInput, TokenizerError> =>
  Either.flatMap(compile(template, tokenizer), ({ parts, encode, behindQuery }) => {
    const around = fixedTokens(parts)
    const named = templateText(template)
    const room = limit - around
    if (room < 2) return Either.left(new LimitTooSmall({ template: named, around, limit }))
    const policy = roomPolicy(truncation, room)
    const { passageKept, queryKept } = policy
    // In a layout a text is as it is, for tokenizers to which a space at its end is a token (RoBERTa's).
    const bareOf = template === "pair" ? (text: string) => text : trimmed
    const encodeBare =
      (encodeText: Tokenizer["encode"], before = ""): Tokenizer["encode"] =>
      (text) => {
        if (behindQuery !== undefined) return encodeText(text)
        const bare = bareOf(`${before}${text}`)
        return bare === "" ? emptyIds.slice() : encodeText(bare)
      }
    let query: TokenIds = emptyIds
    let passage: TokenIds = emptyIds
    const writeParts = writer(parts, (slot) => (slot === "query" ? query : passage))
    return Either.right({
      ...policy,
      template: named,
      limit,
      around,
      hasTypes: parts.some((part) => part.type !== 0),
      query: encodeBare(encode.query, prompt),
      passage: encodeBare(encode.passage),
      length: (queryTokens, passageTokens) =>
        around + queryKept(queryTokens, passageTokens) + passageKept(queryTokens, passageTokens),
      truncates: (queryTokens, passageTokens) =>
        queryKept(queryTokens, passageTokens) < queryTokens || passageKept(queryTokens, passageTokens) < passageTokens,
      write: (queryIds, passageIds, ids, offset, types) => {
        const kept = queryKept(queryIds.length, passageIds.length)
        query = behindQuery === undefined ? queryIds.subarray(0, kept) : cutQuery(queryIds, kept, behindQuery)
        passage = passageIds.subarray(0, passageKept(queryIds.length, passageIds.length))
        return writeParts(ids, offset, types)
      },
    })
  })

/**
 * Prepares the input of a model that reads one text at a time (a bi-encoder): the tokenizer's own layout for one text.
 *
 * @param prompt what stands right before every text, as it is (`query: `); it is a part of the text, and shortened with it
 * @param truncation of queries; `query:<n>` cuts them
 */
export const singleInput = (
  tokenizer: Tokenizer,
  limit: number,
  prompt = "",
  truncation?: Truncation,
): Either.Either<SingleInput, TokenizerError> =>
  Either.map(layoutsFor(tokenizer, "A single text's layout"), ({ single }) => {
    const parts = layoutParts(single)
    const around = fixedTokens(parts)
    const room = Math.min(Math.max(0, limit - around), queryTokensOf(truncation) ?? Number.POSITIVE_INFINITY)
    const before = fixedTokens(
      parts.slice(
        0,
        Math.max(
          0,
          parts.findIndex((part) => "slot" in part),
        ),
      ),
    )
    let text: TokenIds = emptyIds
    const writeParts = writer(parts, () => text)
    return {
      limit,
      around,
      promptTokens: prompt === "" ? 0 : before + Math.min(room, tokenizer.encode(prompt).length),
      text: (raw) => {
        const whole = `${prompt}${raw}`
        return whole === "" ? emptyIds.slice() : tokenizer.encode(whole)
      },
      length: (tokens) => around + Math.min(room, tokens),
      truncates: (tokens) => tokens > room,
      write: (textIds, ids, offset, types) => {
        text = textIds.subarray(0, room)
        return writeParts(ids, offset, types)
      },
    }
  })
