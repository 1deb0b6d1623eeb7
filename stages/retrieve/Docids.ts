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
  // One text of all, where each byte is a character: making them one by one costs several times as much.
  let size = 0
  for (let i = 0; i < docs.length; i++) size += offsets[docs[i]! + 1]! - offsets[docs[i]!]!
  const all = Buffer.allocUnsafe(size)
  for (let i = 0, to = 0; i < docs.length; i++) {
    const end = offsets[docs[i]! + 1]!
    for (let from = offsets[docs[i]!]!; from < end; from++) all[to++] = bytes[from]!
  }
  const text = all.toString()
  const found: Array<string> = []
  for (let i = 0, from = 0; i < docs.length; i++) {
    const to = from + offsets[docs[i]! + 1]! - offsets[docs[i]!]!
    found.push(text.length === size ? text.substring(from, to) : docidAt(docids, docs[i]!))
    from = to
  }
  return found
}
