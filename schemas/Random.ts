/**
 * A small counter-keyed generator: a stream of 32-bit integers that is a pure function of its key, made of integer
 * operations only, so that every machine draws the same numbers. Keys are mixed with MurmurHash3's finaliser; the stream
 * is Chris Doty-Humphrey's sfc32. Everything that draws lots here draws them so: collections, initial weights, orders of
 * training data, permutations of a test.
 */

/** MurmurHash3's 32-bit finaliser: a bijection of the 32-bit integers that spreads every input bit. */
const mix = (x: number): number => {
  let h = x >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** One 32-bit hash of a list of non-negative safe integers. */
export const hashKey = (...key: ReadonlyArray<number>): number => {
  let h = 0x9e3779b9
  for (const part of key) {
    h = mix(h ^ mix(part % 0x1_0000_0000))
    h = mix(Math.imul(h, 0x01000193) ^ Math.floor(part / 0x1_0000_0000))
  }
  return h
}

/** A stream of draws. `keyed` restarts it at the stream of another key, so that one object serves many keys. */
export class Random {
  private a = 0
  private b = 0
  private c = 0
  private count = 1

  constructor(...key: ReadonlyArray<number>) {
    this.keyed(...key)
  }

  keyed(...key: ReadonlyArray<number>): this {
    const h = hashKey(...key)
    this.a = h
    this.b = mix(h ^ 0x6a09e667)
    this.c = mix(h ^ 0xbb67ae85)
    this.count = 1
    for (let i = 0; i < 8; i++) this.next()
    return this
  }

  /** The next 32-bit integer. */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.count) | 0
    this.count = (this.count + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0
    return t >>> 0
  }

  /** An integer from 0 to n − 1, for n up to 2²¹ (the product stays an exact double; the bias is below n / 2³²). */
  below(n: number): number {
    return Math.floor((this.next() * n) / 0x1_0000_0000)
  }

  /** A number from 0 up to, but not, 1, with 53 random bits. */
  unit(): number {
    return ((this.next() >>> 5) * 0x400_0000 + (this.next() >>> 6)) / 0x20_0000_0000_0000
  }

  /**
   * A draw from the standard normal distribution: Box and Muller's transform of two, whose logarithm and cosine are those
   * of the JavaScript engine, so that other engines may differ in the last bit.
   */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit())
  }

  /** Puts the first `count` elements (default all) in random order, drawn from all of them: Fisher and Yates, in place. */
  shuffle(values: Int32Array, count = values.length): void {
    const end = Math.min(count, values.length - 1)
    for (let i = 0; i < end; i++) {
      const j = i + Math.floor(this.unit() * (values.length - i))
      const drawn = values[j]!
      values[j] = values[i]!
      values[i] = drawn
    }
  }

  /** True with probability p (exact in steps of 2⁻³²). */
  chance(p: number): boolean {
    return this.next() < p * 0x1_0000_0000
  }

  /** The first with probability p, otherwise one of the others, each as likely. A list of one has no others. */
  favouringFirst(n: number, p: number): number {
    return n === 1 || this.chance(p) ? 0 : 1 + this.below(n - 1)
  }
}
