/** Names in a file, a line each, of which memory holds those that are asked for, some millions at most. */
import { fstatSync } from "node:fs"
import { readWhole } from "./readWhole.ts"

/** Names that are read at once. */
const blockNames = 256

/** Bytes of names that are held. */
const mostBytes = 2 ** 24

/** Bytes in one read of the whole file. */
const readAtOnce = 2 ** 20

interface Block {
  readonly bytes: Buffer
  /** Where each of its names begins in them; behind the last, where a next would begin. */
  readonly starts: Uint32Array
}

/**
 * Where each block of names begins in a file and, behind the last, where it ends; in memory that threads share.
 *
 * @throws where it does not have so many names
 */
export const nameStarts = (file: number, count: number): Float64Array => {
  const blocks = Math.ceil(count / blockNames)
  const starts = new Float64Array(new SharedArrayBuffer(8 * (blocks + 1)))
  const { size } = fstatSync(file)
  const buffer = Buffer.alloc(Math.min(readAtOnce, size))
  let lines = 0
  let end = 0
  for (let from = 0; from < size; from += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, size - from))
    readWhole(file, part, from)
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) {
      end = from + at + 1
      if (++lines % blockNames === 0 && lines <= count) starts[lines / blockNames] = end
    }
  }
  if (lines !== count || end !== size)
    throw new Error(`there are ${lines} names for ${count} vectors, or more behind the last line`)
  starts[blocks] = size
  return starts
}

/** The names of an open file. */
export class NameBlocks {
  readonly #file: number
  readonly #starts: Float64Array
  readonly #count: number
  readonly #most: number
  /** By the time they were read. */
  readonly #held = new Map<number, Block>()
  #bytes = 0

  /**
   * @param starts of `nameStarts`
   * @param held bytes of names that are held
   */
  constructor(file: number, count: number, starts: Float64Array, held = mostBytes) {
    this.#file = file
    this.#most = held
    this.#count = count
    this.#starts = starts
  }

  /** The bytes of a name. Throws where the file can no longer be read. */
  bytesOf(place: number): Buffer {
    const which = Math.floor(place / blockNames)
    const { bytes, starts } = this.#held.get(which) ?? this.#read(which)
    const at = place % blockNames
    return bytes.subarray(starts[at], starts[at + 1]! - 1)
  }

  #read(which: number): Block {
    const [from, to] = [this.#starts[which]!, this.#starts[which + 1]!]
    const bytes = Buffer.allocUnsafeSlow(to - from)
    readWhole(this.#file, bytes, from)
    const starts = new Uint32Array(Math.min(blockNames, this.#count - which * blockNames) + 1)
    for (let name = 1, at = 0; name < starts.length; name++) starts[name] = at = bytes.indexOf(10, at) + 1
    const block = { bytes, starts }
    for (const [oldest, { bytes }] of this.#held) {
      if (this.#bytes + block.bytes.length <= this.#most) break
      this.#held.delete(oldest)
      this.#bytes -= bytes.length
    }
    this.#held.set(which, block)
    this.#bytes += bytes.length
    return block
  }
}
