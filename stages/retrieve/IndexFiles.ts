/**
 * An inverted index as a folder of files: `index.json` says what is there, each `*.bin` is one typed array, little-endian.
 * The bytes are a function of the index alone. Reading takes one read a file (in slices of less than 2 GiB).
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assertLittleEndian, type FlatArray, IndexUnreadable, readBytes, writeArray } from "./ArrayFiles.ts"
import type { InvertedIndex } from "./InvertedIndex.ts"
import { hashUnits } from "./WordScanner.ts"

const format = 1

const files = {
  "docids.bin": Uint8Array,
  "docid-offsets.bin": Uint32Array,
  "docid-ranks.bin": Uint32Array,
  "document-lengths.bin": Uint32Array,
  "posting-documents.bin": Int32Array,
  "posting-frequencies.bin": Uint8Array,
  "posting-large-frequencies.bin": Uint32Array,
  "posting-offsets.bin": Uint32Array,
  "term-offsets.bin": Uint32Array,
  "terms.bin": Uint16Array,
} as const

/** Writes an index into an empty folder. */
export const writeIndex = (folder: string, index: InvertedIndex): void => {
  assertLittleEndian()
  const { terms } = index
  const termOffsets = terms.offsets.subarray(0, terms.size + 1)
  const arrays: { readonly [N in keyof typeof files]: FlatArray } = {
    "docids.bin": index.docids.bytes,
    "docid-offsets.bin": index.docids.offsets,
    "docid-ranks.bin": index.docidOrder.ranks,
    "document-lengths.bin": index.lengths,
    "posting-documents.bin": index.docs,
    "posting-frequencies.bin": index.frequencies,
    "posting-large-frequencies.bin": index.largeFrequencies,
    "posting-offsets.bin": index.offsets,
    "term-offsets.bin": termOffsets,
    "terms.bin": terms.pool.subarray(0, termOffsets[terms.size]),
  }
  for (const [name, array] of Object.entries(arrays)) writeArray(join(folder, name), array)
  const header = {
    format,
    analyzer: index.analyzer,
    documents: index.lengths.length,
    documentsWithTerms: index.documentsWithTerms,
    totalLength: index.totalLength,
    terms: terms.size,
    postings: index.docs.length,
  }
  writeFileSync(join(folder, "index.json"), `${JSON.stringify(header, undefined, 2)}\n`, { flag: "wx" })
}

/** What `index.json` says. */
export interface IndexHeader {
  readonly analyzer: string
  readonly documents: number
  readonly documentsWithTerms: number
  readonly totalLength: number
  readonly terms: number
  readonly postings: number
}

/** Reads an index's header alone. */
export const readIndexHeader = (folder: string): IndexHeader => {
  const path = join(folder, "index.json")
  const header: unknown = JSON.parse(readFileSync(path, "utf8"))
  const field = (name: string): unknown =>
    typeof header === "object" && header !== null
      ? Object.entries(header).find(([key]) => key === name)?.[1]
      : undefined
  const count = (name: string): number => {
    const value = field(name)
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value
    throw new IndexUnreadable(path, `"${name}" is not a count`)
  }
  if (field("format") !== format) throw new IndexUnreadable(path, `format is not ${format}`)
  const analyzer = field("analyzer")
  if (typeof analyzer !== "string") throw new IndexUnreadable(path, `"analyzer" is not a name`)
  return {
    analyzer,
    documents: count("documents"),
    documentsWithTerms: count("documentsWithTerms"),
    totalLength: count("totalLength"),
    terms: count("terms"),
    postings: count("postings"),
  }
}

/**
 * Reads an index that `writeIndex` wrote.
 *
 * @param shared whether its arrays lie in shared memory, for searching in several threads.
 * @throws IndexUnreadable where a file is of another size than the header says.
 */
export const readIndex = (folder: string, { shared = false } = {}): InvertedIndex => {
  assertLittleEndian()
  const header = readIndexHeader(folder)
  const allocate = (bytes: number): ArrayBuffer | SharedArrayBuffer =>
    shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const bytesOf = (name: keyof typeof files, length?: number): Uint8Array => {
    const path = join(folder, name)
    const bytes = readBytes(path, shared)
    const width = files[name].BYTES_PER_ELEMENT
    if (bytes.length % width !== 0 || (length !== undefined && bytes.length !== length * width)) {
      throw new IndexUnreadable(
        path,
        `holds ${bytes.length} bytes, not ${length === undefined ? "whole items" : length * width}`,
      )
    }
    return bytes
  }
  const u32 = (name: keyof typeof files, length?: number): Uint32Array => new Uint32Array(bytesOf(name, length).buffer)
  const termOffsets = u32("term-offsets.bin", header.terms + 1)
  const pool = new Uint16Array(bytesOf("terms.bin", termOffsets[header.terms]).buffer)
  const docidOffsets = u32("docid-offsets.bin", header.documents + 1)
  const ranks = u32("docid-ranks.bin", header.documents)
  const docs = new Uint32Array(allocate(header.documents * 4))
  for (let doc = 0; doc < header.documents; doc++) docs[ranks[doc]!] = doc
  let slots = 64
  while (slots < header.terms * 2) slots *= 2
  const terms = {
    size: header.terms,
    offsets: termOffsets,
    pool,
    hashes: new Int32Array(allocate(header.terms * 4)),
    slots: new Int32Array(allocate(slots * 4)),
  }
  for (let term = 0; term < terms.size; term++) {
    const from = termOffsets[term]!
    const hash = hashUnits(pool, termOffsets[term + 1]! - from, from)
    terms.hashes[term] = hash
    let slot = hash & (slots - 1)
    while (terms.slots[slot] !== 0) slot = (slot + 1) & (slots - 1)
    terms.slots[slot] = term + 1
  }
  return {
    analyzer: header.analyzer,
    terms,
    offsets: u32("posting-offsets.bin", header.terms + 1),
    docs: new Int32Array(bytesOf("posting-documents.bin", header.postings).buffer),
    frequencies: bytesOf("posting-frequencies.bin", header.postings),
    largeFrequencies: u32("posting-large-frequencies.bin"),
    lengths: u32("document-lengths.bin", header.documents),
    totalLength: header.totalLength,
    documentsWithTerms: header.documentsWithTerms,
    docids: { bytes: bytesOf("docids.bin", docidOffsets[header.documents]), offsets: docidOffsets },
    docidOrder: { ranks, docs },
  }
}
