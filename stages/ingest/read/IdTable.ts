/**
 * A set of identifiers numbered in the order of their first appearance, held as bytes in flat arrays: about 25 bytes and
 * the identifier's own for each, instead of a JavaScript string in a hash map. Equality is by the bytes, never by hash.
 */
export class IdTable {
  private slots = new Int32Array(1 << 12).fill(-1)
  private hashes = new Uint32Array(1 << 11)
  private ends = new Float64Array(1 << 11)
  private bytes = new Uint8Array(1 << 15)
  private readonly encoder = new TextEncoder()
  private used = 0
  private count = 0

  /** How many identifiers there are. */
  get size(): number {
    return this.count
  }

  /** Number of the identifier, or −1. */
  indexOf(id: string): number {
    const length = this.encode(id)
    return this.slots[this.find(length, this.hashOf(length))]!
  }

  /** Adds an identifier. Returns −1 if it is new, or the number it already has. */
  add(id: string): number {
    const length = this.encode(id)
    const hash = this.hashOf(length)
    const slot = this.find(length, hash)
    const known = this.slots[slot]!
    if (known >= 0) return known
    if (this.count === this.ends.length) {
      this.hashes = grown(this.hashes, new Uint32Array(this.count * 2))
      this.ends = grown(this.ends, new Float64Array(this.count * 2))
    }
    this.slots[slot] = this.count
    this.hashes[this.count] = hash
    this.used += length
    this.ends[this.count++] = this.used
    if (this.count * 2 > this.slots.length) this.rehash()
    return -1
  }

  /** Writes the identifier's bytes behind the last one's, and returns how many there are. */
  private encode(id: string): number {
    const most = this.used + id.length * 3
    if (most > this.bytes.length) {
      this.bytes = grown(this.bytes, new Uint8Array(Math.max(most, this.bytes.length * 2)))
    }
    // Most identifiers are ASCII, for which this is faster than the encoder.
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i)
      if (unit > 0x7f) return this.encoder.encodeInto(id, this.bytes.subarray(this.used)).written
      this.bytes[this.used + i] = unit
    }
    return id.length
  }

  /** MurmurHash-like: FNV-1a over the bytes, then finalised so that low bits are spread. */
  private hashOf(length: number): number {
    let h = 0x811c9dc5
    for (let i = this.used; i < this.used + length; i++) h = Math.imul(h ^ this.bytes[i]!, 0x01000193)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    return (h ^ (h >>> 13)) >>> 0
  }

  /** The slot that holds the encoded identifier, or the free one where it belongs. */
  private find(length: number, hash: number): number {
    const mask = this.slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.slots[slot]!
      if (index < 0 || (this.hashes[index] === hash && this.same(index, length))) return slot
    }
  }

  private same(index: number, length: number): boolean {
    const start = index === 0 ? 0 : this.ends[index - 1]!
    if (this.ends[index]! - start !== length) return false
    for (let i = 0; i < length; i++) if (this.bytes[start + i] !== this.bytes[this.used + i]) return false
    return true
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1)
    const mask = slots.length - 1
    for (let index = 0; index < this.count; index++) {
      let slot = this.hashes[index]! & mask
      while (slots[slot]! >= 0) slot = (slot + 1) & mask
      slots[slot] = index
    }
    this.slots = slots
  }
}

const grown = <A extends { set: (from: A) => void }>(from: A, into: A): A => {
  into.set(from)
  return into
}
