import type { AddedToken } from "./AddedTokens.ts"
import { bytePairs } from "./Bpe.ts"
import { readCharsmap } from "./Charsmap.ts"
import { type PieceModel, pieceTokenizer } from "./PieceTokenizer.ts"
import { readSentencePiece, type SentencePieceModel } from "./SentencePieceModel.ts"
import { type SpecialNames, specialIds } from "./specialTokens.ts"
import type { Tokenizer } from "./Tokenizer.ts"
import { unigram } from "./Unigram.ts"

/** What stands beside a SentencePiece model in a checkpoint's folder. */
export interface SentencePieceExtras {
  readonly names: SpecialNames
  /** Tokens that the folder's configuration adds, by name. */
  readonly added: ReadonlyMap<string, number>
}

/** A space where the vocabulary writes U+2581. */
export const plain = (piece: string): string => piece.replaceAll("\u2581", " ")

/** The ids of the 256 byte pieces `<0x00>` … `<0xFF>`; undefined unless all are there. */
export const bytePieces = (idOf: (piece: string) => number | undefined): ReadonlyArray<number> | undefined => {
  const ids: Array<number> = []
  for (let byte = 0; byte < 256; byte++) {
    const id = idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`)
    if (id === undefined) return undefined
    ids.push(id)
  }
  return ids
}

const encoder = new TextEncoder()

/** Spells characters that have no piece as UTF-8 bytes. */
const spell = (bytes: ReadonlyArray<number>, characters: string): Array<number> =>
  Array.from(encoder.encode(characters), (byte) => bytes[byte] ?? 0)

/** Unigram segmentation after which unknown characters, each marked `unk`, are spelt as bytes. */
export const unigramWithBytes = (
  segment: (text: string) => ReadonlyArray<number>,
  unk: number,
  bytes: ReadonlyArray<number>,
  lengthOf: (id: number) => number,
): ((text: string) => ReadonlyArray<number>) => {
  return (text) => {
    const ids = segment(text)
    if (!ids.includes(unk)) return ids
    const spelt: Array<number> = []
    let at = 0
    for (const id of ids) {
      if (id !== unk) {
        spelt.push(id)
        at += lengthOf(id)
        continue
      }
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0xfffd)
      // Inside, a space stands for U+2581; it is that character's bytes which the reference spells.
      spelt.push(...spell(bytes, character === " " ? "\u2581" : character))
      at += character.length
    }
    return spelt
  }
}

const segmentation = (
  model: SentencePieceModel,
  texts: ReadonlyArray<string>,
  byName: ReadonlyMap<string, number>,
): { readonly segment: (text: string) => ReadonlyArray<number> } | { readonly problem: string } => {
  const { scores, types, ids } = model
  const idOf = new Map<string, number>()
  const isPiece = (id: number): boolean =>
    types[id] === "normal" || types[id] === "user-defined" || (model.kind === "bpe" && types[id] === "unused")
  for (const [id, text] of texts.entries()) if (isPiece(id)) idOf.set(text, id)
  const bytes = model.byteFallback ? bytePieces((piece) => byName.get(piece)) : undefined
  if (model.byteFallback && bytes === undefined) return { problem: "it falls back on bytes, but lacks pieces for some" }

  if (model.kind === "bpe") {
    const fallback = (character: string): ReadonlyArray<number> =>
      bytes === undefined ? [ids.unk] : spell(bytes, character === " " ? "\u2581" : character)
    const merge = bytePairs({
      idOf,
      pieceOf: (id) => texts[id],
      scoreOf: (id) => scores[id] ?? 0,
      isUnused: (id) => types[id] === "unused",
      fallback,
    })
    if (bytes !== undefined) return { segment: merge }
    return { segment: (text) => merge(text).filter((id, i, all) => id !== ids.unk || all[i - 1] !== ids.unk) }
  }

  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const [id, score] of scores.entries())
    if (types[id] === "normal") {
      lowest = Math.min(lowest, score)
      highest = Math.max(highest, score)
    }
  // A user-defined piece outbids any segmentation of its text: its bytes times the highest score, less a little.
  const bids = scores.map((score, id) =>
    types[id] === "user-defined" ? encoder.encode(model.pieces[id]).length * highest - 0.1 : score,
  )
  const segment = unigram({
    idOf,
    scoreOf: (id) => bids[id] ?? 0,
    unk: ids.unk,
    unkScore: lowest - 10,
    fuse: bytes === undefined,
  })
  if (bytes === undefined) return { segment }
  return { segment: unigramWithBytes(segment, ids.unk, bytes, (id) => texts[id]?.length ?? 0) }
}

/**
 * A tokenizer from the bytes of a SentencePiece `.model`: unigram or BPE, with its own normalisation rules. Gives a problem,
 * as a clause, where the file is damaged or of a kind that is not read.
 */
export const sentencePiece = (
  file: Uint8Array,
  extras: SentencePieceExtras,
): Tokenizer | { readonly problem: string } => {
  const model = readSentencePiece(file)
  if ("problem" in model) return { problem: `it is not a SentencePiece model: ${model.problem}` }
  if (model.kind !== "unigram" && model.kind !== "bpe")
    return { problem: `its kind of segmentation (${model.kind}) is not one that checkpoints use` }
  if (model.spaceIsSuffix || !model.escapeSpaces)
    return { problem: "it treats spaces in a way that is not read (as suffixes, or unescaped)" }
  const charsmap = model.charsmap.length === 0 ? undefined : readCharsmap(model.charsmap, "longest")
  if (charsmap === undefined && model.charsmap.length > 0) return { problem: "its normalisation rules are damaged" }

  const texts = model.pieces.map(plain)
  const vocabulary: Array<string | undefined> = [...model.pieces]
  const added = new Map<string, AddedToken>()
  for (const [id, piece] of model.pieces.entries())
    if (model.types[id] === "control" || model.types[id] === "unknown")
      added.set(piece, { id, stripBefore: false, stripAfter: false })
  for (const [piece, id] of extras.added) {
    added.set(piece, { id, stripBefore: false, stripAfter: false })
    vocabulary[id] = piece
  }
  const fixed = new Map<string, number>()
  for (const [id, text] of texts.entries()) if (model.types[id] === "user-defined") fixed.set(text, id)

  const byName = new Map<string, number>()
  for (const [id, piece] of vocabulary.entries()) if (piece !== undefined) byName.set(piece, id)
  const core = segmentation(model, texts, byName)
  if ("problem" in core) return core
  const named = specialIds(extras.names, (piece) => byName.get(piece))
  const own = (id: number): number | undefined => (id >= 0 && id < model.pieces.length ? id : undefined)
  const described: PieceModel = {
    description: `${model.kind === "bpe" ? "SentencePiece BPE" : "SentencePiece unigram"} of ${vocabulary.length} pieces`,
    normalise: charsmap?.normalise,
    spaceMatters: charsmap?.spaceMatters ?? false,
    spaces: {
      collapse: model.removeExtraSpaces,
      stripStart: model.removeExtraSpaces,
      stripEnd: model.removeExtraSpaces,
      prefix: model.addDummyPrefix ? "always" : "never",
    },
    pieces: texts.filter((_, id) => model.types[id] === "normal" || model.types[id] === "unused"),
    fixed,
    added,
    segment: core.segment,
    special: {
      ...named,
      pad: own(model.ids.pad) ?? named.pad,
      eos: own(model.ids.eos) ?? named.eos,
      bos: own(model.ids.bos) ?? named.bos,
      unk: model.ids.unk,
    },
    layouts: undefined,
    vocabulary,
    ids: byName,
  }
  return pieceTokenizer(described)
}
