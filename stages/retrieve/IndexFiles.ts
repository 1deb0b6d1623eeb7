/**
 * An inverted index as a folder of files: `index.json` says what is there, each `*.bin` is one typed array, little-endian.
 * The bytes are a function of the index alone. Reading takes one read a file (in slices of less than 2 GiB).
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { assertLittleEndian, checksum, type FlatArray, IndexUnreadable, readBytes, writeArray } from "./ArrayFiles.ts"
import type { InvertedIndex } from "./InvertedIndex.ts"
import { placesOfCommon, placesOfTerms } from "./postings/Postings.ts"
import { readVarints, writeVarints } from "./postings/Varints.ts"
import { hashUnits } from "./WordScanner.ts"

const format = 2

/** The bytes of each file's items. */
const widths = {
  "docids.bin": 1,
  "docid-lengths.bin": 1,
  "docid-ranks.bin": 4,
  "document-lengths.bin": 1,
  "posting-counts.bin": 1,
  "postings-common.bin": 2,
  "postings-large-frequencies.bin": 4,
  "postings-maxima.bin": 1,
  "postings-maxima-places.bin": 4,
  "postings-rare.bin": 1,
  "term-lengths.bin": 1,
  "terms.bin": 2,
} as const

type FileName = keyof typeof widths

/** How far apart ascending places are. */
function* distances(places: Uint32Array): Generator<number> {
  for (let i = 1; i < places.length; i++) yield places[i]! - places[i - 1]!
}

/** Writes an index into an empty folder. */
export const writeIndex = (folder: string, index: InvertedIndex): void => {
  assertLittleEndian()
  const { postings, terms } = index
  const termOffsets = terms.offsets.subarray(0, terms.size + 1)
  const arrays: { readonly [N in FileName]: FlatArray } = {
    "docids.bin": index.docids.bytes,
    "docid-lengths.bin": writeVarints(distances(index.docids.offsets)),
    "docid-ranks.bin": index.docidOrder.ranks,
    "document-lengths.bin": writeVarints(index.lengths),
    "posting-counts.bin": writeVarints(distances(index.offsets)),
    "postings-common.bin": postings.common,
    "postings-large-frequencies.bin": postings.largeFrequencies,
    "postings-maxima.bin": postings.maxima,
    "postings-maxima-places.bin": postings.maximaPlaces,
    "postings-rare.bin": postings.rare,
    "term-lengths.bin": writeVarints(distances(termOffsets)),
    "terms.bin": terms.pool.subarray(0, termOffsets[terms.size]),
  }
  const checksums: Record<string, number> = {}
  for (const [name, array] of Object.entries(arrays)) {
    writeArray(join(folder, name), array)
    checksums[name] = checksum(array)
  }
  const header = {
    format,
    analyzer: index.analyzer,
    documents: index.lengths.length,
    documentsWithTerms: index.documentsWithTerms,
    totalLength: index.totalLength,
    terms: terms.size,
    postings: index.offsets[terms.size],
    checksums,
  }
  writeFileSync(join(folder, "index.json"), `${JSON.stringify(header, undefined, 2)}\n`, { flag: "wx" })
}

const Count = Schema.NonNegativeInt

const IndexHeader = Schema.Struct({
  format: Schema.Literal(format),
  analyzer: Schema.String,
  documents: Count,
  documentsWithTerms: Count,
  totalLength: Count,
  terms: Count,
  postings: Count,
  /** CRC-32 of each file. */
  checksums: Schema.Record({ key: Schema.String, value: Count }),
})

/** What `index.json` says. */
export type IndexHeader = typeof IndexHeader.Type

const decodeHeader = Schema.decodeUnknownEither(Schema.parseJson(IndexHeader))

/**
 * Reads an index's header alone.
 *
 * @throws IndexUnreadable where it is none of this version
 */
export const readIndexHeader = (folder: string): IndexHeader => {
  const path = join(folder, "index.json")
  const header = decodeHeader(readFileSync(path, "utf8"))
  if (Either.isRight(header)) return header.right
  throw new IndexUnreadable(path, `is no header of an index of format ${format}: ${header.left.message}`)
}

/**
 * Reads an index that `writeIndex` wrote.
 *
 * @param shared whether its arrays lie in shared memory, for searching in several threads.
 * @throws IndexUnreadable where a file is not as it was written.
 */
export const readIndex = (folder: string, { shared = false } = {}): InvertedIndex => {
  assertLittleEndian()
  const header = readIndexHeader(folder)
  const allocate = (bytes: number): ArrayBuffer | SharedArrayBuffer =>
    shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const damaged = (name: FileName, problem: string): IndexUnreadable => new IndexUnreadable(join(folder, name), problem)
  const bytesOf = (name: FileName, length?: number): Uint8Array => {
    const width = widths[name]
    const bytes = readBytes(join(folder, name), shared)
    if (bytes.length % width !== 0 || (length !== undefined && bytes.length !== length * width)) {
      throw damaged(name, `holds ${bytes.length} bytes, not ${length === undefined ? "whole items" : length * width}`)
    }
    if (checksum(bytes) !== header.checksums[name]) {
      throw damaged(name, "is not as it was written: its checksum is another")
    }
    return bytes
  }
  const u32 = (name: FileName, length: number | undefined): Uint32Array => new Uint32Array(bytesOf(name, length).buffer)
  const varints = (name: FileName, length: number): Uint32Array => {
    const values = new Uint32Array(allocate(length * 4))
    if (!readVarints(bytesOf(name), values)) throw damaged(name, `does not hold ${length} numbers`)
    return values
  }
  /** Where each of things begins whose sizes a file holds, and where the last ends. */
  const places = (name: FileName, length: number): Uint32Array => {
    const sizes = varints(name, length)
    const from = new Uint32Array(allocate((length + 1) * 4))
    for (let i = 0; i < length; i++) from[i + 1] = from[i]! + sizes[i]!
    return from
  }
  const termOffsets = places("term-lengths.bin", header.terms)
  const pool = new Uint16Array(bytesOf("terms.bin", termOffsets[header.terms]).buffer)
  const docidOffsets = places("docid-lengths.bin", header.documents)
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
  const offsets = places("posting-counts.bin", header.terms)
  if (offsets[header.terms] !== header.postings) {
    throw damaged("posting-counts.bin", `counts ${offsets[header.terms]} postings, not ${header.postings}`)
  }
  const commonPlaces = placesOfCommon(offsets, header.documents, allocate)
  const commons = commonPlaces.length - 1
  const rare = bytesOf("postings-rare.bin")
  return {
    analyzer: header.analyzer,
    terms,
    offsets,
    postings: {
      common: new Uint16Array(bytesOf("postings-common.bin", commonPlaces[commons]).buffer),
      commonPlaces,
      largeFrequencies: u32("postings-large-frequencies.bin", undefined),
      maxima: bytesOf("postings-maxima.bin"),
      maximaPlaces: u32("postings-maxima-places.bin", commons + 1),
      rare,
      places: placesOfTerms(offsets, header.documents, rare, allocate),
    },
    lengths: varints("document-lengths.bin", header.documents),
    totalLength: header.totalLength,
    documentsWithTerms: header.documentsWithTerms,
    docids: { bytes: bytesOf("docids.bin", docidOffsets[header.documents]), offsets: docidOffsets },
    docidOrder: { ranks, docs },
  }
}
