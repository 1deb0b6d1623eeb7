import { causeText, isRecord } from "../../schemas/index.ts"
import type { AddedToken } from "./AddedTokens.ts"
import { readCharsmap } from "./Charsmap.ts"
import { whiteSpace } from "./characterClasses.ts"
import { spaceRuns, withClassParts } from "./classParts.ts"
import { IdBuffer, remember } from "./IdBuffer.ts"
import { openLibrary } from "./library.ts"
import { forLibrary } from "./libraryParts.ts"
import { withNamedTokens } from "./namedTokens.ts"
import { type PieceModel, pieceTokenizer, type SpacePolicy, staysWithinWords } from "./PieceTokenizer.ts"
import { flattened, layoutsOf } from "./postProcessor.ts"
import { bytePieces, plain, unigramWithBytes } from "./sentencePiece.ts"
import { isTokenId, type SpecialNames, specialIds } from "./specialTokens.ts"
import type { Layouts, Tokenizer } from "./Tokenizer.ts"
import { bertPreparation } from "./tokenizerConfig.ts"
import { unigram } from "./Unigram.ts"
import { wordPiece } from "./WordPiece.ts"

type Json = Readonly<Record<string, unknown>>

interface Added extends AddedToken {
  readonly content: string
  readonly singleWord: boolean
}

const addedTokens = (file: Json): ReadonlyArray<Added> => {
  const list = file["added_tokens"]
  const added: Array<Added> = []
  for (const token of Array.isArray(list) ? list : [])
    if (isRecord(token) && typeof token["content"] === "string" && typeof token["id"] === "number")
      added.push({
        content: token["content"],
        id: token["id"],
        stripBefore: token["lstrip"] === true,
        stripAfter: token["rstrip"] === true,
        singleWord: token["single_word"] === true,
      })
  return added
}

const typesOf = (parts: ReadonlyArray<Json>): ReadonlyArray<unknown> => parts.map((part) => part["type"])

/** The prefix that a Metaspace pre-tokenizer asks for; older files say `add_prefix_space`. */
const metaspacePrefix = (part: Json): SpacePolicy["prefix"] | undefined => {
  if ((part["replacement"] ?? "\u2581") !== "\u2581") return undefined
  switch (part["prepend_scheme"]) {
    case undefined:
      return part["add_prefix_space"] === false ? "never" : "missing"
    case "always":
      return "missing"
    case "first":
      return "first"
    case "never":
      return "never"
    default:
      return undefined
  }
}

/** White space but the space itself. */
const otherSpaces = new RegExp(`(?! )${whiteSpace}`, "gu")

const runOfSpaces = new RegExp(`${whiteSpace}{2,}|[\n\r\t]`, "gu")
const spacesAtEnd = new RegExp(`${whiteSpace}+$`, "u")

const isSpaceRuns = ({ content, pattern, type }: Json): boolean =>
  type === "Replace" && isRecord(pattern) && pattern["Regex"] === spaceRuns && content === " "

/** A step of DeBERTa-v2's normalisation, which knows no rules of SentencePiece; undefined of any other part. */
const debertaStep = (part: Json): ((text: string) => string) | undefined => {
  if (isSpaceRuns(part)) return (text) => text.replace(runOfSpaces, " ")
  if (part["type"] === "NFC") return (text) => text.normalize("NFC")
  // Letter by letter: a sigma at a word's end is one like others.
  if (part["type"] === "Lowercase") return (text) => Array.from(text, (letter) => letter.toLowerCase()).join("")
  const right = part["type"] === "Strip" && part["strip_left"] === false && part["strip_right"] === true
  return right ? (text) => text.replace(spacesAtEnd, "") : undefined
}

/** The rules that DeBERTa-v2's class makes; undefined where a normalizer has other parts. */
const debertaRules = (parts: ReadonlyArray<Json>): ((text: string) => string) | undefined => {
  const steps = parts.map(debertaStep).filter((step) => step !== undefined)
  if (steps.length < parts.length || !parts.some(isSpaceRuns)) return undefined
  return (text) => steps.reduce((changed, step) => step(changed), text)
}

/** How a SentencePiece-like tokenizer.json treats text before segmentation; undefined where it has parts of another kind. */
const textRules = (file: Json): Pick<PieceModel, "normalise" | "spaceMatters" | "spaces"> | undefined => {
  let collapse = false
  let [stripStart, stripEnd] = [false, false]
  let rules: ReturnType<typeof readCharsmap>
  const normalizers = flattened(file["normalizer"], "normalizers")
  const ofDeberta = debertaRules(normalizers)
  for (const [place, part] of ofDeberta === undefined ? normalizers.entries() : []) {
    const pattern = isRecord(part["pattern"]) ? part["pattern"]["Regex"] : undefined
    if (part["type"] === "Precompiled" && place === 0) {
      const blob = part["precompiled_charsmap"]
      rules = typeof blob === "string" ? readCharsmap(Buffer.from(blob, "base64"), "grapheme") : undefined
      if (rules === undefined) return undefined
    } else if (part["type"] === "Strip") {
      stripStart ||= part["strip_left"] === true
      stripEnd ||= part["strip_right"] === true
    } else if (part["type"] === "Replace" && pattern === " {2,}") collapse = true
    else return undefined
  }
  const parts = flattened(file["pre_tokenizer"], "pretokenizers")
  const metaspace = parts.at(-1)
  const prefix = metaspace?.["type"] === "Metaspace" ? metaspacePrefix(metaspace) : undefined
  if (prefix === undefined) return undefined
  if (parts.length === 2 && parts[0]?.["type"] === "WhitespaceSplit" && prefix === "missing") {
    const normalise = rules?.normalise
    return {
      // A word that begins with U+2581 gets none before it.
      normalise: (text) =>
        (normalise === undefined ? text : normalise(text)).replace(otherSpaces, " ").replace(/ +\u2581/gu, "\u2581"),
      spaceMatters: rules?.spaceMatters ?? false,
      spaces: { collapse: true, stripStart: true, stripEnd: true, marksStay: true, prefix },
    }
  }
  if (parts.length !== 1) return undefined
  return {
    normalise: ofDeberta ?? rules?.normalise,
    spaceMatters: ofDeberta !== undefined || (rules?.spaceMatters ?? false),
    spaces: { collapse, stripStart, stripEnd, marksStay: true, prefix },
  }
}

/**
 * A unigram tokenizer.json (T5, XLM-R and their kin). Not left to the library, which approximates the precompiled
 * normalisation rules and is some twenty times slower; undefined where the file has parts that this does not know.
 */
const unigramTokenizer = (
  file: Json,
  model: Json,
  names: SpecialNames,
  layouts: Layouts | undefined,
): Tokenizer | undefined => {
  const { vocab, unk_id: unk } = model
  if (!Array.isArray(vocab) || typeof unk !== "number") return undefined
  const rules = textRules(file)
  if (rules === undefined) return undefined
  const vocabulary: Array<string | undefined> = []
  const scores: Array<number> = []
  for (const entry of vocab) {
    if (!Array.isArray(entry) || typeof entry[0] !== "string" || typeof entry[1] !== "number") return undefined
    vocabulary.push(entry[0])
    scores.push(entry[1])
  }
  const list = addedTokens(file)
  if (list.some((token) => token.singleWord)) return undefined
  const added = new Map(list.map((token) => [token.content, token]))
  const texts = vocabulary.map((piece) => plain(piece ?? ""))
  const idOf = new Map<string, number>()
  for (const [id, text] of texts.entries()) if (id !== unk && !added.has(vocabulary[id] ?? "")) idOf.set(text, id)
  for (const token of list) vocabulary[token.id] = token.content
  const byName = new Map<string, number>()
  for (const [id, piece] of vocabulary.entries()) if (piece !== undefined) byName.set(piece, id)

  const bytes = model["byte_fallback"] === true ? bytePieces((piece) => byName.get(piece)) : undefined
  const segment = unigram({
    idOf,
    scoreOf: (id) => scores[id] ?? 0,
    unk,
    unkScore: scores.reduce((a, b) => Math.min(a, b), 0) - 10,
    fuse: bytes === undefined,
  })
  return pieceTokenizer({
    description: `unigram tokenizer.json of ${vocabulary.length} pieces`,
    ...rules,
    pieces: idOf.keys(),
    fixed: new Map(),
    added,
    segment: bytes === undefined ? segment : unigramWithBytes(segment, unk, bytes, (id) => texts[id]?.length ?? 0),
    special: { ...specialIds(names, (piece) => byName.get(piece)), unk },
    layouts,
    vocabulary,
    ids: byName,
  })
}

/**
 * BERT's tokenizer.json. Not left to the library, which splits characters beyond U+FFFF, among others; undefined where the
 * file has parts that this does not know.
 */
const bertTokenizer = (
  file: Json,
  model: Json,
  names: SpecialNames,
  config: Json,
  layouts: Layouts | undefined,
): Tokenizer | undefined => {
  const { vocab, unk_token: unkToken, continuing_subword_prefix: prefix, max_input_chars_per_word: longest } = model
  const [normalizer, ...others] = flattened(file["normalizer"], "normalizers")
  const [splitter, ...rest] = flattened(file["pre_tokenizer"], "pretokenizers")
  if (normalizer?.["type"] !== "BertNormalizer" || splitter?.["type"] !== "BertPreTokenizer") return undefined
  if (others.length + rest.length > 0 || !isRecord(vocab) || typeof unkToken !== "string") return undefined
  const list = addedTokens(file)
  if (list.some((token) => token.singleWord)) return undefined
  const ids = new Map<string, number>()
  for (const [piece, id] of Object.entries(vocab)) {
    if (typeof id !== "number") return undefined
    ids.set(piece, id)
  }
  for (const token of list) ids.set(token.content, token.id)
  const unk = ids.get(unkToken)
  if (unk === undefined) return undefined
  return wordPiece({
    description: `WordPiece tokenizer.json of ${ids.size} pieces`,
    ids,
    prefix: typeof prefix === "string" ? prefix : "##",
    unk,
    longestWord: typeof longest === "number" ? longest : 100,
    clean: normalizer["clean_text"] !== false,
    ...bertPreparation(config, normalizer),
    added: new Map(list.map((token) => [token.content, token])),
    special: { ...specialIds(names, (piece) => ids.get(piece)), unk },
    layouts,
  })
}

const localNormalizers: ReadonlySet<unknown> = new Set([
  "BertNormalizer",
  "Lowercase",
  "NFC",
  "NFD",
  "NFKC",
  "NFKD",
  "StripAccents",
])
const splittingPreTokenizers: ReadonlySet<unknown> = new Set(["BertPreTokenizer", "Whitespace", "WhitespaceSplit"])

/**
 * Patterns by which byte-level tokenizers split texts into words, none of which goes on at a space that follows no white space: those
 * of Qwen, and of GPT-4 and Llama 3. GPT-2's, which a ByteLevel part has by itself, does not either.
 */
const wordPatterns: ReadonlySet<unknown> = new Set(
  ["\\p{N}", "\\p{N}{1,3}"].map(
    (digits) =>
      `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  ),
)

/** Whether a byte-level tokenizer splits a text before a space that follows no white space. */
const splitsWords = (file: Json, model: Json): boolean => {
  const [first, second, ...more] = flattened(file["pre_tokenizer"], "pretokenizers")
  const bytes = second ?? first
  const splitter = second === undefined ? undefined : first
  const pattern = isRecord(splitter?.["pattern"]) ? splitter["pattern"]["Regex"] : undefined
  const known =
    splitter === undefined
      ? bytes?.["use_regex"] !== false
      : splitter["type"] === "Split" &&
        splitter["behavior"] === "Isolated" &&
        splitter["invert"] !== true &&
        wordPatterns.has(pattern) &&
        bytes?.["use_regex"] === false
  return (
    more.length === 0 &&
    known &&
    bytes?.["type"] === "ByteLevel" &&
    bytes["add_prefix_space"] === false &&
    model["type"] === "BPE" &&
    flattened(file["normalizer"], "normalizers").every((part) => part["type"] === "NFC") &&
    addedTokens(file).every((token) => !token.stripAfter)
  )
}

/**
 * At which spaces a text falls apart for the library: `dropped`, where the pre-tokenizer splits at spaces and drops them;
 * `kept`, where a space belongs to the word behind it (Gemma); `words`, where that is so of a space that follows no white space;
 * undefined where that is not known.
 */
const spacesIn = (file: Json, model: Json): "dropped" | "kept" | "words" | undefined => {
  const normalizers = flattened(file["normalizer"], "normalizers")
  const parts = flattened(file["pre_tokenizer"], "pretokenizers")
  const [first, ...rest] = parts
  if (addedTokens(file).some((token) => token.content.includes(" ") || token.singleWord)) return undefined
  if (splittingPreTokenizers.has(first?.["type"]) && typesOf(normalizers).every((type) => localNormalizers.has(type))) {
    const withinWords = rest.every((part) => part["type"] === "Metaspace" && metaspacePrefix(part) === "missing")
    return withinWords ? "dropped" : undefined
  }
  if (splitsWords(file, model)) return "words"
  const [only, ...others] = normalizers
  const pattern = isRecord(only?.["pattern"]) ? only["pattern"]["String"] : undefined
  const toSpaceSymbol = only?.["type"] === "Replace" && pattern === " " && only["content"] === "\u2581"
  const vocab = model["vocab"]
  const splitsNothing = parts.length === 0 || (parts.length === 1 && first?.["type"] === "Split")
  if (others.length === 0 && toSpaceSymbol && splitsNothing && model["type"] === "BPE" && isRecord(vocab))
    return staysWithinWords(Object.keys(vocab).map(plain)) ? "kept" : undefined
  return undefined
}

const splitsHere = /[\s\x85]/u

/** Where the next space stands that follows no white space; −1 where there is none. */
const spaceAfterWord = (text: string, from: number): number => {
  let space = text.indexOf(" ", from)
  while (space > 0 && splitsHere.test(text.charAt(space - 1))) space = text.indexOf(" ", space + 1)
  return space
}

/** Any other tokenizer.json: the library encodes; here words are remembered where a text falls apart at spaces. */
const libraryTokenizer = (
  file: Json,
  model: Json,
  names: SpecialNames,
  config: Json,
  layouts: Layouts | undefined,
): Tokenizer | { readonly problem: string } => {
  const put = forLibrary(file, model)
  if ("problem" in put) return put
  const library = openLibrary(put.read, config)
  const idsOf = (text: string): ReadonlyArray<number> => library.encode(text, { add_special_tokens: false }).ids
  const spaces = spacesIn(file, model)
  const wordIds = remember(idsOf)
  const buffer = new IdBuffer()

  const encode = (raw: string): Int32Array<ArrayBuffer> => {
    if (spaces === undefined) return Int32Array.from(idsOf(raw))
    // A line separator of Unicode that JavaScript's \s, with which the library splits, leaves out.
    const text = spaces === "dropped" ? raw.replaceAll("\x85", " ") : raw
    buffer.clear()
    for (let from = 0; from < text.length; ) {
      let at = from
      while (at < text.length && text.charCodeAt(at) === 0x20) at++
      const space = spaces === "words" ? spaceAfterWord(text, at) : text.indexOf(" ", at)
      const to = space < 0 ? text.length : space
      const begin = spaces === "dropped" ? at : from
      if (begin < to) buffer.add(wordIds(text.substring(begin, to)))
      from = to
    }
    return buffer.toArray()
  }

  let vocabularySize = 0
  for (const id of library.get_vocab().values()) vocabularySize = Math.max(vocabularySize, id + 1)
  const kind = typeof model["type"] === "string" ? model["type"] : "tokenizer"
  return {
    description: `${kind} tokenizer.json of ${vocabularySize} pieces`,
    vocabularySize,
    special: specialIds(names, (piece) => library.token_to_id(piece)),
    layouts,
    encode,
    encodeNext: spaces === undefined ? undefined : spaces === "dropped" ? encode : (text) => encode(` ${text}`),
    splitsBeforeSpaces:
      (spaces === "words" || spaces === "kept") &&
      addedTokens(file).every((token) => !token.stripBefore && !token.stripAfter),
    idOf: (piece) => library.token_to_id(piece),
    pieceOf: (id) => library.id_to_token(id),
  }
}

/**
 * A tokenizer from a parsed tokenizer.json, and the parsed tokenizer_config.json beside it. Gives a problem, as a clause,
 * where it is none.
 */
export const tokenizerJson = (
  parsed: unknown,
  names: SpecialNames,
  config: Json,
): Tokenizer | { readonly problem: string } => {
  if (!isRecord(parsed) || !isRecord(parsed["model"])) return { problem: "it is not a tokenizer.json: it has no model" }
  const file = withNamedTokens(withClassParts(parsed, parsed["model"], config), parsed["model"], config)
  const model = isRecord(file["model"]) ? file["model"] : parsed["model"]
  const odd = addedTokens(file).find((token) => !isTokenId(token.id))
  if (odd !== undefined) return { problem: `the added token ${odd.content} has the impossible id ${odd.id}` }
  const layouts = layoutsOf(file["post_processor"])
  if (layouts !== undefined && "problem" in layouts) return layouts
  const kind = model["type"] ?? (Array.isArray(model["vocab"]) ? "Unigram" : undefined)
  const own =
    kind === "Unigram"
      ? unigramTokenizer(file, model, names, layouts)
      : kind === "WordPiece"
        ? bertTokenizer(file, model, names, config, layouts)
        : undefined
  if (own !== undefined) return own
  try {
    return libraryTokenizer({ added_tokens: [], ...file }, model, names, config, layouts)
  } catch (cause) {
    return { problem: `it has parts that cannot be read: ${causeText(cause)}` }
  }
}
