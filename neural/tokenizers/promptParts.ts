import * as Either from "effect/Either"
import { type PromptTemplate, templateText } from "../../schemas/index.ts"
import type { Tokenizer } from "./Tokenizer.ts"
import { SpecialTokenMissing, TemplateInvalid } from "./TokenizerError.ts"
import type { TokenIds } from "./TokenTable.ts"

/** A place of a prompt: fixed ids, or one of the texts with what cannot be tokenized apart from it. */
export type PromptPlace = { readonly ids: Int32Array<ArrayBuffer> } | { readonly slot: "query" | "passage" }

/** A prompt made ready for a tokenizer. */
export interface CompiledPrompt {
  readonly places: ReadonlyArray<PromptPlace>
  /** The ids of a text with the words of the prompt around it that its first or last token may reach into. */
  readonly query: Tokenizer["encode"]
  readonly passage: Tokenizer["encode"]
  /** The ids of those words behind a query: they stay where the query is cut. */
  readonly behindQuery: TokenIds
}

const [queryPlace, documentPlace] = ["{query}", "{document}"]

/** Names that can only be special tokens. */
const special = /<\|[^|<>\s]+\|>/gu

/** Where words that stand before a text may be tokenized apart: before their last space, if no white space is before it. */
const seam = (words: string): number => {
  const space = words.lastIndexOf(" ")
  return space > 0 && !/\s/u.test(words.charAt(space - 1)) ? space : -1
}

/**
 * Prepares a prompt. A query and a passage in one part are tokenized once each all the same where the tokenizer's texts fall apart
 * before spaces (`splitsBeforeSpaces`): what stands between them is cut at its last space, so that the ids are those of the whole part.
 */
export const compilePrompt = (
  template: PromptTemplate,
  tokenizer: Tokenizer,
): Either.Either<CompiledPrompt, TemplateInvalid | SpecialTokenMissing> => {
  const { parts } = template
  const shown = templateText(template)
  const invalid = (problem: string) => Either.left(new TemplateInvalid({ template: shown, problem }))
  const missing = (token: string) =>
    Either.left(
      new SpecialTokenMissing({ tokenizer: tokenizer.description, token, neededBy: `The template «${shown}»` }),
    )
  const whole = parts.join("")
  for (const name of [queryPlace, documentPlace]) {
    if (whole.split(name).length !== 2) return invalid(`must have ${name} exactly once`)
  }
  const at = parts.findIndex((part) => part.includes(queryPlace))
  const until = parts.findIndex((part) => part.includes(documentPlace))
  if (at < 0 || until < 0) return invalid("has a place in two parts")
  const [asked = "", found = ""] = [parts[at], parts[until]]
  if (whole.indexOf(documentPlace) < whole.indexOf(queryPlace))
    return invalid("has the document before the query, which is not built")
  if (!found.endsWith(documentPlace)) {
    return invalid("has words behind {document} in its part, which a long document would lose: begin a part with them")
  }
  for (const [name] of whole.matchAll(special)) if (tokenizer.idOf(name) === undefined) return missing(name)
  const splits = tokenizer.splitsBeforeSpaces === true
  const places: Array<PromptPlace> = []
  const fix = (text: string): void => {
    if (text !== "") places.push({ ids: tokenizer.encode(text) })
  }
  /** Words before a place: those that can be tokenized apart are, and the others are given back. */
  const before = (words: string): string => {
    const cut = splits ? seam(words) : -1
    if (cut < 0) return words
    fix(words.slice(0, cut))
    return words.slice(cut)
  }
  if (template.bos) {
    if (tokenizer.special.bos === undefined) return missing("bos")
    places.push({ ids: Int32Array.of(tokenizer.special.bos) })
  }
  parts.slice(0, at).forEach(fix)
  const beforeQuery = before(asked.slice(0, asked.indexOf(queryPlace)))
  places.push({ slot: "query" })
  const behind = asked.slice(asked.indexOf(queryPlace) + queryPlace.length)
  let [behindQuery, beforePassage] = [behind, ""]
  if (at === until) {
    const between = behind.slice(0, -documentPlace.length)
    const cut = splits ? seam(between) : -1
    if (cut < 0) {
      return invalid(
        splits
          ? "has no word and space between {query} and {document}, so that they cannot be tokenized apart; put them into parts of their own"
          : `has {query} and {document} in one part, and this tokenizer (${tokenizer.description}) does not fall apart before spaces; put them into parts of their own`,
      )
    }
    behindQuery = between.slice(0, cut)
    beforePassage = between.slice(cut)
  } else {
    parts.slice(at + 1, until).forEach(fix)
    beforePassage = before(found.slice(0, -documentPlace.length))
  }
  places.push({ slot: "passage" })
  parts.slice(until + 1).forEach(fix)
  if (template.eos) {
    if (tokenizer.special.eos === undefined) return missing("eos")
    places.push({ ids: Int32Array.of(tokenizer.special.eos) })
  }
  const around = (first: string, last: string) => (text: string) => {
    const joined = `${first}${text}${last}`
    return joined === "" ? new Int32Array(0) : tokenizer.encode(joined)
  }
  return Either.right({
    places,
    query: around(beforeQuery, behindQuery),
    passage: around(beforePassage, ""),
    behindQuery: behindQuery === "" ? new Int32Array(0) : tokenizer.encode(behindQuery),
  })
}

/** A query cut to so many tokens, the words of the prompt behind it among them, which stay. */
export const cutQuery = (query: TokenIds, kept: number, behindQuery: TokenIds): TokenIds => {
  if (kept >= query.length) return query
  const words = behindQuery.subarray(0, Math.min(kept, behindQuery.length))
  const cut = new Int32Array(kept)
  cut.set(query.subarray(0, kept - words.length))
  cut.set(words, kept - words.length)
  return cut
}
