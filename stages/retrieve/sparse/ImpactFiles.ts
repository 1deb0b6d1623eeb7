/** An impact index as a folder of files: `impacts.json` says what is there and `terms.json` its terms, each `*.bin` is one typed array. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { assertLittleEndian, IndexUnreadable, readBytes, writeArray } from "../ArrayFiles.ts"
import type { ImpactIndex } from "./ImpactIndex.ts"

const Header = Schema.parseJson(
  Schema.Struct({
    format: Schema.Literal(1),
    documents: Schema.NonNegativeInt,
    terms: Schema.NonNegativeInt,
    postings: Schema.NonNegativeInt,
  }),
)

const Terms = Schema.parseJson(Schema.Array(Schema.String))

/** Writes an index into an empty folder. */
export const writeImpacts = (folder: string, index: ImpactIndex): void => {
  assertLittleEndian()
  const { docidOrder, docids, docs, offsets, terms, weights } = index
  writeArray(join(folder, "docids.bin"), docids.bytes)
  writeArray(join(folder, "docid-offsets.bin"), docids.offsets)
  writeArray(join(folder, "docid-ranks.bin"), docidOrder.ranks)
  writeArray(join(folder, "posting-offsets.bin"), offsets)
  writeArray(join(folder, "posting-documents.bin"), docs)
  writeArray(join(folder, "posting-weights.bin"), weights)
  writeFileSync(join(folder, "terms.json"), JSON.stringify(terms), { flag: "wx" })
  const header = { format: 1, documents: docidOrder.docs.length, terms: terms.length, postings: docs.length }
  writeFileSync(join(folder, "impacts.json"), `${JSON.stringify(header, undefined, 2)}\n`, { flag: "wx" })
}

/**
 * Reads an index that `writeImpacts` wrote.
 *
 * @throws IndexUnreadable where a file is of another size than the header says
 */
export const readImpacts = (folder: string): ImpactIndex => {
  assertLittleEndian()
  const header = Schema.decodeSync(Header)(readFileSync(join(folder, "impacts.json"), "utf8"))
  const buffer = (name: string, bytes: number): ArrayBufferLike => {
    const path = join(folder, name)
    const read = readBytes(path, false)
    if (read.length !== bytes) throw new IndexUnreadable(path, `holds ${read.length} bytes, not ${bytes}`)
    return read.buffer
  }
  const terms = Schema.decodeSync(Terms)(readFileSync(join(folder, "terms.json"), "utf8"))
  if (terms.length !== header.terms) {
    throw new IndexUnreadable(join(folder, "terms.json"), `holds ${terms.length} terms, not ${header.terms}`)
  }
  const docidOffsets = new Uint32Array(buffer("docid-offsets.bin", (header.documents + 1) * 4))
  const ranks = new Uint32Array(buffer("docid-ranks.bin", header.documents * 4))
  const docs = new Uint32Array(header.documents)
  ranks.forEach((rank, doc) => {
    docs[rank] = doc
  })
  return {
    terms,
    offsets: new Uint32Array(buffer("posting-offsets.bin", (header.terms + 1) * 4)),
    docs: new Int32Array(buffer("posting-documents.bin", header.postings * 4)),
    weights: new Float32Array(buffer("posting-weights.bin", header.postings * 4)),
    docids: { bytes: new Uint8Array(buffer("docids.bin", docidOffsets[header.documents]!)), offsets: docidOffsets },
    docidOrder: { ranks, docs },
  }
}
