import { isRecord } from "../../schemas/index.ts"
import { literalPattern } from "./AddedTokens.ts"
import { punctuation, whiteSpace, wordsAndMarks } from "./characterClasses.ts"
import { flattened } from "./postProcessor.ts"

type Json = Readonly<Record<string, unknown>>

/** Characters of words as `tokenizers` has them. */
const wordCharacters = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"

/** A splitter that yields what a pattern finds and drops the rest: the one kind that the library has as `tokenizers` has it. */
const finding = (pattern: string): Json => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Removed",
  invert: true,
})

/** What splitting at a delimiter yields, as a pattern of all that is yielded; undefined of a behaviour that nobody has. */
const yielded = (delimiter: string, behavior: unknown): string | undefined => {
  const between = `(?:(?!${delimiter})[\\s\\S])+`
  switch (behavior) {
    case "Isolated":
      return `${delimiter}|${between}`
    case "Removed":
      return between
    case "Contiguous":
      return `(?:${delimiter})+|${between}`
    case "MergedWithPrevious":
      return `${between}(?:${delimiter})?|${delimiter}`
    case "MergedWithNext":
      return `${delimiter}${between}|${delimiter}|${between}`
    default:
      return undefined
  }
}

const delimiterOf = (pattern: unknown): string | undefined => {
  if (!isRecord(pattern)) return undefined
  const { Regex, String: text } = pattern
  if (typeof Regex === "string") return `(?:${Regex})`
  return typeof text === "string" && text !== "" ? `(?:${literalPattern(text)})` : undefined
}

/** A part of a pre-tokenizer as parts that the library has as `tokenizers` has them; undefined where there are none. */
const known = (part: Json): ReadonlyArray<Json> | undefined => {
  switch (part["type"]) {
    case "Whitespace":
      return [finding(`[${wordCharacters}]+|[^${wordCharacters}${whiteSpace}]+`)]
    case "WhitespaceSplit":
      return [finding(`[^${whiteSpace}]+`)]
    case "BertPreTokenizer":
      return [finding(wordsAndMarks.source)]
    case "Punctuation": {
      const pattern = yielded(punctuation, part["behavior"] ?? "Isolated")
      return pattern === undefined ? undefined : [finding(pattern)]
    }
    case "Digits": {
      const pattern = yielded("\\p{N}", part["individual_digits"] === true ? "Isolated" : "Contiguous")
      return pattern === undefined ? undefined : [finding(pattern)]
    }
    case "Split": {
      const { behavior, invert, pattern } = part
      if (invert !== true && behavior === "Isolated") return [part]
      const delimiter = delimiterOf(pattern)
      if (delimiter === undefined) return undefined
      if (invert === true && behavior === "Removed") return [finding(delimiter)]
      const all = yielded(delimiter, invert === true && behavior !== "Isolated" ? undefined : behavior)
      return all === undefined ? undefined : [finding(all)]
    }
    case "Metaspace": {
      const { replacement = "\u2581", split } = part
      if (split === false || typeof replacement !== "string") return [part]
      const words = yielded(literalPattern(replacement), "MergedWithNext")
      return words === undefined ? undefined : [part, finding(words)]
    }
    default:
      return [part]
  }
}

/** A part of a normalizer, likewise. */
const knownNormalizer = (part: Json): ReadonlyArray<Json> => {
  if (part["type"] !== "Strip") return [part]
  const without = (pattern: string): Json => ({ type: "Replace", pattern: { Regex: pattern }, content: "" })
  return [
    ...(part["strip_left"] === false ? [] : [without(`\\A${whiteSpace}+`)]),
    ...(part["strip_right"] === false ? [] : [without(`${whiteSpace}+\\z`)]),
  ]
}

/** Several parts as one; none as nothing. */
const together = (parts: ReadonlyArray<Json>, within: string): Json | null => {
  const [only, ...others] = parts
  return others.length === 0 ? (only ?? null) : { type: "Sequence", [within]: parts }
}

/**
 * A tokenizer.json as `@huggingface/tokenizers` 0.2.0 reads it rightly: where that does otherwise than `tokenizers`, with other parts that
 * come to the same. Its `Whitespace` and `Digits` know ASCII's letters and digits alone, its `Punctuation` and `Split` pass over the
 * behaviour, its `Metaspace` leaves words together, and its white space is JavaScript's.
 *
 * @returns the file, or what of it has no such parts, as a clause
 */
export const forLibrary = (file: Json, model: Json): { readonly read: Json } | { readonly problem: string } => {
  const added: unknown = file["added_tokens"]
  for (const token of Array.isArray(added) ? added : []) {
    if (isRecord(token) && token["single_word"] === true)
      return { problem: `its added token ${String(token["content"])} is for whole words only (single_word)` }
  }
  const prefix = model["continuing_subword_prefix"]
  if (model["type"] === "BPE" && typeof prefix === "string" && prefix !== "")
    return {
      problem: `its byte-pair encoding marks what goes on within a word (continuing_subword_prefix "${prefix}")`,
    }
  const parts: Array<Json> = []
  for (const part of flattened(file["pre_tokenizer"], "pretokenizers")) {
    const made = known(part)
    if (made === undefined) {
      const how = `${String(part["behavior"])}${part["invert"] === true ? ", inverted" : ""}`
      return { problem: `its pre_tokenizer has a ${String(part["type"])} (${how}) that is not built` }
    }
    parts.push(...made)
  }
  const normalizers = flattened(file["normalizer"], "normalizers").flatMap(knownNormalizer)
  return {
    read: {
      ...file,
      normalizer: together(normalizers, "normalizers"),
      pre_tokenizer: together(parts, "pretokenizers"),
    },
  }
}
