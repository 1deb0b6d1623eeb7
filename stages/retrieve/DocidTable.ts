import type { Docids } from "./Docids.ts"
import { type DocidOrder, docidOrder } from "./docidOrder.ts"
import { IndexTooLarge } from "./IndexTooLarge.ts"

/** Gathers docids in the order of the documents. */
export class DocidsBuilder {
  readonly #encoder = new TextEncoder()
  #bytes = new Uint8Array(1 << 14)
  #offsets = new Uint32Array(1025)
  #documents = 0

  get documents(): number {
    return this.#documents
  }

  /** @throws IndexTooLarge where docids have more than 2³¹ bytes together */
  add(docid: string): void {
    const doc = this.#documents++
    const from = this.#offsets[doc]!
    const room = from + docid.length * 3
    if (room > this.#bytes.length) {
      const size = Math.max(this.#bytes.length * 2, room)
      if (size >= 2 ** 32) throw new IndexTooLarge("bytes of docids", 2 ** 31, doc)
      const larger = new Uint8Array(size)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    if (doc + 2 > this.#offsets.length) {
      const larger = new Uint32Array(this.#offsets.length * 2)
      larger.set(this.#offsets)
      this.#offsets = larger
    }
    this.#offsets[doc + 1] = from + this.#encoder.encodeInto(docid, this.#bytes.subarray(from)).written
  }

  finish(): Docids {
    return {
      bytes: this.#bytes.slice(0, this.#offsets[this.#documents]),
      offsets: this.#offsets.slice(0, this.#documents + 1),
    }
  }
}

/** Finds documents by their docids, without a string for each. */
export class DocidTable {
  readonly docids: Docids
  readonly order: DocidOrder
  readonly #encoder = new TextEncoder()
  /** Where it is looked first: what comes in the collection's order is found at once. */
  #next = 0

  constructor(docids: Docids) {
    this.docids = docids
    this.order = docidOrder(docids)
  }

  get documents(): number {
    return this.order.docs.length
  }

  /** The number of a document, or -1. */
  find(docid: string): number {
    const wanted = this.#encoder.encode(docid)
    const { docs } = this.order
    let found = this.#next < docs.length && this.#compare(wanted, this.#next) === 0 ? this.#next : -1
    for (let low = 0, high = docs.length - 1; found < 0 && low <= high; ) {
      const middle = (low + high) >>> 1
      const compared = this.#compare(wanted, docs[middle]!)
      if (compared === 0) found = docs[middle]!
      else if (compared < 0) high = middle - 1
      else low = middle + 1
    }
    if (found >= 0) this.#next = found + 1
    return found
  }

  #compare(wanted: Uint8Array, doc: number): number {
    const { bytes, offsets } = this.docids
    return Buffer.compare(wanted, bytes.subarray(offsets[doc], offsets[doc + 1]))
  }
}
