import { closeSync, openSync, writeSync } from "node:fs"
import { compareBytes } from "../../../schemas/index.ts"
import { docidAt } from "../Docids.ts"
import { emptyPostings, type InvertedIndex, readPostings } from "../InvertedIndex.ts"
import { wordAt } from "../WordTable.ts"
import { MessageBytes } from "./messages.ts"

/** Bytes that are written at once. */
const blockBytes = 1 << 20

/**
 * Writes an index as a CIFF file: terms in the order of their UTF-8 bytes, documents in the collection's, docids of postings as gaps.
 * The bytes are a function of the index. `totalTerms` and `averageLength` are BM25's, of documents with terms.
 *
 * @param path a file that is not there yet
 */
export const writeCiff = (path: string, index: InvertedIndex): void => {
  const { documentsWithTerms, docids, lengths, terms, totalLength } = index
  const file = openSync(path, "wx")
  const block = new MessageBytes()
  const message = new MessageBytes()
  const flush = (least: number): void => {
    const bytes = block.written
    if (bytes.length < least) return
    for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from)
    block.clear()
  }
  const put = (): void => {
    block.varint(message.written.length)
    block.append(message.written)
    message.clear()
    flush(blockBytes)
  }
  try {
    message.number(1, 1)
    message.number(2, terms.size)
    message.number(3, lengths.length)
    message.number(4, terms.size)
    message.number(5, lengths.length)
    message.number(6, totalLength)
    message.double(7, documentsWithTerms === 0 ? 0 : totalLength / documentsWithTerms)
    message.text(8, `rankdag: ${index.analyzer}, passages of title and text, whole lengths`)
    put()
    const words = Array.from({ length: terms.size }, (_, term) => ({ term, word: wordAt(terms, term) }))
    words.sort((one, other) => compareBytes(one.word, other.word))
    const postings = emptyPostings()
    for (const { term, word } of words) {
      readPostings(index, term, postings)
      const { docs, frequencies, size } = postings
      let occurrences = 0
      for (let at = 0; at < size; at++) occurrences += frequencies[at]!
      message.text(1, word)
      message.number(2, size)
      message.number(3, occurrences)
      let last = 0
      for (let at = 0; at < size; at++) {
        message.posting(docs[at]! - last, frequencies[at]!)
        last = docs[at]!
      }
      put()
    }
    for (let doc = 0; doc < lengths.length; doc++) {
      message.number(1, doc)
      message.text(2, docidAt(docids, doc))
      message.number(3, lengths[doc]!)
      put()
    }
    flush(1)
  } finally {
    closeSync(file)
  }
}
