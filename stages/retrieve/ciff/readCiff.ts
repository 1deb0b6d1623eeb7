import { createReadStream } from "node:fs"
import { pipeline } from "node:stream"
import { createGunzip } from "node:zlib"
import { causeText } from "../../../schemas/index.ts"
import { isGzip } from "../isGzip.ts"
import { CiffUnusable } from "../RetrieveError.ts"
import {
  type CiffDocument,
  type CiffHeader,
  type CiffPostings,
  CiffProblem,
  decodeDocument,
  decodeHeader,
  postingsDecoder,
} from "./messages.ts"

const chunkBytes = 1 << 20

/** Larger messages than a term of every document of the largest index could make are refused. */
const largestMessage = 2 ** 31 - 1

/** The messages of a file, one after the other, and where each begins. */
class Messages {
  readonly #chunks: AsyncIterator<unknown>
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  /** Where the current message begins, in bytes of the unpacked file. */
  position = 0
  #consumed = 0

  constructor(chunks: AsyncIterable<unknown>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** The next message's bytes, good until the next is asked for. */
  async next(): Promise<Uint8Array> {
    this.position = this.#consumed
    let size = 0
    for (let power = 1; ; power *= 128) {
      if (this.#at >= this.#bytes.length && !(await this.#more(1))) throw new CiffProblem("the file is cut short")
      const byte = this.#bytes[this.#at++]!
      this.#consumed++
      size += (byte & 127) * power
      if (byte < 128) break
      if (power > largestMessage) throw new CiffProblem("it is no CIFF file, or damaged")
    }
    if (size > largestMessage) throw new CiffProblem("it is no CIFF file, or damaged")
    if (this.#bytes.length - this.#at < size && !(await this.#more(size))) {
      throw new CiffProblem("the file is cut short")
    }
    const message = this.#bytes.subarray(this.#at, this.#at + size)
    this.#at += size
    this.#consumed += size
    return message
  }

  /** Whether bytes are left. */
  async rest(): Promise<boolean> {
    return this.#at < this.#bytes.length || (await this.#more(1))
  }

  /** Reads until so many bytes are there; false where the file ends before. */
  async #more(wanted: number): Promise<boolean> {
    const held: Array<Uint8Array> = [this.#bytes.subarray(this.#at)]
    let size = this.#bytes.length - this.#at
    while (size < wanted) {
      const next = await this.#chunks.next()
      if (next.done === true) break
      if (!(next.value instanceof Uint8Array)) continue
      held.push(next.value)
      size += next.value.length
    }
    this.#bytes = held.length === 2 && held[0]!.length === 0 ? held[1]! : Buffer.concat(held)
    this.#at = 0
    return size >= wanted
  }
}

/** What takes a file's parts as they come. */
export interface CiffVisitor {
  readonly header: (header: CiffHeader) => void
  /** Its arrays are good until the next. */
  readonly postings: (postings: CiffPostings) => void
  readonly document: (document: CiffDocument) => void
  /** Told now and then how many parts came, of how many. */
  readonly progress: (done: number, total: number) => void
}

/**
 * Reads a CIFF file, packed by gzip or not, part by part. What a visitor throws as a `CiffProblem` is of the part that it was given.
 *
 * @param shown the name for errors
 * @throws CiffUnusable
 */
export const readCiff = async (path: string, shown: string, visitor: CiffVisitor): Promise<void> => {
  let at = 0
  try {
    const raw = createReadStream(path, { highWaterMark: chunkBytes })
    const packed = await isGzip(path)
    const messages = new Messages(
      packed ? pipeline(raw, createGunzip({ chunkSize: chunkBytes }), () => undefined) : raw,
    )
    const next = async (): Promise<Uint8Array> => {
      const message = messages.next()
      at = messages.position
      return message
    }
    const header = decodeHeader(await next())
    visitor.header(header)
    const total = header.postingsLists + header.documents
    const decodePostings = postingsDecoder()
    for (let list = 0; list < header.postingsLists; list++) {
      visitor.postings(decodePostings(await next()))
      if (list % 4096 === 0) visitor.progress(list, total)
    }
    for (let document = 0; document < header.documents; document++) {
      visitor.document(decodeDocument(await next()))
      if (document % 4096 === 0) visitor.progress(header.postingsLists + document, total)
    }
    if (await messages.rest()) {
      throw new CiffProblem(`more follows after the ${header.documents} documents that the header announces`)
    }
  } catch (cause) {
    if (cause instanceof CiffProblem) throw new CiffUnusable({ file: shown, position: at, problem: cause.message })
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined
    const problem = code === "Z_BUF_ERROR" ? "the gzip data ends before its end mark" : causeText(cause)
    throw new CiffUnusable({ file: shown, position: at, problem })
  }
}
