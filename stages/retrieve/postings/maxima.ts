/**
 * What bounds the contributions of a common term, for any k1 and b: they grow with the frequency and shrink with the length. For each window
 * the number of postings and, of their pairs of frequency and length, those that no other beats in both; then how many postings have which
 * frequency, 15 standing for more, and length. Lengths are Lucene's bytes (`SmallFloat`), which are never more than the length.
 */
import { VarintWriter } from "./Varints.ts"

/** Greater frequencies are counted as this one. */
export const mostCounted = 15

/** Frequencies of a window that are told apart; of greater ones the greatest stands for all. */
const mostKept = 255

/** No length's byte. */
const none = 256

/** Writes the maxima of one term after another. */
export class MaximaWriter {
  readonly #writer = new VarintWriter()
  /** By frequency: the shortest length in the window. */
  readonly #shortest = new Uint16Array(mostKept + 1).fill(none)
  /** By frequency and length: postings of the term. */
  readonly #counts = new Uint32Array((mostCounted + 1) << 8)
  #postings = 0
  #greatest = 0

  /** A posting of the window. */
  add(frequency: number, length: number): void {
    const kept = frequency < mostKept ? frequency : mostKept
    if (this.#shortest[kept]! > length) this.#shortest[kept] = length
    if (frequency > this.#greatest) this.#greatest = frequency
    this.#postings++
    this.#counts[((frequency < mostCounted ? frequency : mostCounted) << 8) | length]!++
  }

  endWindow(): void {
    const writer = this.#writer
    writer.write(this.#postings)
    let shortest = none
    let pending = 0
    // A pair is written when the next one is known: the last of a window is marked.
    for (let kept = Math.min(this.#greatest, mostKept); kept > 0; kept--) {
      const length = this.#shortest[kept]!
      this.#shortest[kept] = none
      if (length >= shortest) continue
      if (pending > 0) {
        writer.write((pending * 2 + 1) >>> 0)
        writer.byte(shortest)
      }
      shortest = length
      pending = kept < mostKept ? kept : this.#greatest
    }
    if (pending > 0) {
      writer.write((pending * 2) >>> 0)
      writer.byte(shortest)
    }
    this.#postings = 0
    this.#greatest = 0
  }

  /** Where the term's maxima end. */
  endTerm(): number {
    const writer = this.#writer
    for (let frequency = 1; frequency <= mostCounted; frequency++) {
      const row = this.#counts.subarray(frequency << 8, (frequency + 1) << 8)
      writer.write(row.reduce((different, count) => (count > 0 ? different + 1 : different), 0))
      row.forEach((count, length) => {
        if (count === 0) return
        writer.byte(length)
        writer.write(count)
      })
    }
    this.#counts.fill(0)
    return writer.size
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}

/** Reads one term's maxima: its windows first, then how many postings have which level. */
export class MaximaReader {
  readonly #bytes: Uint8Array
  #at = 0
  /** The term's greatest frequency, once its windows are read. */
  greatest = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Goes to where a term's maxima begin. */
  start(at: number): void {
    this.#at = at
    this.greatest = 0
  }

  /**
   * Reads the windows.
   *
   * @param inverses 1 / norm by a length's byte, at least that of any length that the byte stands for
   * @param starts gets, from `firstStart` on, where each window's postings begin among the term's, and where the last one's end
   * @param peaks gets, from `firstPeak` on, the greatest `1 + frequency / norm` of each window; 0 where it has no posting
   */
  windows(
    windows: number,
    inverses: Float32Array,
    starts: Uint32Array,
    firstStart: number,
    peaks: Float32Array,
    firstPeak: number,
  ): void {
    const bytes = this.#bytes
    let at = this.#at
    let postings = 0
    let greatest = this.greatest
    for (let window = 0; window < windows; window++) {
      starts[firstStart + window] = postings
      let byte = bytes[at++]!
      if (byte > 127) byte = (byte & 127) | (bytes[at++]! << 7)
      postings += byte
      let peak = 0
      for (let more = byte > 0; more; ) {
        byte = bytes[at++]!
        let pair = byte & 127
        for (let shift = 7; byte > 127; shift += 7) {
          byte = bytes[at++]!
          pair |= (byte & 127) << shift
        }
        const frequency = pair >>> 1
        if (frequency > greatest) greatest = frequency
        const level = Math.fround(1 + Math.fround(frequency * inverses[bytes[at++]!]!))
        if (level > peak) peak = level
        more = (pair & 1) === 1
      }
      peaks[firstPeak + window] = peak
    }
    starts[firstStart + windows] = postings
    this.#at = at
    this.greatest = greatest
  }

  /**
   * Reads how many postings have which level, that is `1 + frequency / norm`.
   *
   * @param inverses 1 / norm by a length's byte, at most that of any length that the byte stands for
   */
  levels(inverses: Float32Array, into: LevelCounts): void {
    const bytes = this.#bytes
    let at = this.#at
    for (let frequency = 1; frequency <= mostCounted; frequency++) {
      let lengths = bytes[at++]!
      if (lengths > 127) lengths = (lengths & 127) | (bytes[at++]! << 7)
      for (; lengths > 0; lengths--) {
        const length = bytes[at++]!
        let byte = bytes[at++]!
        let count = byte & 127
        for (let shift = 7; byte > 127; shift += 7) {
          byte = bytes[at++]!
          count |= (byte & 127) << shift
        }
        into.add(Math.fround(1 + Math.fround(frequency * inverses[length]!)), count)
      }
    }
    this.#at = at
  }
}

const grades = 512

/** How many postings of a term have at least a level, to within a 512th of what the greatest contribution could be. */
export class LevelCounts {
  readonly #counts = new Uint32Array(grades)
  /** The lowest level of each grade. */
  readonly #lowest = new Float32Array(grades)

  clear(): void {
    this.#counts.fill(0)
    this.#lowest.fill(Infinity)
  }

  add(level: number, count: number): void {
    const grade = Math.min(grades - 1, Math.floor(grades * (1 - 1 / level)))
    this.#counts[grade]! += count
    if (level < this.#lowest[grade]!) this.#lowest[grade] = level
  }

  /** A level that at least `k` postings have; 1, which contributes nothing, where there are fewer. */
  kth(k: number): number {
    for (let grade = grades - 1, reached = 0; grade >= 0; grade--) {
      reached += this.#counts[grade]!
      if (reached >= k) return this.#lowest[grade]!
    }
    return 1
  }
}
