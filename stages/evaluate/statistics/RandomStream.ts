/**
 * Twenty rounds of Threefry-2x32, a counter-based generator: the same key and counter give the same two words on any machine,
 * whatever was drawn before. Salmon, Moraes, Dror and Shaw, SC 2011.
 *
 * @param into receives the two words.
 */
export const threefry = (key0: number, key1: number, counter0: number, counter1: number, into: Uint32Array): void => {
  const keys = [key0 | 0, key1 | 0, key0 ^ key1 ^ 0x1bd11bda]
  let a = (counter0 + key0) | 0
  let b = (counter1 + key1) | 0
  for (let round = 0; round < 20; round++) {
    const turn = ROTATIONS[round & 7]!
    a = (a + b) | 0
    b = ((b << turn) | (b >>> (32 - turn))) ^ a
    if ((round & 3) === 3) {
      const injection = (round + 1) >> 2
      a = (a + keys[injection % 3]!) | 0
      b = (b + keys[(injection + 1) % 3]! + injection) | 0
    }
  }
  into[0] = a
  into[1] = b
}

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const

/** What random numbers are drawn for; each purpose has streams of its own. */
export type Purpose = "signs" | "systems" | "resamples"

const purposes: Readonly<Record<Purpose, number>> = { signs: 1, systems: 2, resamples: 3 }

/**
 * The random numbers of one replicate (a permutation, a resample). Its state comes from a counter-based generator keyed by
 * the seed, so that replicate number 7 is the same whichever thread draws it and whatever was drawn before; within it
 * xoshiro128** (Blackman and Vigna, 2021) is fast. All arithmetic is on 32-bit integers.
 */
export class RandomStream {
  private a = 0
  private b = 0
  private c = 0
  private d = 0

  /** Begins replicate number `replicate` of a purpose. */
  constructor(seed: number, purpose: Purpose, replicate: number) {
    const words = new Uint32Array(2)
    const high = Math.floor(seed / 2 ** 32)
    threefry(seed, high, replicate, 2 * purposes[purpose], words)
    this.a = words[0]! | 0
    this.b = words[1]! | 0
    threefry(seed, high, replicate, 2 * purposes[purpose] + 1, words)
    this.c = words[0]! | 0
    // Never all zero.
    this.d = words[1]! | 1
  }

  /** The next 32 bits, as a signed integer. */
  next(): number {
    const five = Math.imul(this.b, 5)
    const result = Math.imul((five << 7) | (five >>> 25), 9)
    const shifted = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= shifted
    this.d = (this.d << 11) | (this.d >>> 21)
    return result
  }

  /** A whole number from 0 to `n` − 1, each equally likely, for n up to 2²¹ (Lemire, TOMACS 2019). */
  below(n: number): number {
    for (;;) {
      const word = this.next() >>> 0
      const low = Math.imul(word, n) >>> 0
      if (low >= n || low >= (2 ** 32 - n) % n) return (word * n - low) / 2 ** 32
    }
  }
}
