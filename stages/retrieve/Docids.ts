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

/** The ids of many documents. */
export const docidsOf = (docids: Docids, docs: Int32Array): Array<string> => {
  const { bytes, offsets } = docids
  const lengths = Uint32Array.from(docs, (doc) => offsets[doc + 1]! - offsets[doc]!)
  // One text of all, where each byte is a character: making them one by one costs several times as much.
  const all = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0))
  for (let i = 0, to = 0; i < docs.length; i++) {
    const end = offsets[docs[i]! + 1]!
    for (let from = offsets[docs[i]!]!; from < end; from++) all[to++] = bytes[from]!
  }
  const text = all.toString()
  if (text.length !== all.length) return Array.from(docs, (doc) => docidAt(docids, doc))
  let from = 0
  return Array.from(lengths, (length) => text.substring(from, (from += length)))
}
