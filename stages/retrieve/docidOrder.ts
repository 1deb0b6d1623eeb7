import type { Docids } from "./Docids.ts"

/** The documents in the order of their docids' UTF-8 bytes: `docs[ranks[d]]` is `d`. */
export interface DocidOrder {
  readonly ranks: Uint32Array
  readonly docs: Uint32Array
}

const small = 12

/** Sorts documents by the UTF-8 bytes of their docids: three-way radix quicksort (Bentley and Sedgewick, 1997). */
export const docidOrder = (docids: Docids): DocidOrder => {
  const { bytes, offsets } = docids
  const count = offsets.length - 1
  const docs = Uint32Array.from({ length: count }, (_, doc) => doc)
  const byteAt = (doc: number, depth: number): number => {
    const at = offsets[doc]! + depth
    return at < offsets[doc + 1]! ? bytes[at]! : -1
  }
  const sort = (from: number, to: number, start: number): void => {
    let low = from
    let high = to
    let depth = start
    while (high - low > small) {
      const x = byteAt(docs[low]!, depth)
      const y = byteAt(docs[(low + high) >>> 1]!, depth)
      const z = byteAt(docs[high - 1]!, depth)
      const pivot = x < y ? (y < z ? y : Math.max(x, z)) : x < z ? x : Math.max(y, z)
      let less = low
      let i = low
      let greater = high
      while (i < greater) {
        const doc = docs[i]!
        const byte = byteAt(doc, depth)
        if (byte < pivot) {
          docs[i++] = docs[less]!
          docs[less++] = doc
        } else if (byte > pivot) {
          docs[i] = docs[--greater]!
          docs[greater] = doc
        } else i++
      }
      sort(low, less, depth)
      sort(greater, high, depth)
      if (pivot < 0) return
      low = less
      high = greater
      depth++
    }
    for (let i = low + 1; i < high; i++) {
      const doc = docs[i]!
      let j = i
      while (j > low && comesBefore(doc, docs[j - 1]!, depth)) {
        docs[j] = docs[j - 1]!
        j--
      }
      docs[j] = doc
    }
  }
  const comesBefore = (left: number, right: number, start: number): boolean => {
    for (let depth = start; ; depth++) {
      const a = byteAt(left, depth)
      const b = byteAt(right, depth)
      if (a !== b) return a < b
      if (a < 0) return left < right
    }
  }
  sort(0, count, 0)
  const ranks = new Uint32Array(count)
  for (let rank = 0; rank < count; rank++) ranks[docs[rank]!] = rank
  return { ranks, docs }
}
