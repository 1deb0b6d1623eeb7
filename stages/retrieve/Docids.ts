/** Document ids as UTF-8, `bytes[offsets[d] .. offsets[d + 1])`. */
export interface Docids {
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
}

/** The id of a document by its number. */
export const docidAt = ({ bytes, offsets }: Docids, doc: number): string => {
  const from = offsets[doc]!
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, offsets[doc + 1]! - from).toString()
}
