/** SGML, HTML and XML as running text, read as jsoup's `parse(…).text()` reads it, which Anserini indexes. */

import { decodeHTML, decodeHTMLStrict } from "entities/decode"

/** A piece of markup. Offsets are UTF-16 units of the source. */
export interface Tag {
  /** `other`: a comment, a declaration or an instruction; `text`: a CDATA section, whose `name` is its content. */
  readonly kind: "start" | "end" | "other" | "text"
  /** in lower case, for a start or an end tag */
  readonly name: string
  readonly from: number
  /** behind its last character */
  readonly to: number
}

/**
 * Finds tags as the WHATWG's tag-open state tells them: `<` before a letter, `/`, `!` or `?`. Any other `<` is text, and so
 * is one whose end never comes. Time is linear in the source, whatever it holds.
 */
export class TagScanner {
  private readonly found = new Map<string, number>()
  private readonly source: string
  private quotes = true

  constructor(source: string) {
    this.source = source
  }

  /** The first tag at or behind an offset. */
  next(from: number): Tag | undefined {
    for (let at = this.source.indexOf("<", from); at >= 0; at = this.source.indexOf("<", at + 1)) {
      const tag = this.tagAt(at)
      if (tag !== undefined) return tag
    }
    return undefined
  }

  private tagAt(from: number): Tag | undefined {
    const { source } = this
    const next = source.charCodeAt(from + 1)
    if (isLetter(next)) return this.named(from, "start", from + 1)
    if (next === 0x2f /* / */) {
      if (isLetter(source.charCodeAt(from + 2))) return this.named(from, "end", from + 2)
      return this.upTo(from, ">", from + 2)
    }
    if (next === 0x3f /* ? */) return this.upTo(from, ">", from + 2)
    if (next !== 0x21 /* ! */) return undefined
    if (source.startsWith("<!--", from)) {
      // From the second dash: `<!-->` and `<!--->` are comments.
      const ends = [this.upTo(from, "-->", from + 2), this.upTo(from, "--!>", from + 4)]
      return ends.reduce((a, b) => (a === undefined || (b !== undefined && b.to < a.to) ? b : a))
    }
    if (source.startsWith("<![CDATA[", from)) {
      const section = this.upTo(from, "]]>", from + 9)
      if (section !== undefined) return { ...section, kind: "text", name: source.slice(from + 9, section.to - 3) }
    }
    return this.upTo(from, ">", from + 2)
  }

  private named(from: number, kind: "start" | "end", nameFrom: number): Tag | undefined {
    const { source } = this
    tagName.lastIndex = nameFrom
    const name = (tagName.exec(source)?.[0] ?? "").toLowerCase()
    const after = nameFrom + name.length
    const end = this.tagEnd(after)
    return end < 0 ? undefined : { kind, name, from, to: end }
  }

  /**
   * Behind a tag's end, or −1: its `>` outside of quoted attribute values, or a `<` where an attribute might begin, which
   * jsoup takes for the next tag's. Where a value's quote or the `>` behind it never comes, quotes do not count from there on.
   */
  private tagEnd(from: number): number {
    const { source } = this
    let at = from
    for (;;) {
      while (isSpace(source.charCodeAt(at)) || source[at] === "/") at++
      if (source[at] === ">") return at + 1
      if (source[at] === "<") return at
      do {
        at = pastName(source, at)
        while (isSpace(source.charCodeAt(at))) at++
      } while (source[at] === "<")
      if (at >= source.length) break
      if (source[at] !== "=") continue
      at++
      while (isSpace(source.charCodeAt(at))) at++
      const quote = source[at]
      if (this.quotes && (quote === '"' || quote === "'")) {
        const end = this.indexOf(quote, at + 1)
        if (end < 0) break
        at = end + 1
      } else {
        while (at < source.length && source[at] !== ">" && !isSpace(source.charCodeAt(at))) at++
      }
    }
    if (!this.quotes) return -1
    this.quotes = false
    return this.tagEnd(from)
  }

  private upTo(from: number, end: string, after: number): Tag | undefined {
    const at = this.indexOf(end, after)
    return at < 0 ? undefined : { kind: "other", name: "", from, to: at + end.length }
  }

  /** Offsets only grow, so what was found ahead, or found to be nowhere ahead, is not looked for again. */
  private indexOf(text: string, from: number): number {
    const known = this.found.get(text)
    if (known !== undefined && (known < 0 || known >= from)) return known
    const at = this.source.indexOf(text, from)
    this.found.set(text, at)
    return at
  }
}

const tagName = /[^\s/<>]+/y
/** Behind an attribute's name, whose first character may be any. */
const pastName = (source: string, from: number): number => {
  let at = from + 1
  while (at < source.length && !nameEnds.has(source[at] ?? "")) at++
  return at
}
const nameEnds = new Set([" ", "\t", "\n", "\f", "\r", "/", "=", ">"])

const isLetter = (unit: number): boolean => (unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a
const isSpace = (unit: number): boolean => unit === 0x20 || (unit >= 0x09 && unit <= 0x0d && unit !== 0x0b)

/** Elements at whose edges words end (jsoup 1.15.3's blocks, and `br`); at all others the text runs on: `H<sub>2</sub>O`. */
const blocks = new Set(
  (
    "html head body frameset script noscript style meta link title frame noframes section nav aside hgroup header footer p " +
    "h1 h2 h3 h4 h5 h6 ul ol pre div blockquote hr address figure figcaption form fieldset ins del dl dt dd li table caption " +
    "thead tfoot tbody colgroup col tr th td video audio canvas details menu plaintext template article main svg math center " +
    "dir applet marquee listing br"
  ).split(" "),
)

/** Elements whose content is no text. */
const hidden = new Set(["script", "style"])

/**
 * The text of some markup: tags, comments, declarations, scripts and style sheets removed, character references decoded,
 * white space squeezed, soft hyphens and zero-width spaces removed.
 */
export const plainText = (markup: string): string => {
  if (!/[<&\u00ad\u200b]/.test(markup)) return squeezed(markup)
  const scanner = new TagScanner(markup)
  const parts: Array<string> = []
  const endless = new Set<string>()
  const open = new Map<string, number>()
  let at = 0
  for (let tag = scanner.next(0); tag !== undefined; tag = scanner.next(at)) {
    parts.push(decoded(markup.slice(at, tag.from)))
    at = tag.to
    if (tag.kind === "text") parts.push(tag.name)
    else if (blocks.has(tag.name)) {
      const count = open.get(tag.name) ?? 0
      // An end tag that ends nothing is nothing, but that of a paragraph makes an empty one.
      const ends = count === 0 ? tag.name === "p" || tag.name === "br" : scanner.next(at)?.from !== at
      if (tag.kind === "start" || ends) parts.push(" ")
      open.set(tag.name, Math.max(0, count + (tag.kind === "start" ? 1 : -1)))
    }
    if (tag.kind === "start" && hidden.has(tag.name) && !endless.has(tag.name)) {
      const end = endTag(markup, tag.name, at)
      if (end === undefined) endless.add(tag.name)
      else at = end.from
    }
  }
  parts.push(decoded(markup.slice(at)))
  return squeezed(parts.join("").replaceAll(/[\u00ad\u200b]/g, ""))
}

/** Where an element's end tag is, at or behind an offset. */
export const endTag = (
  markup: string,
  name: string,
  from: number,
): { readonly from: number; readonly to: number } | undefined => {
  const end = endPattern(name)
  end.lastIndex = from
  const found = end.exec(markup)
  if (found === null) return undefined
  const close = markup.indexOf(">", found.index)
  return { from: found.index, to: close < 0 ? markup.length : close + 1 }
}

const patterns = new Map<string, RegExp>()
const endPattern = (name: string): RegExp => {
  const known = patterns.get(name)
  if (known !== undefined) return known
  const made = new RegExp(`</${escaped(name)}(?=[\\s/>])`, "gi")
  // Names come from the file: what is kept must not grow with it.
  if (patterns.size < 1_000) patterns.set(name, made)
  return made
}

/** A text as a regular expression that means itself. */
export const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/** Attributes of a start tag, their names in lower case, their values decoded; of two with one name, the first. */
export const attributes = (tag: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const pattern = /[\s/]([^\s/>=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/g
  for (const [, name = "", double, single, bare] of tag.matchAll(pattern)) {
    const key = name.toLowerCase()
    if (!found.has(key)) found.set(key, decoded(double ?? single ?? bare ?? ""))
  }
  return found
}

const reference = /&(?:#[xX][0-9A-Fa-f]+;?|#[0-9]+;?|(\p{L}+[0-9]*)(;?))/gu

/**
 * Character references decoded: numbers, the WHATWG's names with `;`, and those that old HTML allows without it where no
 * letter or digit follows. What is no reference stays as it is: `AT&T`, `&hyph;`.
 */
const decoded = (text: string): string => {
  if (!text.includes("&")) return text
  return text.replaceAll(reference, (whole: string, name: string | undefined, semicolon: string | undefined) => {
    if (name === undefined) return decodeHTML(whole)
    if (name.length > longestName) return whole
    const strict = decodeHTMLStrict(`&${name};`)
    if (semicolon === ";") return strict
    return decodeHTML(`&${name}`) === strict ? strict : whole
  })
}

/** `CounterClockwiseContourIntegral` */
const longestName = 31

const squeezed = (text: string): string => text.replaceAll(/[ \t\n\f\r\u00a0]+/g, " ").replace(/^ | $/g, "")
