/**
 * A set of distinct words with dense ids in order of first sight: open addressing over UTF-16 units in one flat pool, so
 * that millions of words cost tens of bytes each and no JavaScript string.
 */
export interface WordTable {
  size: number
  /** `offsets[id] .. offsets[id + 1]` is the word's place in `pool`. */
  offsets: Uint32Array
  pool: Uint16Array
  hashes: Int32Array
  /** id + 1, or 0 where free; the length is a power of two. */
  slots: Int32Array
}

export const makeWordTable = (words = 1024): WordTable => {
  let slots = 64
  while (slots < words * 2) slots *= 2
  return {
    size: 0,
    offsets: new Uint32Array(words + 1),
    pool: new Uint16Array(words * 8),
    hashes: new Int32Array(words),
    slots: new Int32Array(slots),
  }
}

/** The id of `units[0 .. length)`, whose hash is given, or -1. */
export const findWord = (table: WordTable, units: Uint16Array, length: number, hash: number): number => {
  const { slots, hashes, offsets, pool } = table
  const mask = slots.length - 1
  let slot = hash & mask
  for (;;) {
    const id = slots[slot]! - 1
    if (id < 0) return -1
    if (hashes[id] === hash) {
      const from = offsets[id]!
      if (offsets[id + 1]! - from === length) {
        let i = 0
        while (i < length && pool[from + i] === units[i]) i++
        if (i === length) return id
      }
    }
    slot = (slot + 1) & mask
  }
}

/** Adds a word that `findWord` did not find and returns its id, `size - 1`. */
export const addWord = (table: WordTable, units: Uint16Array, length: number, hash: number): number => {
  const id = table.size
  if (id === table.hashes.length) {
    table.hashes = enlarge(table.hashes, new Int32Array(id * 2))
    table.offsets = enlarge(table.offsets, new Uint32Array(id * 2 + 1))
  }
  if ((id + 1) * 2 > table.slots.length) {
    table.slots = new Int32Array(table.slots.length * 2)
    for (let other = 0; other < id; other++) place(table, other)
  }
  const from = table.offsets[id]!
  if (from + length > table.pool.length) {
    table.pool = enlarge(table.pool, new Uint16Array(Math.max(table.pool.length * 2, from + length)))
  }
  for (let i = 0; i < length; i++) table.pool[from + i] = units[i]!
  table.offsets[id + 1] = from + length
  table.hashes[id] = hash
  table.size = id + 1
  place(table, id)
  return id
}

const place = (table: WordTable, id: number): void => {
  const { slots, hashes } = table
  const mask = slots.length - 1
  let slot = hashes[id]! & mask
  while (slots[slot] !== 0) slot = (slot + 1) & mask
  slots[slot] = id + 1
}

const enlarge = <A extends Int32Array | Uint32Array | Uint16Array>(from: A, to: A): A => {
  to.set(from)
  return to
}

/** The word of an id. */
export const wordAt = (table: WordTable, id: number): string => {
  const from = table.offsets[id]!
  const to = table.offsets[id + 1]!
  let word = ""
  for (let i = from; i < to; i++) word += String.fromCharCode(table.pool[i]!)
  return word
}
