/**
 * SentencePiece's precompiled normalisation rules (`nmt_nfkc` and its kin): a map from character sequences to replacements,
 * stored as a Darts double-array trie over UTF-8 bytes and a blob of NUL-terminated replacements. Pure.
 *
 * The blob: a 32-bit length (little endian) of the trie in bytes, the trie (32-bit units), the replacements. A trie unit
 * packs a label (bits 0–7 and 31), whether a value hangs below (bit 8), and an offset (bits 10–30, shifted by 8 more when
 * bit 9 is set); a value unit holds its number in bits 0–30.
 */

/** How rules are applied: SentencePiece takes the longest match anywhere; Hugging Face's fast tokenizers go by grapheme. */
export type CharsmapReading = "longest" | "grapheme"

export interface Charsmap {
  readonly normalise: (text: string) => string
  /** Whether a rule begins with a space: then the text behind a space may be normalised otherwise than on its own. */
  readonly spaceMatters: boolean
}

/** What is not plain (printable ASCII, which no usual rule rewrites), and the plain character before it. */
const spans = /[\x20-\x7e]?[^\x20-\x7e]+/gu
const mostSpans = 50_000

const utf8Length = (first: number): number => (first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)

/** Reads a charsmap; undefined when the blob is not one. */
export const readCharsmap = (blob: Uint8Array, reading: CharsmapReading): Charsmap | undefined => {
  if (blob.length < 4) return undefined
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length)
  const trieBytes = view.getUint32(0, true)
  if (trieBytes % 4 !== 0 || trieBytes < 4 || 4 + trieBytes > blob.length) return undefined
  const units = new Uint32Array(trieBytes / 4)
  for (let i = 0; i < units.length; i++) units[i] = view.getUint32(4 + 4 * i, true)
  const replacements = blob.subarray(4 + trieBytes)

  const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6)
  const root = offsetOf(units[0] ?? 0)

  /** Where the trie stands after a byte, or −1. */
  const step = (node: number, byte: number): number => {
    const next = (node ^ byte) >>> 0
    const unit = units[next]
    return unit !== undefined && (unit & 0x800000ff) >>> 0 === byte ? next : -1
  }
  const childrenOf = (node: number): number => (node ^ offsetOf(units[node] ?? 0)) >>> 0
  const hasValue = (node: number): boolean => (((units[node] ?? 0) >>> 8) & 1) === 1
  const valueOf = (node: number): number => (units[childrenOf(node)] ?? 0) & 0x7fffffff

  // Only what is not plain, and the character before it, is looked at: sound while no rule is made of plain characters alone
  // or goes on with one. The latter is noticed when a rule could go on behind what is looked at.
  const anyPlain = (children: number): boolean => {
    for (let byte = 0x20; byte <= 0x7e; byte++) if (step(children, byte) >= 0) return true
    return false
  }
  let plainIsSafe = true
  for (let byte = 0x20; byte <= 0x7e; byte++) {
    const node = step(root, byte)
    if (node >= 0 && (hasValue(node) || anyPlain(childrenOf(node)))) plainIsSafe = false
  }
  const spaceMatters = step(root, 0x20) >= 0

  const encoder = new TextEncoder()
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  const out: Array<number> = []
  const replaceWith = (value: number): void => {
    for (let i = value; i < replacements.length && replacements[i] !== 0; i++) out.push(replacements[i]!)
  }
  const copy = (bytes: Uint8Array, begin: number, end: number): void => {
    for (let i = begin; i < end; i++) out.push(bytes[i]!)
  }

  const longest = (text: string): string => {
    const bytes = encoder.encode(text)
    out.length = 0
    for (let begin = 0; begin < bytes.length; ) {
      let children = root
      let matched = 0
      let value = 0
      for (let i = begin; i < bytes.length; i++) {
        const node = step(children, bytes[i]!)
        if (node < 0) break
        if (hasValue(node)) {
          matched = i + 1 - begin
          value = valueOf(node)
        }
        children = childrenOf(node)
        if (plainIsSafe && i + 1 === bytes.length && anyPlain(children)) plainIsSafe = false
      }
      if (matched > 0) {
        replaceWith(value)
        begin += matched
      } else {
        const length = utf8Length(bytes[begin]!)
        copy(bytes, begin, begin + length)
        begin += length
      }
    }
    return decoder.decode(Uint8Array.from(out))
  }

  /** Replaces all of `bytes[begin, end)` by the rule of its shortest prefix that has one. */
  const replaceByPrefix = (bytes: Uint8Array, begin: number, end: number): boolean => {
    let children = root
    for (let i = begin; i < end; i++) {
      const node = step(children, bytes[i]!)
      if (node < 0) return false
      if (hasValue(node)) {
        replaceWith(valueOf(node))
        return true
      }
      children = childrenOf(node)
    }
    return false
  }

  const segmenter = reading === "grapheme" ? new Intl.Segmenter("en", { granularity: "grapheme" }) : undefined
  const byGrapheme = (text: string): string => {
    out.length = 0
    for (const { segment } of segmenter?.segment(text) ?? []) {
      const bytes = encoder.encode(segment)
      if (bytes.length < 6 && replaceByPrefix(bytes, 0, bytes.length)) continue
      for (let begin = 0; begin < bytes.length; ) {
        const end = begin + utf8Length(bytes[begin]!)
        if (!replaceByPrefix(bytes, begin, end)) copy(bytes, begin, end)
        begin = end
      }
    }
    return decoder.decode(Uint8Array.from(out))
  }

  const rewrite = reading === "grapheme" ? byGrapheme : longest
  const known = new Map<string, string>()
  const rewriteSpan = (span: string): string => {
    const found = known.get(span)
    if (found !== undefined) return found
    const rewritten = rewrite(span)
    if (span.length <= 16) {
      if (known.size >= mostSpans) known.clear()
      known.set(span, rewritten)
    }
    return rewritten
  }

  return {
    spaceMatters,
    normalise: (text) => {
      const rewritten = plainIsSafe ? text.replace(spans, rewriteSpan) : undefined
      return rewritten !== undefined && plainIsSafe ? rewritten : rewrite(text)
    },
  }
}
