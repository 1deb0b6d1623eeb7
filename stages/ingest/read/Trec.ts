/** TREC's own markup: topics in `<top>` and documents in `<DOC>`, a tag a line as its collections have it. */

import { identifier, malformed, queryText, text } from "./Fields.ts"
import { type Lines, maxLineBytes } from "./Lines.ts"
import type { Batches, PassageRead, QueryRead } from "./Rows.ts"
import { tsvQueries } from "./Tsv.ts"

/** Queries: `<top>` markup where the file begins with a tag, otherwise `qid <tab> text`. */
export async function* topics(lines: AsyncIterable<Lines>): Batches<QueryRead> {
  const source = lines[Symbol.asyncIterator]()
  const blank: Array<Lines> = []
  let opening: string | undefined
  while (opening === undefined) {
    const next = await source.next()
    if (next.done === true) return
    blank.push(next.value)
    opening = next.value.texts.find((line) => line.trim() !== "")
  }
  async function* whole(): AsyncGenerator<Lines> {
    yield* blank
    for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value
  }
  yield* opening.trimStart().startsWith("<") ? markedTopics(whole()) : tsvQueries(whole())
}

/** `<num>` and `<title>` of each `<top>`; the title may stand on the lines after its tag. Other fields are passed over. */
async function* markedTopics(lines: AsyncIterable<Lines>): Batches<QueryRead> {
  for await (const { body, file, line } of blocks(lines, "top")) {
    const place = { file, line }
    const number = field(body, "num")
      ?.trim()
      .replace(/^number:?/i, "")
      .trim()
    const title = field(body, "title")
      ?.trim()
      .replace(/^topic:/i, "")
    const fix = "Every <top> needs <num> and <title>."
    if (number === undefined) throw malformed(place, "<num>", "the topic's number", undefined, fix)
    if (title === undefined) throw malformed(place, "<title>", "the topic's title", undefined, fix)
    yield [
      {
        line,
        qid: identifier(place, "<num>", number),
        text: queryText(place, "<title>", squeezed(title)),
        kind: undefined,
        label: undefined,
      },
    ]
  }
}

/**
 * `<DOC>` with `<DOCNO>`, a title in `<TITLE>`, `<TTL>` or `<HEADLINE>`, and the text in `<TEXT>` (or all that remains),
 * tags removed and white space squeezed.
 */
export async function* trecPassages(lines: AsyncIterable<Lines>): Batches<PassageRead> {
  for await (const { body, file, line } of blocks(lines, "doc")) {
    const place = { file, line }
    const docno = field(body, "docno")
    if (docno === undefined) throw malformed(place, "<DOCNO>", "the document's identifier", undefined, "Give it one.")
    const title = squeezed(field(body, "title") ?? field(body, "ttl") ?? field(body, "headline") ?? "")
    const said = squeezed(field(body, "text") ?? body.replace(/<docno>[^<]*<\/docno>/i, ""))
    const docid = identifier(place, "<DOCNO>", docno.trim())
    yield [{ line, docid, title: title === "" ? null : title, text: text(place, "<TEXT>", said) }]
  }
}

interface Block {
  readonly file: string
  /** of the opening tag */
  readonly line: number
  readonly body: string
}

/** What stands between `<tag>` and `</tag>`, each on a line with nothing else. */
async function* blocks(lines: AsyncIterable<Lines>, tag: string): AsyncGenerator<Block> {
  let open: { line: number; length: number; readonly body: Array<string> } | undefined
  let file = ""
  for await (const batch of lines) {
    file = batch.file
    for (let i = 0; i < batch.texts.length; i++) {
      const said = batch.texts[i]!
      const place = { file, line: batch.first + i }
      const word = said.trim().toLowerCase()
      if (word === `<${tag}>`) {
        if (open !== undefined) throw malformed(place, "the line", `</${tag}> first`, said, "Close each block.")
        open = { line: place.line, length: 0, body: [] }
      } else if (word === `</${tag}>`) {
        if (open === undefined) throw malformed(place, "the line", `<${tag}> first`, said, "Open each block.")
        yield { file, line: open.line, body: open.body.join("\n") }
        open = undefined
      } else if (open !== undefined) {
        open.body.push(said)
        open.length += said.length
        if (open.length > maxLineBytes) throw malformed(place, "the block", `</${tag}>`, undefined, "Close each block.")
      } else if (word !== "" && !word.startsWith("<?") && !word.startsWith("<!")) {
        throw malformed(place, "the line", `<${tag}>`, said, `The file must be a row of <${tag}> blocks.`)
      }
    }
  }
  if (open !== undefined) {
    throw malformed(
      { file, line: open.line },
      "the block",
      `</${tag}>`,
      undefined,
      "The file ends within it: complete it.",
    )
  }
}

/** What follows a tag, up to its end tag or, where it has none, the next tag at the start of a line. */
const field = (body: string, tag: string): string | undefined => {
  const lower = body.toLowerCase()
  const at = lower.indexOf(`<${tag}>`)
  if (at < 0) return undefined
  const from = at + tag.length + 2
  const end = lower.indexOf(`</${tag}>`, from)
  if (end >= 0) return body.slice(from, end)
  const next = body.indexOf("\n<", from)
  return body.slice(from, next < 0 ? undefined : next)
}

const squeezed = (said: string): string =>
  said
    .replaceAll(/<[^<>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim()
