/** Typed arrays as files, little-endian, written and read in slices of less than 2 GiB. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs"
import { endianness } from "node:os"
import { crc32 } from "node:zlib"

/** The folder does not hold an index that this version reads. */
export class IndexUnreadable extends Error {
  override readonly name = "IndexUnreadable"
  readonly file: string
  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`)
    this.file = file
  }
}

const sliceBytes = 2 ** 30

/** What a file holds. */
export type FlatArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array

/** Writes an array's bytes into a new file. */
export const writeArray = (path: string, array: FlatArray): void => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const file = openSync(path, "wx")
  try {
    for (let from = 0; from < bytes.length; ) {
      from += writeSync(file, bytes, from, Math.min(sliceBytes, bytes.length - from))
    }
  } finally {
    closeSync(file)
  }
}

/**
 * Reads a whole file.
 *
 * @param shared whether into shared memory, for several threads
 */
export const readBytes = (path: string, shared: boolean): Uint8Array => {
  const file = openSync(path, "r")
  try {
    const size = fstatSync(file).size
    const bytes = new Uint8Array(shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size))
    for (let from = 0; from < size; ) {
      const read = readSync(file, bytes, from, Math.min(sliceBytes, size - from), from)
      if (read === 0) throw new IndexUnreadable(path, `ends after ${from} of ${size} bytes`)
      from += read
    }
    return bytes
  } finally {
    closeSync(file)
  }
}

/** CRC-32 of an array's bytes. */
export const checksum = (array: FlatArray): number => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  let value = 0
  for (let from = 0; from < bytes.length; from += sliceBytes) {
    value = crc32(bytes.subarray(from, from + sliceBytes), value)
  }
  return value
}

/** Fails where arrays in memory are not as they are in files. */
export const assertLittleEndian = (): void => {
  if (endianness() !== "LE") throw new Error("Index files are little-endian; this machine is not")
}
