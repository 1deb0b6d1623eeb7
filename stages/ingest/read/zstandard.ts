import { Decompress } from "fzstd"
import { XxHash64 } from "./XxHash64.ts"

/** What is wrong with Zstandard data. */
export class ZstandardError extends Error {
  readonly code: "truncated" | "corrupt" | "window"

  constructor(code: ZstandardError["code"], why: string) {
    super(why)
    this.code = code
  }
}

const frameMagic = 0xfd2fb528

const isSkippable = (magic: number): boolean => magic >= 0x184d2a50 && magic <= 0x184d2a5f

/** Whether bytes begin as Zstandard does. */
export const isZstandard = (bytes: Uint8Array): boolean => {
  if (bytes.length < 4) return false
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
  return magic === frameMagic || isSkippable(magic)
}

/** As much as the reference implementation takes unasked. */
const largestWindow = 128 * 1024 * 1024

/** Bytes by number from pieces of any size. */
class ByteQueue {
  private held: Uint8Array
  private readonly rest: AsyncIterator<Uint8Array>

  constructor(first: Uint8Array, rest: AsyncIterator<Uint8Array>) {
    this.held = first
    this.rest = rest
  }

  /** Whether there is another byte. */
  async hasMore(): Promise<boolean> {
    while (this.held.length === 0) {
      const next = await this.rest.next()
      if (next.done === true) return false
      this.held = next.value
    }
    return true
  }

  async take(count: number): Promise<Uint8Array> {
    if (this.held.length < count) {
      const pieces = [this.held]
      let length = this.held.length
      while (length < count) {
        const next = await this.rest.next()
        if (next.done === true) throw new ZstandardError("truncated", "the Zstandard data ends within a frame")
        pieces.push(next.value)
        length += next.value.length
      }
      this.held = Buffer.concat(pieces)
    }
    const taken = this.held.subarray(0, count)
    this.held = this.held.subarray(count)
    return taken
  }
}

const littleEndian = (bytes: Uint8Array, from: number, count: number): number => {
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[from + i]!
  return value
}

const corrupt = () => new ZstandardError("corrupt", "the Zstandard data is damaged")

/** A frame's header behind its magic number (RFC 8878, 3.1.1.1). */
const readHeader = async (queue: ByteQueue) => {
  const [descriptor = 0] = await queue.take(1)
  const isSingle = (descriptor & 0x20) !== 0
  const windowBytes = isSingle ? 0 : 1
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const rest = await queue.take(windowBytes + dictionaryBytes + sizeBytes)
  if ((descriptor & 8) !== 0) throw corrupt()
  if (littleEndian(rest, windowBytes, dictionaryBytes) !== 0) {
    throw new ZstandardError("window", "the Zstandard data needs a dictionary")
  }
  const size = sizeBytes === 0 ? undefined : littleEndian(rest, windowBytes + dictionaryBytes, sizeBytes)
  const contentSize = size === undefined ? undefined : sizeBytes === 2 ? size + 256 : size
  const exponent = 2 ** (10 + (rest[0]! >> 3))
  const window = isSingle ? (contentSize ?? 0) : exponent + (exponent / 8) * (rest[0]! & 7)
  if (window > largestWindow) throw new ZstandardError("window", `the Zstandard data needs a window of ${window} bytes`)
  return {
    bytes: Buffer.concat([Uint8Array.of(descriptor), rest]),
    contentSize,
    hasChecksum: (descriptor & 4) !== 0,
  }
}

/**
 * Unpacks Zstandard bytes; several frames in a row are one file. A frame's size and checksum are verified where it has
 * them, which `fzstd` leaves to its caller. Memory: a block and the frame's window, at most 128 MiB.
 *
 * @throws ZstandardError
 */
export async function* unpackZstandard(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const queue = new ByteQueue(first, rest)
  while (await queue.hasMore()) {
    const magic = littleEndian(await queue.take(4), 0, 4)
    if (isSkippable(magic)) {
      let left = littleEndian(await queue.take(4), 0, 4)
      for (; left > 0; left -= Math.min(left, 1 << 16)) await queue.take(Math.min(left, 1 << 16))
      continue
    }
    if (magic !== frameMagic) throw corrupt()
    const header = await readHeader(queue)
    const hash = header.hasChecksum ? new XxHash64() : undefined
    let unpacked: Array<Uint8Array> = []
    const frame = new Decompress((piece) => unpacked.push(piece))
    const push = (bytes: Uint8Array, isLast: boolean) => {
      try {
        frame.push(bytes, isLast)
      } catch {
        throw corrupt()
      }
    }
    let total = 0
    push(Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), header.bytes]), false)
    for (let isLast = false; !isLast; ) {
      const head = await queue.take(3)
      const [block, type] = [littleEndian(head, 0, 3), (head[0]! >> 1) & 3]
      isLast = (block & 1) !== 0
      const length = type === 1 ? 1 : block >> 3
      if (type === 3 || block >> 3 > 1 << 17) throw corrupt()
      const body = Buffer.concat([head, await queue.take(length)])
      const checksum = isLast && header.hasChecksum ? await queue.take(4) : new Uint8Array()
      push(isLast ? Buffer.concat([body, checksum]) : body, isLast)
      for (const piece of unpacked) {
        total += piece.length
        hash?.update(piece)
        if (piece.length > 0) yield piece
      }
      unpacked = []
      if (hash !== undefined && isLast && Number(hash.digest() & 0xffff_ffffn) !== littleEndian(checksum, 0, 4)) {
        throw new ZstandardError("corrupt", "the Zstandard data is damaged: its checksum is another")
      }
    }
    if (header.contentSize !== undefined && total !== header.contentSize) throw corrupt()
  }
}

/** A block, which is unpacked as a whole, and what may stand before it. */
export const zstandardHeadBytes = 160 * 1024

/** What the first bytes of Zstandard data unpack to: the blocks of its first frame that are whole among them. */
export const zstandardHead = (bytes: Uint8Array): Uint8Array => {
  let at = 0
  while (at + 8 <= bytes.length && isSkippable(littleEndian(bytes, at, 4))) at += 8 + littleEndian(bytes, at + 4, 4)
  const pieces: Array<Uint8Array> = []
  try {
    new Decompress((piece) => pieces.push(piece)).push(bytes.subarray(at))
  } catch {
    // What was unpacked before the damage is the beginning all the same; reading the file will name the damage.
  }
  return Buffer.concat(pieces)
}
