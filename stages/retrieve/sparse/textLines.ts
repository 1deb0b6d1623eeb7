import { createReadStream } from "node:fs"
import { pipeline } from "node:stream"
import { createGunzip } from "node:zlib"
import { causeText } from "../../../schemas/index.ts"
import { isGzip } from "../isGzip.ts"
import { WeightsUnusable } from "../RetrieveError.ts"

const chunkBytes = 256 * 1024

/** Longer lines are refused, so that a file without line ends does not fill the memory. */
const maxLineBytes = 64 * 1024 * 1024

const newline = 10

const unreadable = (file: string, line: number, cause: unknown): WeightsUnusable => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "Z_BUF_ERROR" || code === "Z_DATA_ERROR") {
    const problem = code === "Z_BUF_ERROR" ? "the gzip data ends before its end mark" : "the gzip data is damaged"
    return new WeightsUnusable({ file, line, problem, remedy: "Fetch or make the file again." })
  }
  return new WeightsUnusable({ file, line, problem: causeText(cause), remedy: "Check the file." })
}

/**
 * The lines of a file of UTF-8, packed by gzip or not, in batches of about a chunk; without those of white space alone.
 *
 * @throws WeightsUnusable with the line at which the file cannot be read further
 */
export async function* textLines(
  path: string,
  file: string,
): AsyncGenerator<ReadonlyArray<{ readonly line: number; readonly text: string }>> {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  let line = 1
  let held: Array<Uint8Array> = []
  let heldBytes = 0
  const split = (bytes: Uint8Array) => {
    const texts = decoder.decode(bytes).split("\n")
    const lines = texts.map((text, at) => ({ line: line + at, text })).filter(({ text }) => /\S/.test(text))
    line += texts.length
    return lines
  }
  try {
    const raw = createReadStream(path, { highWaterMark: chunkBytes })
    // What goes wrong in either stream ends the loop below.
    const bytes = (await isGzip(path)) ? pipeline(raw, createGunzip({ chunkSize: chunkBytes }), () => undefined) : raw
    for await (const chunk of bytes) {
      if (!(chunk instanceof Uint8Array)) continue
      const end = chunk.lastIndexOf(newline)
      if (end < 0) {
        held.push(chunk)
        heldBytes += chunk.length
      } else {
        held.push(chunk.subarray(0, end))
        yield split(held.length === 1 ? held[0]! : Buffer.concat(held))
        held = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : []
        heldBytes = held[0]?.length ?? 0
      }
      if (heldBytes > maxLineBytes) throw new Error(`the line has more than ${maxLineBytes} bytes`)
    }
    if (heldBytes > 0) yield split(Buffer.concat(held))
  } catch (cause) {
    throw cause instanceof WeightsUnusable ? cause : unreadable(file, line, cause)
  }
}
