/** Whole numbers below 2^32 in bytes of 7 bits each, the lowest first; the highest bit says that more follow. */

/** Bytes that grow. */
export class VarintWriter {
  #bytes = new Uint8Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  byte(value: number): void {
    if (this.#size === this.#bytes.length) {
      const larger = new Uint8Array(this.#size * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#size++] = value
  }

  write(value: number): void {
    let left = value
    for (; left > 127; left >>>= 7) this.byte((left & 127) | 128)
    this.byte(left)
  }

  /** What was written. The writer is spent. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#size)
    this.#bytes = new Uint8Array(0)
    return bytes
  }
}

export const writeVarints = (values: Iterable<number>): Uint8Array => {
  const writer = new VarintWriter()
  for (const value of values) writer.write(value)
  return writer.finish()
}

/** Reads as many numbers as there is room for; whether the bytes held exactly those. */
export const readVarints = (bytes: Uint8Array, into: Uint32Array): boolean => {
  let at = 0
  for (let i = 0; i < into.length; i++) {
    let byte = bytes[at++]!
    let value = byte & 127
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) {
      byte = bytes[at++]!
      value |= (byte & 127) << shift
    }
    into[i] = value
    if (at > bytes.length) return false
  }
  return at === bytes.length
}
