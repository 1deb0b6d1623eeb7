import * as Either from "effect/Either"
import type { PairTemplate, TextTemplate } from "../../schemas/index.ts"
import { type LayoutPart, type Tokenizer, trimmed } from "./Tokenizer.ts"
import {
  QueryTooLong,
  SpecialTokenMissing,
  TemplateInvalid,
  type TokenizerError,
  VocabularyTooLarge,
} from "./TokenizerError.ts"
import type { TokenIds } from "./TokenTable.ts"

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
 * (`Tokenizer.encodeNext`); texts are trimmed, and an empty one leaves its place out.
 */
export interface PairInput {
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
  /** An error when a query of so many tokens leaves no room for a passage's first token. */
  readonly checkQuery: (text: string, tokens: number) => Either.Either<void, QueryTooLong>
  /** Tokens of the joined input, after truncation. */
  readonly length: (queryTokens: number, passageTokens: number) => number
  /** Whether the passage has to be shortened to fit; query and template never are. */
  readonly truncates: (queryTokens: number, passageTokens: number) => boolean
  /** Writes the joined input into `ids` from `offset`, its token types into `types`, and gives its length. */
  readonly write: (query: TokenIds, passage: TokenIds, ids: Int32Array, offset: number, types?: Int32Array) => number
}

/** Makes a model's input from one text, for encoders that take query and passage each on their own. */
export interface SingleInput {
  readonly limit: number
  readonly around: number
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

/** BERT's layout, for a tokenizer whose files do not say. */
const usualLayout = (
  tokenizer: Tokenizer,
  neededBy: string,
): Either.Either<{ readonly cls: number; readonly sep: number }, SpecialTokenMissing> =>
  Either.all({
    cls: requireToken(tokenizer, "cls", tokenizer.special.cls, neededBy),
    sep: requireToken(tokenizer, "sep", tokenizer.special.sep, neededBy),
  })

const layoutParts = (layout: ReadonlyArray<LayoutPart>): ReadonlyArray<Slot | Fixed> =>
  layout.map((part) =>
    "ids" in part
      ? { ids: Int32Array.from(part.ids), type: part.type }
      : { slot: part.text === "first" ? "query" : "passage", type: part.type },
  )

const compileLayout = (tokenizer: Tokenizer): Either.Either<Compiled, TokenizerError> =>
  Either.gen(function* () {
    let layout = tokenizer.layouts?.pair
    if (layout === undefined) {
      const { cls, sep } = yield* usualLayout(tokenizer, 'The template "pair"')
      layout = [
        { ids: [cls], type: 0 },
        { text: "first", type: 0 },
        { ids: [sep], type: 0 },
        { text: "second", type: 1 },
        { ids: [sep], type: 1 },
      ]
    }
    return { parts: layoutParts(layout), encode: { query: tokenizer.encode, passage: tokenizer.encode } }
  })

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

/**
 * Prepares the input of a model that reads query and passage together. Fails when the template is not one, when the
 * tokenizer lacks a special token that it needs, or when it does not decompose at spaces and the template joins texts.
 */
export const pairInput = (
  template: PairTemplate,
  tokenizer: Tokenizer,
  limit: number,
): Either.Either<PairInput, TokenizerError> =>
  Either.map(template === "pair" ? compileLayout(tokenizer) : compileText(template, tokenizer), ({ parts, encode }) => {
    const around = fixedTokens(parts)
    const encodeTrimmed =
      (encodeText: Tokenizer["encode"]): Tokenizer["encode"] =>
      (text) => {
        const bare = trimmed(text)
        return bare === "" ? emptyIds.slice() : encodeText(bare)
      }
    let query: TokenIds = emptyIds
    let passage: TokenIds = emptyIds
    const writeParts = writer(parts, (slot) => (slot === "query" ? query : passage))
    return {
      template: template === "pair" ? "pair" : template.text,
      limit,
      around,
      hasTypes: parts.some((part) => part.type !== 0),
      query: encodeTrimmed(encode.query),
      passage: encodeTrimmed(encode.passage),
      checkQuery: (text, tokens) =>
        around + tokens < limit ? Either.void : Either.left(new QueryTooLong({ query: text, tokens, around, limit })),
      length: (queryTokens, passageTokens) => Math.min(limit, around + queryTokens + passageTokens),
      truncates: (queryTokens, passageTokens) => around + queryTokens + passageTokens > limit,
      write: (queryIds, passageIds, ids, offset, types) => {
        query = queryIds
        passage = passageIds.subarray(0, Math.max(0, limit - around - queryIds.length))
        return writeParts(ids, offset, types)
      },
    }
  })

/**
 * Prepares the input of a model that reads one text at a time (a bi-encoder): the tokenizer's own layout for one text. A
 * prefix (`query:`) is put before every text and is never shortened.
 */
export const singleInput = (
  tokenizer: Tokenizer,
  limit: number,
  prefix = "",
): Either.Either<SingleInput, TokenizerError> =>
  Either.gen(function* () {
    let layout = tokenizer.layouts?.single
    if (layout === undefined) {
      const { cls, sep } = yield* usualLayout(tokenizer, "A single text's layout")
      layout = [
        { ids: [cls], type: 0 },
        { text: "first", type: 0 },
        { ids: [sep], type: 0 },
      ]
    }
    const before = trimmed(prefix)
    const encodeText = before === "" ? tokenizer.encode : tokenizer.encodeNext
    if (encodeText === undefined)
      return yield* Either.left(
        new TemplateInvalid({
          template: `${before} {text}`,
          problem: `joins two texts, but this tokenizer (${tokenizer.description}) does not decompose at spaces`,
        }),
      )
    const beforeIds = before === "" ? emptyIds : tokenizer.encode(before)
    const parts = layoutParts(layout).flatMap(
      (part): ReadonlyArray<Slot | Fixed> => ("slot" in part ? [{ ids: beforeIds, type: part.type }, part] : [part]),
    )
    const around = fixedTokens(parts)
    let text: TokenIds = emptyIds
    const writeParts = writer(parts, () => text)
    return {
      limit,
      around,
      text: (raw) => {
        const bare = trimmed(raw)
        return bare === "" ? emptyIds.slice() : encodeText(bare)
      },
      length: (tokens) => Math.min(limit, around + tokens),
      truncates: (tokens) => around + tokens > limit,
      write: (textIds, ids, offset, types) => {
        text = textIds.subarray(0, Math.max(0, limit - around))
        return writeParts(ids, offset, types)
      },
    }
  })
