import { type AddedToken, addedSplitter, longestOf } from "./AddedTokens.ts"
import { IdBuffer, remember } from "./IdBuffer.ts"
import type { Layouts, SpecialIds, Tokenizer } from "./Tokenizer.ts"

/**
 * How spaces are put right before segmentation. Inside this module U+2581, which vocabularies write for a space, is a space, and
 * a literal one in a text is read as one, too.
 */
export interface SpacePolicy {
  /** Runs of spaces become one. */
  readonly collapse: boolean
  readonly stripStart: boolean
  readonly stripEnd: boolean
  /** Whether a text's own U+2581 is neither collapsed nor stripped, as in `tokenizers`. */
  readonly marksStay?: boolean
  /** Whether a space is put before: always; only where none is there; the same, but at the text's beginning only; never. */
  readonly prefix: "always" | "missing" | "first" | "never"
}

/** Everything that decides a tokenization in the manner of SentencePiece. */
export interface PieceModel {
  readonly description: string
  /** Undefined for the identity. */
  readonly normalise: ((text: string) => string) | undefined
  /** Whether what a text is normalised to can depend on a space before it. */
  readonly spaceMatters: boolean
  readonly spaces: SpacePolicy
  /** Pieces by text, spaces plain: what segmentation may give, for the check that it decomposes at spaces. */
  readonly pieces: Iterable<string>
  /** Pieces that are matched before segmentation, longest first, and take no part in it. */
  readonly fixed: ReadonlyMap<string, number>
  /** Tokens that are matched in the raw text: `</s>`, sentinels. */
  readonly added: ReadonlyMap<string, AddedToken>
  readonly segment: (text: string) => ReadonlyArray<number>
  readonly special: SpecialIds
  readonly layouts: Layouts | undefined
  /** All pieces as the vocabulary spells them, added tokens included, by id. */
  readonly vocabulary: ReadonlyArray<string | undefined>
  /** The same, by name. */
  readonly ids: ReadonlyMap<string, number>
}

/** Whether every piece begins a word, lies within one, or is made of spaces: then a text falls apart at its words. */
export const staysWithinWords = (pieces: Iterable<string>): boolean => {
  let space = false
  for (const piece of pieces) {
    if (piece.lastIndexOf(" ") > 0 && /[^ ] /u.test(piece)) return false
    if (piece === " ") space = true
  }
  // Without a piece for the space, unknown words beside one another would be fused.
  return space
}

/** A tokenizer from a model in the manner of SentencePiece. */
export const pieceTokenizer = (model: PieceModel): Tokenizer => {
  const { normalise, spaces, fixed } = model
  const split = addedSplitter(model.added)
  const fixedPattern = longestOf(fixed.keys())
  const decomposes = staysWithinWords(model.pieces) && staysWithinWords([" ", ...fixed.keys()])
  const wordIds = remember(model.segment)
  const buffer = new IdBuffer()

  /** Words with the spaces before them; the spaces at the end are a word too. */
  const addWords = (text: string, begin: number, end: number): void => {
    if (!decomposes) {
      if (begin < end) buffer.add(model.segment(text.substring(begin, end)))
      return
    }
    for (let from = begin; from < end; ) {
      let at = from
      while (at < end && text.charCodeAt(at) === 0x20) at++
      const space = text.indexOf(" ", at)
      const to = space < 0 || space > end ? end : space
      buffer.add(wordIds(text.substring(from, to)))
      from = to
    }
  }

  /** Fixed pieces are not normalised. */
  const normalised = (raw: string): string => {
    if (normalise === undefined) return raw
    if (fixedPattern === undefined) return normalise(raw)
    let text = ""
    let from = 0
    for (const match of raw.matchAll(fixedPattern)) {
      text += normalise(raw.slice(from, match.index)) + match[0]
      from = match.index + match[0].length
    }
    return text + normalise(raw.slice(from))
  }

  const needsPrefix = (text: string, place: "first" | "later"): boolean => {
    switch (spaces.prefix) {
      case "always":
        return true
      case "missing":
        return !text.startsWith(" ")
      case "first":
        return place === "first" && !text.startsWith(" ")
      case "never":
        return false
    }
  }

  /** `continued`: the section goes on after a space, which it begins with. */
  const addSection = (raw: string, place: "first" | "later" | "continued"): void => {
    let text = normalised(raw)
    const hasMarks = text.includes("\u2581")
    if (hasMarks && spaces.marksStay !== true) text = text.replaceAll("\u2581", " ")
    if (spaces.collapse && text.includes("  ")) text = text.replace(/ {2,}/gu, " ")
    if (spaces.stripStart && place !== "continued") text = text.replace(/^ +/u, "")
    if (spaces.stripEnd && text.endsWith(" ")) text = text.replace(/ +$/u, "")
    if (hasMarks && spaces.marksStay === true) text = text.replaceAll("\u2581", " ")
    if (text === "") return
    if (place !== "continued" && needsPrefix(text, place)) text = ` ${text}`
    if (fixedPattern === undefined) {
      addWords(text, 0, text.length)
      return
    }
    let from = 0
    for (const match of text.matchAll(fixedPattern)) {
      addWords(text, from, match.index)
      buffer.push(fixed.get(match[0]) ?? 0)
      from = match.index + match[0].length
    }
    addWords(text, from, text.length)
  }

  const encodeAs = (text: string, start: "first" | "continued"): Int32Array<ArrayBuffer> => {
    buffer.clear()
    split(
      text,
      (section, from) => addSection(section, from === 0 ? start : "later"),
      (id) => buffer.push(id),
    )
    return buffer.toArray()
  }

  return {
    description: model.description,
    vocabularySize: model.vocabulary.length,
    special: model.special,
    layouts: model.layouts,
    encode: (text) => encodeAs(text, "first"),
    encodeNext: decomposes && !model.spaceMatters ? (text) => encodeAs(` ${text}`, "continued") : undefined,
    splitsBeforeSpaces:
      decomposes &&
      !model.spaceMatters &&
      spaces.prefix === "never" &&
      !spaces.collapse &&
      !spaces.stripStart &&
      !spaces.stripEnd &&
      [...model.added].every(([name, token]) => !name.includes(" ") && !token.stripBefore && !token.stripAfter),
    idOf: (piece) => model.ids.get(piece),
    pieceOf: (id) => model.vocabulary[id],
  }
}
