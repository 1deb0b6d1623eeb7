import { MalformedRow } from "../IngestError.ts"

/** Some whole lines of a file, without their ends. */
export interface Lines {
  readonly file: string
  /** number of the first of them, from 1 */
  readonly first: number
  readonly texts: ReadonlyArray<string>
}

/** Longer lines are refused, so that a file without line ends does not fill the memory. */
export const maxLineBytes = 64 * 1024 * 1024

const newline = 10

/**
 * A byte stream as lines, in batches of about a chunk. Line ends are LF or CR LF; a byte order mark at the start is
 * dropped; the last line needs no end. Memory: a chunk and a line.
 *
 * @throws MalformedRow for bytes that are not UTF-8 and for a line that is too long
 */
export async function* linesOf(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  longest = maxLineBytes,
): AsyncGenerator<Lines> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let held: Array<Uint8Array> = []
  let heldBytes = 0
  let line = 1
  const split = (text: string): Lines => {
    const texts = text.split("\n")
    if (text.includes("\r")) {
      for (let i = 0; i < texts.length; i++) if (texts[i]!.endsWith("\r")) texts[i] = texts[i]!.slice(0, -1)
    }
    const lines: Lines = { file, first: line, texts }
    line += texts.length
    return lines
  }
  /** Whole lines; those before the first that is wrong come out before the error. */
  function* decode(bytes: Uint8Array): Generator<Lines> {
    const whole = line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
    let text: string | undefined
    try {
      text = whole.length > longest ? undefined : decoder.decode(whole)
    } catch {
      text = undefined
    }
    if (text !== undefined) {
      yield split(text)
      return
    }
    for (let from = 0; from <= whole.length; ) {
      const newlineAt = whole.indexOf(newline, from)
      const one = whole.subarray(from, newlineAt < 0 ? whole.length : newlineAt)
      if (one.length > longest) throw tooLong(file, line, longest)
      const invalid = firstInvalid(one)
      if (invalid < one.length) throw notUtf8(file, line, one, invalid)
      yield split(decoder.decode(one))
      from += one.length + 1
    }
  }
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline)
    if (end < 0) {
      held.push(chunk)
      heldBytes += chunk.length
    } else {
      held.push(chunk.subarray(0, end))
      const whole = held.length === 1 ? held[0]! : Buffer.concat(held)
      yield* decode(whole)
      held = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : []
      heldBytes = held[0]?.length ?? 0
    }
    if (heldBytes > longest) throw tooLong(file, line, longest)
  }
  if (heldBytes > 0) yield* decode(held.length === 1 ? held[0]! : Buffer.concat(held))
}

const tooLong = (file: string, line: number, longest: number): MalformedRow =>
  new MalformedRow({
    file,
    line,
    field: "the line",
    expected: `at most ${longest} bytes`,
    found: "more, with no line end",
    fix: "Check that the file is text with one row a line.",
  })

const notUtf8 = (file: string, line: number, bytes: Uint8Array, at: number): MalformedRow =>
  new MalformedRow({
    file,
    line,
    field: `byte ${at + 1} of the line`,
    expected: "UTF-8",
    found: `0x${bytes[at]!.toString(16).padStart(2, "0")}`,
    fix: "Convert the file to UTF-8 (for example: iconv -f LATIN1 -t UTF-8).",
  })

/** Index of the first byte of the first ill-formed sequence (Unicode 15, table 3-7). */
const firstInvalid = (bytes: Uint8Array): number => {
  let i = 0
  while (i < bytes.length) {
    const lead = bytes[i]!
    const more =
      lead < 0x80
        ? 0
        : lead >= 0xc2 && lead < 0xe0
          ? 1
          : lead >= 0xe0 && lead < 0xf0
            ? 2
            : lead >= 0xf0 && lead < 0xf5
              ? 3
              : -1
    if (more < 0) return i
    for (let k = 1; k <= more; k++) {
      const low = k > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
      const high = k > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
      const byte = bytes[i + k] ?? 0
      if (byte < low || byte > high) return i
    }
    i += more + 1
  }
  return i
}
