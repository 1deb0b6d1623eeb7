import { wordsAndMarks } from "./characterClasses.ts"
import { Heap } from "./Heap.ts"

export interface BpeTraining {
  /** Entries of the vocabulary: special tokens, characters and merges. Fewer when the texts run out of pairs. */
  readonly size: number
  /** A pair that occurs less often is not merged. Default 2. */
  readonly leastCount?: number
  /** Characters that get an entry of their own, the most frequent first; others are unknown. Default 512. */
  readonly mostCharacters?: number
  /** Whether texts are lower-cased. Default true. */
  readonly lowercase?: boolean
  /** Whether inputs end with `</s>`, in the tokenizer's own layout. Default true. */
  readonly eos?: boolean
}

/** The files of a trained tokenizer, as texts. `transformers` loads a folder that holds them. */
export interface TrainedBpe {
  readonly "tokenizer.json": string
  readonly "tokenizer_config.json": string
}

/** pad, eos and unk have the ids 0, 1 and 2, as T5's. */
const specialTokens = ["<pad>", "</s>", "<unk>"] as const
const spaceSymbol = "\u2581"

const countWords = (texts: Iterable<string>, lowercase: boolean): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const text of texts) {
    const composed = text.normalize("NFKC")
    for (const [word] of (lowercase ? composed.toLowerCase() : composed).matchAll(wordsAndMarks))
      counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

/** Compares by code point, which is the order of the UTF-8 bytes. */
const byCodePoint = (a: string, b: string): number => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0)

const chooseCharacters = (counts: ReadonlyMap<string, number>, most: number): ReadonlyArray<string> => {
  const characters = new Map<string, number>()
  for (const [word, count] of counts)
    for (const character of spaceSymbol + word) characters.set(character, (characters.get(character) ?? 0) + count)
  return [...characters]
    .sort(([a, m], [b, n]) => n - m || byCodePoint(a, b))
    .slice(0, most)
    .map(([character]) => character)
    .sort(byCodePoint)
}

/** A stretch of a word without unknown characters, and how often it occurs. */
interface Stretch {
  symbols: Array<number>
  readonly count: number
}

const stretchesOf = (counts: ReadonlyMap<string, number>, idOf: ReadonlyMap<string, number>): Array<Stretch> => {
  const stretches: Array<Stretch> = []
  for (const [word, count] of counts) {
    let symbols: Array<number> = []
    for (const character of spaceSymbol + word) {
      const id = idOf.get(character)
      if (id !== undefined) symbols.push(id)
      else {
        if (symbols.length > 1) stretches.push({ symbols, count })
        symbols = []
      }
    }
    if (symbols.length > 1) stretches.push({ symbols, count })
  }
  return stretches
}

/** A pair of symbols that stand side by side somewhere, and how often they did when this was noted. */
interface Pair {
  readonly left: number
  readonly right: number
  readonly count: number
}

/**
 * Learns merges: the most frequent pair of neighbours first, of equals the one of lower ids (Sennrich et al., 2016; the order
 * of Hugging Face's trainer). Pair counts are kept up to date by walking the stretches in which a merged pair stood.
 */
const learnMerges = (
  stretches: ReadonlyArray<Stretch>,
  pieces: Array<string>,
  idOf: Map<string, number>,
  size: number,
  leastCount: number,
): ReadonlyArray<readonly [string, string]> => {
  const keyOf = (left: number, right: number): number => left * 2 ** 26 + right
  const counts = new Map<number, number>()
  const places = new Map<number, Set<Stretch>>()
  const queue = new Heap<Pair>(
    (a, b) =>
      a.count > b.count || (a.count === b.count && (a.left < b.left || (a.left === b.left && a.right < b.right))),
  )
  /** Adds a stretch's pairs to the counts, or takes them away. */
  const tally = (stretch: Stretch, sign: 1 | -1, touched: Set<number>): void => {
    const { symbols, count } = stretch
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = keyOf(symbols[i]!, symbols[i + 1]!)
      counts.set(key, (counts.get(key) ?? 0) + sign * count)
      touched.add(key)
      if (sign < 0) continue
      const known = places.get(key)
      if (known === undefined) places.set(key, new Set([stretch]))
      else known.add(stretch)
    }
  }
  const enqueue = (keys: Iterable<number>): void => {
    for (const key of keys) {
      const count = counts.get(key) ?? 0
      if (count > 0) queue.add({ left: Math.floor(key / 2 ** 26), right: key % 2 ** 26, count })
      else {
        counts.delete(key)
        places.delete(key)
      }
    }
  }

  const all = new Set<number>()
  for (const stretch of stretches) tally(stretch, 1, all)
  enqueue(all)

  const merges: Array<readonly [string, string]> = []
  while (pieces.length < size) {
    const pair = queue.take()
    if (pair === undefined) break
    const { left, right, count } = pair
    const key = keyOf(left, right)
    if (counts.get(key) !== count) continue
    if (count < leastCount) break
    const [a, b] = [pieces[left]!, pieces[right]!]
    let union = idOf.get(a + b)
    if (union === undefined) {
      union = pieces.length
      pieces.push(a + b)
      idOf.set(a + b, union)
    }
    merges.push([a, b])
    const touched = new Set<number>()
    for (const stretch of places.get(key) ?? []) {
      const { symbols } = stretch
      const merged: Array<number> = []
      for (let i = 0; i < symbols.length; i++) {
        if (symbols[i] === left && symbols[i + 1] === right) {
          merged.push(union)
          i++
        } else merged.push(symbols[i]!)
      }
      if (merged.length === symbols.length) continue
      tally(stretch, -1, touched)
      stretch.symbols = merged
      tally(stretch, 1, touched)
    }
    enqueue(touched)
  }
  return merges
}

/**
 * Trains a byte-pair encoding on texts. Words are what BERT's pre-tokenizer makes of them, so that a name is the same word
 * beside a quotation mark; a word begins with U+2581. The same texts give the same bytes, in whatever order they come.
 */
export const trainBpe = (texts: Iterable<string>, options: BpeTraining): TrainedBpe => {
  const { size, leastCount = 2, mostCharacters = 512, lowercase = true, eos = true } = options
  const counts = countWords(texts, lowercase)
  const pieces: Array<string> = [
    ...specialTokens,
    ...chooseCharacters(counts, Math.max(0, Math.min(mostCharacters, size - specialTokens.length))),
  ]
  const idOf = new Map(pieces.map((piece, id) => [piece, id]))
  const merges = learnMerges(stretchesOf(counts, idOf), pieces, idOf, size, leastCount)

  const end = eos ? [{ SpecialToken: { id: "</s>", type_id: 0 } }] : []
  const [first, second] = [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }]
  const metaspace = { type: "Metaspace", replacement: spaceSymbol, prepend_scheme: "always", split: true }
  const file = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "NFKC" }, ...(lowercase ? [{ type: "Lowercase" }] : [])],
    },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "BertPreTokenizer" }, metaspace] },
    post_processor: {
      type: "TemplateProcessing",
      single: [first, ...end],
      pair: [first, ...end, second, ...end],
      special_tokens: eos ? { "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] } } : {},
    },
    decoder: metaspace,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges,
    },
  }
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    pad_token: "<pad>",
    eos_token: "</s>",
    unk_token: "<unk>",
    clean_up_tokenization_spaces: false,
  }
  return {
    "tokenizer.json": `${JSON.stringify(file)}\n`,
    "tokenizer_config.json": `${JSON.stringify(config, null, 2)}\n`,
  }
}
