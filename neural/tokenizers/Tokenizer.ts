/** The ids of a tokenizer's special tokens, by the part that they play; undefined where it has none. */
export interface SpecialIds {
  readonly pad: number | undefined
  readonly eos: number | undefined
  readonly bos: number | undefined
  readonly unk: number | undefined
  readonly cls: number | undefined
  readonly sep: number | undefined
  readonly mask: number | undefined
}

/** A place in the input of a model: fixed ids, or one of the two texts. `type` is the token type of those positions. */
export type LayoutPart =
  | { readonly ids: ReadonlyArray<number>; readonly type: number }
  | { readonly text: "first" | "second"; readonly type: number }

/** What a tokenizer's own post-processor puts around one text, and around a pair. */
export interface Layouts {
  readonly single: ReadonlyArray<LayoutPart>
  readonly pair: ReadonlyArray<LayoutPart>
}

/**
 * Text to ids and back to pieces. Encoding adds no special tokens; those that stand in the text by name (`</s>`) become
 * their ids, as the reference implementations have it. A lone surrogate counts as U+FFFD. Encoding is deterministic; it
 * remembers words, so it is faster the more it has seen, within a bound.
 */
export interface Tokenizer {
  /** What it is, in words, for messages: `unigram of 32,100 pieces`. */
  readonly description: string
  /** The highest id plus one: an embedding needs at least so many rows. */
  readonly vocabularySize: number
  readonly special: SpecialIds
  /** Present where the tokenizer's own files say what surrounds a text and a pair. */
  readonly layouts: Layouts | undefined
  readonly encode: (text: string) => Int32Array<ArrayBuffer>
  /**
   * The ids of a text that stands behind a space in a longer one, such that for trimmed, non-empty `a` and `b`
   * `encode(a + " " + b)` is `encode(a)` followed by `encodeNext(b)`, exactly. Undefined where the tokenizer does not
   * decompose at spaces.
   */
  readonly encodeNext: ((text: string) => Int32Array<ArrayBuffer>) | undefined
  /**
   * Whether a text falls apart before a space that follows no white space, on whichever side it goes on: where `a` ends so,
   * `encode(a + " " + b)` is `encode(a)` followed by `encode(" " + b)`, exactly. Absent where that is not known.
   */
  readonly splitsBeforeSpaces?: boolean
  readonly idOf: (piece: string) => number | undefined
  /** The piece of an id as the vocabulary spells it (a space is U+2581 in SentencePiece's). */
  readonly pieceOf: (id: number) => string | undefined
}

/** T5's sentinel `<extra_id_k>`. */
export const sentinelOf = (tokenizer: Tokenizer, k: number): number | undefined => tokenizer.idOf(`<extra_id_${k}>`)

/** White space at both ends, and U+2581, which stands for a space, taken off: what `encodeNext` asks for. */
export const trimmed = (text: string): string => text.replace(/^[\s\u2581]+|[\s\u2581]+$/gu, "")
