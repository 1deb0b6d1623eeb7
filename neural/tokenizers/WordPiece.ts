import { type AddedToken, addedSplitter } from "./AddedTokens.ts"
import { wordsAndMarks } from "./characterClasses.ts"
import { IdBuffer, remember } from "./IdBuffer.ts"
import type { Layouts, SpecialIds, Tokenizer } from "./Tokenizer.ts"

/** What decides a BERT tokenization. */
export interface WordPieceModel {
  readonly description: string
  /** By piece, as the vocabulary spells it: a piece that goes on within a word begins with `prefix`. */
  readonly ids: ReadonlyMap<string, number>
  readonly prefix: string
  readonly unk: number
  /** A word of more characters is unknown. */
  readonly longestWord: number
  readonly clean: boolean
  readonly splitIdeographs: boolean
  readonly stripAccents: boolean
  readonly lowercase: boolean
  readonly added: ReadonlyMap<string, AddedToken>
  readonly special: SpecialIds
  readonly layouts: Layouts | undefined
}

const unwanted = /[\0\ufffd\p{Co}\p{Cf}]|(?![\t\n\r])\p{Cc}/gu

/** The ranges that the reference takes for Chinese (its third and fourth from the end are as they are there). */
const ideograph =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu

const easy = /^[0-9A-Za-z]+$/u

/**
 * BERT's tokenizer as Hugging Face's fast one has it: clean, set ideographs apart, strip accents, lower-case, split at white
 * space and punctuation, then the longest pieces from the left; a word that no pieces make up is unknown. Each
 * space-separated part of a text is treated on its own, and remembered. (Character classes follow the Unicode version of
 * the JavaScript engine, those of the reference an older one; some hundred rare characters differ.)
 */
export const wordPiece = (model: WordPieceModel): Tokenizer => {
  const { ids, prefix, unk, longestWord } = model
  let longestPiece = 1
  let vocabularySize = 0
  const pieces: Array<string | undefined> = []
  for (const [piece, id] of ids) {
    if (piece.length > longestPiece) longestPiece = piece.length
    if (id >= vocabularySize) vocabularySize = id + 1
    pieces[id] = piece
  }
  // Those within a word, without their prefix.
  const within = new Map<string, number>()
  for (const [piece, id] of ids) if (piece.startsWith(prefix)) within.set(piece.slice(prefix.length), id)

  const addWord = (word: string, out: Array<number>): void => {
    if (word.length > longestWord && Array.from(word).length > longestWord) {
      out.push(unk)
      return
    }
    const first = out.length
    for (let begin = 0; begin < word.length; ) {
      const known = begin === 0 ? ids : within
      let end = Math.min(word.length, begin + longestPiece)
      let id: number | undefined
      for (; end > begin; end--) {
        id = known.get(word.substring(begin, end))
        if (id !== undefined) break
      }
      if (id === undefined) {
        out.length = first
        out.push(unk)
        return
      }
      out.push(id)
      begin = end
    }
  }

  const encodePart = (part: string): ReadonlyArray<number> => {
    const out: Array<number> = []
    let text = part
    if (easy.test(text)) {
      addWord(model.lowercase ? text.toLowerCase() : text, out)
      return out
    }
    if (model.clean) text = text.replace(unwanted, "")
    if (model.splitIdeographs) text = text.replace(ideograph, " $& ")
    if (model.stripAccents) text = text.normalize("NFD").replace(/\p{Mn}/gu, "")
    // By the character: a final sigma is lower-cased like any other.
    if (model.lowercase) text = text.replace(/\p{Changes_When_Lowercased}/gu, (upper) => upper.toLowerCase())
    for (const [word] of text.matchAll(wordsAndMarks)) addWord(word, out)
    return out
  }

  const split = addedSplitter(model.added)
  const partIds = remember(encodePart)
  const buffer = new IdBuffer()
  const addSection = (text: string): void => {
    for (let from = 0; from < text.length; ) {
      const space = text.indexOf(" ", from)
      const to = space < 0 ? text.length : space
      if (from < to) buffer.add(partIds(text.substring(from, to)))
      from = to + 1
    }
  }
  const encode = (text: string): Int32Array<ArrayBuffer> => {
    buffer.clear()
    split(text, addSection, (id) => buffer.push(id))
    return buffer.toArray()
  }

  return {
    description: model.description,
    vocabularySize,
    special: model.special,
    layouts: model.layouts,
    encode,
    encodeNext: encode,
    idOf: (piece) => ids.get(piece),
    pieceOf: (id) => pieces[id],
  }
}
