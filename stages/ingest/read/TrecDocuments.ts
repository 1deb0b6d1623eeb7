/** Documents in TREC's markup, read as Anserini's TrecCollection reads them. */

import { identifier, malformed, text } from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import { attributes, endTag, plainText, TagScanner } from "./Markup.ts"
import type { Batches, PassageRead } from "./Rows.ts"
import { type Block, blocks } from "./TrecBlocks.ts"
import { type TrecNotes, trecNotes } from "./TrecNotes.ts"

/** Tags whose first element in a document is its title. */
const titles = new Set(["title", "ttl", "headline", "hl", "head"])

/** Tags that name the document rather than say something: left out without a word. */
const names = new Set(["docno", "docid", "docoldno", "fileid", "parent"])

/**
 * `<DOC>` elements with their `<DOCNO>`, else an `id` in the tag. The elements of `tags` that stand outside of each other are
 * the document's text, in its order; the first of them that is a title is the title instead. A document that has none is its
 * whole text; of one with a `<DOCHDR>` (TREC's web collections), what follows that is the text.
 *
 * @param tags in any case
 * @param notes filled on the way
 */
export async function* trecPassages(
  lines: AsyncIterable<Lines>,
  tags: ReadonlyArray<string>,
  notes: TrecNotes = trecNotes(),
): Batches<PassageRead> {
  const taken = new Set(tags.map((tag) => tag.toLowerCase()))
  let rows: Array<PassageRead> = []
  let held = 0
  for await (const block of blocks(lines, ["doc"])) {
    rows.push(passage(block, taken, notes))
    held += block.markup.length
    if (held < batchLength) continue
    yield rows
    rows = []
    held = 0
  }
  yield rows
}

/** Documents are handed on by about a chunk's worth of characters. */
const batchLength = 256 * 1024

const passage = ({ file, line, markup }: Block, taken: ReadonlySet<string>, notes: TrecNotes): PassageRead => {
  const place = { file, line }
  const scanner = new TagScanner(markup)
  let at = scanner.next(0)?.to ?? markup.length
  const attribute = attributes(markup.slice(0, at)).get("id")
  let docno: string | undefined
  let title: string | undefined
  const parts: Array<string> = []
  const beside: Array<string> = []
  const leftOut = new Set<string>()
  let fields = 0
  let outermost = ""
  let depth = 0
  const passOver = (to: number) => {
    const said = markup.slice(at, to)
    beside.push(said)
    if (/\S/.test(said) && !names.has(outermost)) leftOut.add(outermost.toUpperCase())
  }
  for (let tag = scanner.next(at); tag !== undefined; tag = scanner.next(at)) {
    passOver(tag.from)
    at = tag.to
    const { name } = tag
    const wanted = tag.kind === "start" && (name === "docno" || name === "dochdr" || taken.has(name))
    if (!wanted) {
      beside.push(markup.slice(tag.from, at))
      if (tag.kind === "text" && /\S/.test(name)) leftOut.add(outermost.toUpperCase())
      if (tag.kind === "start" && outermost === "") outermost = name
      if (name === outermost && name !== "") depth += tag.kind === "start" ? 1 : -1
      if (depth === 0) outermost = ""
      continue
    }
    const end = endTag(markup, name, at)
    if (name === "docno") {
      const to = end?.from ?? (/[<\n]/.exec(markup.slice(at))?.index ?? markup.length - at) + at
      const said = plainText(markup.slice(at, to))
      if (docno !== undefined) {
        throw malformed(place, "<DOCNO>", `one identifier, ${docno} being there already`, said, "Keep one of them.")
      }
      docno = said
      at = end?.to ?? to
      continue
    }
    fields++
    if (name === "dochdr") {
      parts.push(plainText(markup.slice(end?.to ?? at)))
      at = markup.length
      break
    }
    const said = plainText(markup.slice(at, end?.from))
    if (title === undefined && end !== undefined && titles.has(name)) title = said
    else parts.push(said)
    at = end?.to ?? markup.length
  }
  passOver(markup.length)
  const id = docno ?? attribute
  if (id === undefined) throw malformed(place, "<DOCNO>", "the document's identifier", undefined, "Give it one.")
  if (fields === 0) notes.wholeDocuments++
  else for (const name of leftOut) notes.leftOut.set(name, (notes.leftOut.get(name) ?? 0) + 1)
  const said = fields === 0 ? plainText(beside.join("")) : parts.filter((part) => part !== "").join(" ")
  return {
    line,
    docid: identifier(place, "<DOCNO>", id),
    title: title === undefined || title === "" ? null : text(place, "the title", title),
    text: text(place, "the text", said),
  }
}
