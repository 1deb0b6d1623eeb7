const nameBytes = 32

const isHash = (name: string): boolean => name.length === 2 * nameBytes && /^[0-9a-f]+$/.test(name)

/**
 * Names, each with a number from 0 in the order in which it first came. The names of a store are hashes (64 hexadecimal digits): one
 * takes 45 bytes here, and four times as much as a member of a `Map`.
 */
export class NumberedNames {
  #bytes = Buffer.alloc(1024 * nameBytes)
  /** An open hash table of numbers; −1 is free. A hash's first digits are as good as a hash of it. */
  #slots = new Int32Array(2048).fill(-1)
  /** Those that are no hashes, by number and by name. */
  readonly #others = new Map<number, string>()
  readonly #numbersOfOthers = new Map<string, number>()
  #size = 0

  /** How many names there are: their numbers are below it. */
  get size(): number {
    return this.#size
  }

  /** The number of a name, which is taken in if it is new. */
  add(name: string): number {
    const known = this.find(name)
    if (known !== undefined) return known
    const number = this.#size++
    if (!isHash(name)) {
      this.#others.set(number, name)
      this.#numbersOfOthers.set(name, number)
      return number
    }
    if (number * nameBytes >= this.#bytes.length) {
      const larger = Buffer.alloc(2 * this.#bytes.length)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.write(name, number * nameBytes, "hex")
    if (2 * number >= this.#slots.length) {
      this.#slots = new Int32Array(2 * this.#slots.length).fill(-1)
      for (let each = 0; each <= number; each++) if (!this.#others.has(each)) this.#enter(each)
    } else this.#enter(number)
    return number
  }

  /** The number of a name; `undefined` where it is not known. */
  find(name: string): number | undefined {
    if (!isHash(name)) return this.#numbersOfOthers.get(name)
    const wanted = Buffer.from(name, "hex")
    for (let slot = this.#slotOf(wanted, 0); ; slot = (slot + 1) % this.#slots.length) {
      const number = this.#slots[slot]!
      if (number < 0) return undefined
      const begin = number * nameBytes
      if (wanted.compare(this.#bytes, begin, begin + nameBytes) === 0) return number
    }
  }

  /** The name of a number below `size`. */
  name(number: number): string {
    const begin = number * nameBytes
    return this.#others.get(number) ?? this.#bytes.toString("hex", begin, begin + nameBytes)
  }

  #slotOf(bytes: Buffer, begin: number): number {
    return bytes.readUInt32LE(begin) % this.#slots.length
  }

  #enter(number: number): void {
    let slot = this.#slotOf(this.#bytes, number * nameBytes)
    while (this.#slots[slot]! >= 0) slot = (slot + 1) % this.#slots.length
    this.#slots[slot] = number
  }
}

/** A set of numbers from 0, a byte each. */
export class NumberSet {
  #marks = new Uint8Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  has(number: number): boolean {
    return this.#marks[number] === 1
  }

  add(number: number): void {
    if (this.has(number)) return
    if (number >= this.#marks.length) {
      const larger = new Uint8Array(Math.max(2 * this.#marks.length, number + 1))
      larger.set(this.#marks)
      this.#marks = larger
    }
    this.#marks[number] = 1
    this.#size++
  }
}

/** Lists of numbers, the first with the index 0: all of them in one array. */
export class NumberLists {
  readonly #numbers: Array<number> = []
  readonly #ends: Array<number> = []

  get length(): number {
    return this.#ends.length
  }

  add(list: Iterable<number>): void {
    for (const number of list) this.#numbers.push(number)
    this.#ends.push(this.#numbers.length)
  }

  /** The numbers of a list; none where there is no such list. */
  *at(index: number): Generator<number, void> {
    const end = this.#ends[index] ?? 0
    for (let i = index === 0 ? 0 : (this.#ends[index - 1] ?? 0); i < end; i++) yield this.#numbers[i]!
  }

  /** Whether something holds of a number of a list. */
  some(index: number, holds: (number: number) => boolean): boolean {
    for (const number of this.at(index)) if (holds(number)) return true
    return false
  }
}
