import { Heap } from "./Heap.ts"

/** A vocabulary's side that merging needs. Pieces are keyed with plain spaces where the vocabulary has U+2581. */
export interface BpeVocabulary {
  /** Pieces that merging may make: normal ones and unused ones. */
  readonly idOf: ReadonlyMap<string, number>
  readonly pieceOf: (id: number) => string | undefined
  /** The priority of the merge that makes a piece: higher first. */
  readonly scoreOf: (id: number) => number
  readonly isUnused: (id: number) => boolean
  /** The ids of a character that is no piece: `unk`, or its bytes. */
  readonly fallback: (character: string) => ReadonlyArray<number>
}

/** Two neighbours that may be merged: their places, their symbols, what they make. */
interface Candidate {
  readonly left: number
  readonly a: number
  readonly right: number
  readonly b: number
  readonly union: number
  readonly score: number
}

/**
 * Byte-pair encoding as SentencePiece has it: from single characters, the two neighbours whose union is the piece of the
 * highest score are merged, leftmost first among equals, until no union is a piece. Unused pieces may arise on the way and
 * are taken apart again at the end. A heap of candidate pairs: O(n log n) in the length of the text. Pure.
 */
export const bytePairs = (vocabulary: BpeVocabulary): ((text: string) => ReadonlyArray<number>) => {
  const { idOf, pieceOf, scoreOf, isUnused, fallback } = vocabulary

  // Characters outside the vocabulary take part under ids of their own, below −1: a piece may contain a character that is
  // not itself a piece.
  const strangers: Array<string> = []
  const strangerIds = new Map<string, number>()
  const symbolOf = (character: string): number => {
    const known = idOf.get(character) ?? strangerIds.get(character)
    if (known !== undefined) return known
    const id = -2 - strangers.length
    strangers.push(character)
    strangerIds.set(character, id)
    return id
  }
  const textOf = (symbol: number): string => (symbol < 0 ? strangers[-2 - symbol] : pieceOf(symbol)) ?? ""

  /** What two symbols merge to, or −1; looked up by text once, then by number. */
  const unions = new Map<number, number>()
  const unionOf = (left: number, right: number): number => {
    const key = (left + 2 ** 25) * 2 ** 26 + (right + 2 ** 25)
    const known = unions.get(key)
    if (known !== undefined) return known
    const union = idOf.get(textOf(left) + textOf(right)) ?? -1
    if (unions.size >= 2 ** 20) unions.clear()
    unions.set(key, union)
    return union
  }

  return (text) => {
    const symbols = Int32Array.from(text, symbolOf)
    const count = symbols.length
    const next = new Int32Array(count)
    const previous = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      next[i] = i + 1 < count ? i + 1 : -1
      previous[i] = i - 1
    }

    // Each candidate remembers the two symbols it saw: if either has changed, it is stale.
    const candidates = new Heap<Candidate>((x, y) => x.score > y.score || (x.score === y.score && x.left < y.left))
    const consider = (left: number, right: number): void => {
      if (left < 0 || right < 0) return
      const [a, b] = [symbols[left]!, symbols[right]!]
      const union = unionOf(a, b)
      if (union >= 0) candidates.add({ left, a, right, b, union, score: scoreOf(union) })
    }

    const apart = new Map<number, readonly [number, number]>()
    const gone = -1
    for (let i = 0; i + 1 < count; i++) consider(i, i + 1)
    for (let merge = candidates.take(); merge !== undefined; merge = candidates.take()) {
      const { left, right, a, b, union } = merge
      if (symbols[left] !== a || symbols[right] !== b || next[left] !== right) continue
      if (isUnused(union)) apart.set(union, [a, b])
      symbols[left] = union
      symbols[right] = gone
      const after = next[right]!
      next[left] = after
      if (after >= 0) previous[after] = left
      consider(previous[left]!, left)
      consider(left, after)
    }

    const ids: Array<number> = []
    const emit = (symbol: number): void => {
      if (symbol < 0) {
        ids.push(...fallback(textOf(symbol)))
        return
      }
      const halves = isUnused(symbol) ? apart.get(symbol) : undefined
      if (halves === undefined) ids.push(symbol)
      else for (const half of halves) emit(half)
    }
    for (let i = 0; i >= 0 && i < count; i = next[i]!) emit(symbols[i]!)
    return ids
  }
}
