/** Files of Unix's `compress` (LZW), as TREC's disks have them: `.Z`, `.0z`, `.1z`, `.2z`. */

/** Whether bytes begin such a file. */
export const isCompressed = (chunk: Uint8Array): boolean => chunk[0] === 0x1f && chunk[1] === 0x9d

const clear = 256
const firstBits = 9
const outBytes = 256 * 1024

/** Unpacks such a file, from its first chunk on. */
export async function* uncompressed(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = rest[Symbol.asyncIterator]()
  const unpacking = unpack(first)
  for (let step = unpacking.next(); step.done !== true; ) {
    if (step.value === undefined) {
      const next: IteratorResult<Uint8Array> = await chunks.next()
      step = unpacking.next(next.done === true ? undefined : next.value)
    } else {
      yield step.value
      step = unpacking.next()
    }
  }
}

/** What the first bytes of such a file unpack to. */
export const uncompressedHead = (bytes: Uint8Array): Uint8Array => {
  for (const piece of unpack(bytes)) if (piece !== undefined) return piece
  return new Uint8Array()
}

/**
 * Codes have 9 bits at first and one more each time the table needs it, least significant bit first; they come in groups of
 * eight, and the rest of a group is passed over where their length changes. The format has no checksum and no end mark.
 * Memory: the table and a chunk. Yields what is unpacked, and `undefined` for the next chunk, which is then passed in; without
 * one the file ends.
 *
 * @throws an Error with the code `corrupt` for bytes that are not of this format
 */
function* unpack(first: Uint8Array): Generator<Uint8Array | undefined, void, Uint8Array | undefined> {
  let chunk = first
  let at = 2
  const flags = chunk[at++] ?? 0
  const mostBits = flags & 0x1f
  if (mostBits <= firstBits || mostBits > 16) throw corrupt(`its codes have ${mostBits} bits`)
  const clears = (flags & 0x80) !== 0
  const most = 1 << mostBits
  const prefix = new Uint16Array(most)
  const suffix = new Uint8Array(most)
  const stack = new Uint8Array(most + 1)
  let bits = firstBits
  let free = clears ? 257 : 256
  let previous = -1
  let last = 0
  let held = 0
  let heldBits = 0
  /** Bits of the current group that are read. */
  let inGroup = 0
  let skip = 0
  let out = new Uint8Array(outBytes)
  let outAt = 0
  const widen = (to: number) => {
    const group = bits * 8
    skip = (group - (inGroup % group)) % group
    bits = to
    inGroup = 0
  }
  for (;;) {
    if (skip === 0 && bits < mostBits && free >= 1 << bits) widen(bits + 1)
    const wanted = skip > 0 ? Math.min(skip, 8) : bits
    while (heldBits < wanted) {
      if (at >= chunk.length) {
        const next: Uint8Array | undefined = yield undefined
        if (next === undefined) {
          if (outAt > 0) yield out.subarray(0, outAt)
          return
        }
        chunk = next
        at = 0
        continue
      }
      held |= (chunk[at++] ?? 0) << heldBits
      heldBits += 8
    }
    const value = held & ((1 << wanted) - 1)
    held >>>= wanted
    heldBits -= wanted
    if (skip > 0) {
      skip -= wanted
      continue
    }
    inGroup += bits
    let code = value
    if (code === clear && clears) {
      free = 256
      widen(firstBits)
      continue
    }
    let depth = 0
    if (previous < 0) {
      if (code > 255) throw corrupt("its first code is none of a byte")
      last = code
      stack[depth++] = code
    } else {
      if (code > free || (code === free && free >= most)) throw corrupt(`code ${code} is not in its table of ${free}`)
      if (code === free) {
        stack[depth++] = last
        code = previous
      }
      while (code > 255) {
        if (depth > most) throw corrupt("its table leads in a circle")
        stack[depth++] = suffix[code] ?? 0
        code = prefix[code] ?? 0
      }
      last = code
      stack[depth++] = code
      if (free < most) {
        prefix[free] = previous
        suffix[free] = last
        free++
      }
    }
    previous = value
    if (outAt + depth > out.length) {
      yield out.subarray(0, outAt)
      out = new Uint8Array(Math.max(outBytes, depth))
      outAt = 0
    }
    while (depth > 0) out[outAt++] = stack[--depth] ?? 0
  }
}

const corrupt = (why: string): Error =>
  Object.assign(new Error(`the data that compress wrote is damaged: ${why}`), { code: "corrupt" })
