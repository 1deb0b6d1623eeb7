import { malformed } from "./Fields.ts"
import { type Lines, maxLineBytes } from "./Lines.ts"
import { TagScanner } from "./Markup.ts"

/** An element of a file that is a row of them. */
export interface Block {
  readonly file: string
  /** of the start tag */
  readonly line: number
  /** in lower case */
  readonly name: string
  /** from the start tag on, without the end tag */
  readonly markup: string
}

/**
 * The outermost elements of these names, wherever on a line they begin and end. Around them only markup may stand, no text.
 * Memory: one element.
 *
 * @throws MalformedRow for an element that is not closed, or too long, and for text around them
 */
export async function* blocks(lines: AsyncIterable<Lines>, names: ReadonlyArray<string>): AsyncGenerator<Block> {
  const opening = new RegExp(`<(${names.join("|")})(?=[\\s/>]|$)`, "gi")
  const edges = new Map(names.map((name) => [name, new RegExp(`<${name}(?=[\\s/>]|$)|</${name}\\s*>`, "gi")]))
  const shown = names.map((name) => `<${shownTag(name)}>`).join(", ")
  let open: { readonly name: string; readonly line: number } | undefined
  let held: Array<string> = []
  let heldFrom = 1
  let heldLength = 0
  let file = ""
  const hold = (text: string) => {
    held.push(text)
    heldLength += text.length + 1
    if (heldLength <= maxLineBytes) return
    const tag = open === undefined ? shown : `</${shownTag(open.name)}>`
    throw malformed({ file, line: heldFrom }, "the block", tag, undefined, `${maxLineBytes} bytes follow without it.`)
  }
  const release = (): string => {
    const markup = held.join("\n")
    held = []
    heldLength = 0
    return markup
  }
  const around = () => {
    const markup = release()
    const at = firstText(markup)
    if (at < 0) return
    const line = heldFrom + (markup.slice(0, at).match(/\n/g)?.length ?? 0)
    const said = markup.slice(at).split("\n", 1)[0]
    throw malformed({ file, line }, "the line", shown, said, `The file must be a row of ${shown} with no text around.`)
  }
  for await (const batch of lines) {
    file = batch.file
    for (let i = 0; i < batch.texts.length; i++) {
      const text = batch.texts[i]!
      const line = batch.first + i
      let at = 0
      let search = 0
      for (;;) {
        if (open === undefined) {
          if (held.length === 0) heldFrom = line
          opening.lastIndex = at
          const begin = text.includes("<", at) ? opening.exec(text) : null
          if (begin === null) {
            hold(text.slice(at))
            break
          }
          hold(text.slice(at, begin.index))
          around()
          heldFrom = line
          open = { name: (begin[1] ?? "").toLowerCase(), line }
          at = begin.index
          search = at + begin[0].length
        }
        const edge = edgeAfter(text, search, edges.get(open.name))
        if (edge === undefined) {
          hold(text.slice(at))
          break
        }
        if (!edge.closes) throw notClosed(file, line, open)
        hold(text.slice(at, edge.from))
        yield { file, line: open.line, name: open.name, markup: release() }
        open = undefined
        at = edge.to
      }
    }
  }
  if (open !== undefined) {
    const fix = "The file ends within it: complete it."
    throw malformed({ file, line: open.line }, "the block", `</${shownTag(open.name)}>`, undefined, fix)
  }
  around()
}

/** The next start or end tag of the open element. */
const edgeAfter = (
  text: string,
  from: number,
  edge: RegExp | undefined,
): { readonly from: number; readonly to: number; readonly closes: boolean } | undefined => {
  if (edge === undefined || !text.includes("<", from)) return undefined
  edge.lastIndex = from
  const found = edge.exec(text)
  if (found === null) return undefined
  return { from: found.index, to: found.index + found[0].length, closes: found[0].startsWith("</") }
}

const notClosed = (file: string, line: number, open: { readonly name: string; readonly line: number }) => {
  const tag = shownTag(open.name)
  const found = `<${tag}>, where the one of line ${open.line} is open`
  return malformed({ file, line }, "the line", `</${tag}> first`, found, "Close each block.")
}

/** Documents' tags are written in capitals, topics' are not. */
const shownTag = (name: string): string => (name === "doc" ? "DOC" : name)

/** Offset of the first character of text, or −1 where there is nothing but markup. */
const firstText = (markup: string): number => {
  const scanner = new TagScanner(markup)
  let at = 0
  for (;;) {
    const tag = scanner.next(at)
    const text = markup.slice(at, tag?.from)
    const first = text.search(/\S/)
    if (first >= 0) return at + first
    if (tag === undefined) return -1
    if (tag.kind === "text" && tag.name.trim() !== "") return tag.from
    at = tag.to
  }
}
