/** A growing list of ids in a typed array. */
export class IdBuffer {
  private ids = new Int32Array(1024)
  private count = 0

  clear(): void {
    this.count = 0
  }

  push(id: number): void {
    if (this.count === this.ids.length) {
      const larger = new Int32Array(this.ids.length * 2)
      larger.set(this.ids)
      this.ids = larger
    }
    this.ids[this.count++] = id
  }

  /** Adds one id, or several. */
  add(ids: number | ReadonlyArray<number>): void {
    if (typeof ids === "number") this.push(ids)
    else for (const id of ids) this.push(id)
  }

  /** A copy of what was added since the last `clear`. */
  toArray(): Int32Array<ArrayBuffer> {
    return this.ids.slice(0, this.count)
  }
}

/** Words longer than this are encoded anew each time; there are too many kinds of them. */
const longestRemembered = 48
const mostRemembered = 200_000

/**
 * Remembers what short words encode to. Most words have one id, kept as a plain number. When full it forgets everything:
 * the frequent words are back at once.
 */
export const remember = (
  encode: (word: string) => ReadonlyArray<number>,
): ((word: string) => number | ReadonlyArray<number>) => {
  const known = new Map<string, number | ReadonlyArray<number>>()
  return (word) => {
    const found = known.get(word)
    if (found !== undefined) return found
    const ids = encode(word)
    const only = ids.length === 1 ? ids[0] : undefined
    const value = only ?? ids
    if (word.length <= longestRemembered) {
      if (known.size >= mostRemembered) known.clear()
      known.set(word, value)
    }
    return value
  }
}
