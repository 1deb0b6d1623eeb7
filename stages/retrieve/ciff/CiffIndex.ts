import { type Analysis, Analyzer, type Scanner } from "../Analyzer.ts"
import { docidAt } from "../Docids.ts"
import type { DocidTable } from "../DocidTable.ts"
import { IndexTooLarge } from "../IndexTooLarge.ts"
import { IndexBuilder, type InvertedIndex, maxPostings } from "../InvertedIndex.ts"
import { hashUnits } from "../WordScanner.ts"
import { addWord, findWord, makeWordTable } from "../WordTable.ts"
import { type CiffDocument, type CiffHeader, type CiffPostings, CiffProblem } from "./messages.ts"

/** Units that a term may have: as many as an analysis can make of a word. */
const longestTerm = Analyzer.longestTerm

/** Yields terms that are known, in place of a text's words. */
class GivenTerms implements Scanner {
  readonly units = new Uint16Array(longestTerm)
  readonly #terms = makeWordTable()
  length = 0
  hash = 0
  #ids: Uint32Array = new Uint32Array(0)
  #counts: Uint32Array = new Uint32Array(0)
  #at = 0
  #left = 0

  /** The id of a term that comes for the first time; undefined for one that came before. */
  add(term: string): number | undefined {
    const units = new Uint16Array(term.length)
    for (let at = 0; at < term.length; at++) units[at] = term.charCodeAt(at)
    const hash = hashUnits(units, units.length)
    return findWord(this.#terms, units, units.length, hash) < 0
      ? addWord(this.#terms, units, units.length, hash)
      : undefined
  }

  get size(): number {
    return this.#terms.size
  }

  /** What comes next: terms, and how often each. */
  give(ids: Uint32Array, counts: Uint32Array): void {
    this.#ids = ids
    this.#counts = counts
  }

  reset(): void {
    this.#at = -1
    this.#left = 0
  }

  next(): boolean {
    if (this.#left > 0) {
      this.#left--
      return true
    }
    if (++this.#at >= this.#ids.length) return false
    const term = this.#ids[this.#at]!
    const { hashes, offsets, pool } = this.#terms
    const from = offsets[term]!
    this.length = offsets[term + 1]! - from
    for (let at = 0; at < this.length; at++) this.units[at] = pool[from + at]!
    this.hash = hashes[term]!
    this.#left = this.#counts[this.#at]! - 1
    return true
  }
}

/** Makes an index of a collection's passages, in their order, of a CIFF file's parts. Memory: twenty bytes a posting, and the index. */
export class CiffIndex {
  readonly #table: DocidTable
  readonly #given = new GivenTerms()
  #header: CiffHeader | undefined
  /** Postings as they come: the file's numbers of documents, and how often. */
  #docs = new Int32Array(1 << 12)
  #frequencies = new Uint32Array(1 << 12)
  #postings = 0
  /** Where each term's postings begin. */
  readonly #starts: Array<number> = []
  /** Of each document of the file, its number in the collection; -1 before it came. */
  #rows = new Int32Array(0)
  #lengths = new Uint32Array(0)

  constructor(table: DocidTable) {
    this.#table = table
  }

  header(header: CiffHeader): void {
    const { documents, postingsLists, totalDocuments, version } = header
    if (version !== 1) throw new CiffProblem(`it is of CIFF's version ${version}, not 1, or no CIFF file`)
    if (totalDocuments > documents) {
      throw new CiffProblem(`it is a part: ${documents} of the index's ${totalDocuments} documents`)
    }
    if (documents > 2 ** 31 - 1 || postingsLists > 2 ** 31 - 1) throw new CiffProblem("its counts are out of range")
    this.#header = header
    // Numbers that the file announces, and may not have: room is made as the documents come.
    this.#rows = new Int32Array(Math.min(documents, this.#table.documents)).fill(-1)
    this.#lengths = new Uint32Array(this.#table.documents)
  }

  postings({ collectionFrequency, docs, documentFrequency, frequencies, size, term }: CiffPostings): void {
    const documents = this.#header?.documents ?? 0
    if (term === "" || term.length > longestTerm) {
      throw new CiffProblem(`a term has ${term.length} UTF-16 units; from 1 to ${longestTerm} are taken`)
    }
    if (this.#given.add(term) === undefined) throw new CiffProblem(`the term «${term}» comes twice`)
    if (size !== documentFrequency) {
      throw new CiffProblem(`df of «${term}» is ${documentFrequency}, and its postings are ${size}`)
    }
    const last = docs[size - 1] ?? 0
    if (last >= documents) {
      throw new CiffProblem(`document ${last} under «${term}» is out of range: there are ${documents}`)
    }
    if (this.#postings + size > maxPostings) throw new IndexTooLarge("postings", maxPostings, documents)
    this.#starts.push(this.#postings)
    if (this.#postings + size > this.#docs.length) {
      const room = Math.max(this.#docs.length * 2, this.#postings + size)
      const [more, moreFrequencies] = [new Int32Array(room), new Uint32Array(room)]
      more.set(this.#docs)
      moreFrequencies.set(this.#frequencies)
      this.#docs = more
      this.#frequencies = moreFrequencies
    }
    let occurrences = 0
    for (let at = 0; at < size; at++) {
      occurrences += frequencies[at]!
      this.#docs[this.#postings + at] = docs[at]!
      this.#frequencies[this.#postings + at] = frequencies[at]!
    }
    this.#postings += size
    if (occurrences !== collectionFrequency) {
      throw new CiffProblem(`cf of «${term}» is ${collectionFrequency}, and its postings have ${occurrences}`)
    }
  }

  document({ docid, length, number }: CiffDocument): void {
    const documents = this.#header?.documents ?? 0
    if (number >= documents) throw new CiffProblem(`document ${number} is out of range: there are ${documents}`)
    const row = this.#table.find(docid)
    if (row < 0) throw new CiffProblem(`${docid} is no docid of the collection`)
    if (number >= this.#rows.length) throw new CiffProblem(`there are ${documents} documents; the collection has fewer`)
    if (this.#rows[number] !== -1) throw new CiffProblem(`document ${number} comes twice`)
    if (length > 2 ** 31 - 1) throw new CiffProblem(`the length of ${docid} is out of range`)
    this.#rows[number] = row
    this.#lengths[row] = length
  }

  /** How many of the collection's passages the file does not have. */
  get missing(): number {
    return this.#table.documents - this.#rows.length
  }

  /**
   * The index of what came.
   *
   * @param analysis what the file's terms were made by, and a query's are
   */
  finish(analysis: Analysis): InvertedIndex {
    const { documents } = this.#table
    const docidTwice = new Uint8Array(documents)
    for (const row of this.#rows) {
      if (docidTwice[row] === 1) throw new CiffProblem(`the docid ${docidAt(this.#table.docids, row)} comes twice`)
      docidTwice[row] = 1
    }
    // From postings under terms to terms under documents: one counting pass.
    const offsets = new Uint32Array(documents + 1)
    for (let at = 0; at < this.#postings; at++) offsets[this.#rows[this.#docs[at]!]! + 1]!++
    for (let doc = 0; doc < documents; doc++) offsets[doc + 1]! += offsets[doc]!
    const next = offsets.slice(0, documents)
    const ids = new Uint32Array(this.#postings)
    const counts = new Uint32Array(this.#postings)
    this.#starts.forEach((from, term) => {
      const to = this.#starts[term + 1] ?? this.#postings
      for (let at = from; at < to; at++) {
        const place = next[this.#rows[this.#docs[at]!]!]!++
        ids[place] = term
        counts[place] = this.#frequencies[at]!
      }
    })
    this.#docs = new Int32Array(0)
    this.#frequencies = new Uint32Array(0)
    const given = this.#given
    const builder = new IndexBuilder({
      name: analysis.name,
      scanner: () => given,
      stopWords: [],
      stem: (_, length) => length,
    })
    for (let doc = 0; doc < documents; doc++) {
      given.give(ids.subarray(offsets[doc], offsets[doc + 1]), counts.subarray(offsets[doc], offsets[doc + 1]))
      builder.add(docidAt(this.#table.docids, doc), "", this.#lengths[doc])
    }
    const index = builder.finish()
    const totalTerms = this.#header?.totalTerms ?? 0
    // Lengths may be rounded in the file, where their sum is exact.
    return totalTerms > 0 ? { ...index, totalLength: totalTerms } : index
  }
}
