/** Topics in TREC's markup (`<top>`) and in XML (`<topic>`, `<query>`), or as a table. */

import type { FieldNames } from "../../../schemas/index.ts"
import { identifier, malformed, queryText } from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import { attributes, endTag, plainText, TagScanner } from "./Markup.ts"
import type { Batches, QueryRead } from "./Rows.ts"
import { type Block, blocks } from "./TrecBlocks.ts"
import { type TrecNotes, trecNotes } from "./TrecNotes.ts"
import { tsvQueries } from "./Tsv.ts"

/** Queries: markup where the file begins with a tag, otherwise `qid <tab> text`, which has no fields to choose from. */
export async function* topics(
  lines: AsyncIterable<Lines>,
  fields = "title",
  notes: TrecNotes = trecNotes(),
  names: FieldNames = {},
): Batches<QueryRead> {
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
  if (opening.trimStart().startsWith("<")) {
    yield* markedTopics(whole(), fields, notes)
    return
  }
  yield* oneText(tsvQueries(whole(), names), blank[0]?.file ?? "", fields)
}

/**
 * Queries of a file that has one text a query.
 *
 * @throws MalformedRow where others than `title` are asked for
 */
export async function* oneText(queries: Batches<QueryRead>, file: string, fields: string): Batches<QueryRead> {
  if (fields !== "title") {
    const expected = `topics in markup, of which ingest.topics takes ${fields}`
    const fix = "Leave ingest.topics out, or give the topics' file."
    throw malformed({ file, line: 1 }, "the file", expected, "one text a query", fix)
  }
  yield* queries
}

/** Names of a topic's number: elements, or attributes of its own tag. */
const numbers = ["num", "number", "qid", "identifier", "id"]

/** What the fields are called in the collections; any other name means the tag of that name. */
const aliases: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["title", ["title", "query", "text", "content"]],
  ["desc", ["desc", "description", "question"]],
  ["narr", ["narr", "narrative"]],
])

/** Fields that need no end tag, and end where the next of them begins. */
const open =
  "num|number|dom|title|query|desc|description|question|smry|summary|narr|narrative|con|concepts|fac|nat|time|def|head"

const usual = new Set([...[...aliases.values()].flat(), ...numbers, ...open.split("|")])

/** HTML's elements of running text, which are no fields, wherever they stand. */
const inText = new Set(
  "a abbr b big blockquote br center cite code dd div dl dt em font h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s small span strike strong sub sup table td th tr tt u ul".split(
    " ",
  ),
)

/** The words that TREC prints in front of its fields. */
const labels: ReadonlyMap<string, RegExp> = new Map([
  ["title", /^topic\s*:\s*/i],
  ["desc", /^description\s*:\s*/i],
  ["narr", /^narrative\s*:\s*/i],
  ["dom", /^domain\s*:\s*/i],
  ["smry", /^summary\s*:\s*/i],
  ["con", /^concepts?(?:\(s\))?\s*:\s*/i],
  ["fac", /^factors?(?:\(s\))?\s*:\s*/i],
  ["def", /^definitions?(?:\(s\))?\s*:\s*/i],
])

/** CLEF's topics name the language in the tag: `<EN-title>`. */
const language = /^[a-z]{2}-(?=(?:title|desc|narr)$)/

const numberLabel = /^(?:(?:topic|query)\s+)?num(?:ber)?\b\.?\s*:?\s*/i

/**
 * One query a `<top>`, `<topic>` or `<query>`: its number in an element or an attribute, and of its fields those that are
 * asked for. A topic that has none of title, description and narrative is its whole text.
 *
 * @param fields names joined by `+`, as `title+desc`
 */
async function* markedTopics(lines: AsyncIterable<Lines>, fields: string, notes: TrecNotes): Batches<QueryRead> {
  const asked = fields.split("+")
  for await (const block of blocks(lines, ["top", "topic", "query"])) yield [query(block, asked, notes)]
}

const query = (block: Block, asked: ReadonlyArray<string>, notes: TrecNotes): QueryRead => {
  const { file, line } = block
  const place = { file, line }
  const { attribute, before, elements } = topicFields(block)
  const number = elements.find(({ name }) => numbers.includes(name))
  const numberText = number?.text.replace(numberLabel, "") ?? attribute
  const tags = `<${block.name}>`
  if (numberText === undefined) {
    throw malformed(
      place,
      "<num>",
      "the topic's number",
      undefined,
      `Every ${tags} needs a <num> or a number attribute.`,
    )
  }
  const qid = identifier(place, "<num>", numberText)
  const another = elements.find((element) => element !== number && element.name === number?.name)
  if (another !== undefined) {
    throw malformed(
      place,
      `<${another.name}>`,
      `one number, ${qid} being there already`,
      another.text,
      "Keep one of them.",
    )
  }
  const said = elements.filter((element) => element !== number)
  const known = said.some(({ name }) => [...aliases.values()].some((names) => names.includes(name)))
  if (before !== "" && known) {
    throw malformed(place, tags, "text in fields alone", before, "Put it into a field, or remove it.")
  }
  if (!known && asked.includes("title")) notes.wholeTopics++
  const used = new Set<string>()
  const texts = asked.map((field) => {
    if (field === "title" && !known) return [before, ...said.map(({ text }) => text)].join(" ").trim()
    const names = aliases.get(field) ?? [field.toLowerCase()]
    const name = names.find((each) => said.some((element) => element.name === each))
    if (name === undefined) {
      const there = [...new Set(said.map((element) => element.name))]
      const found = there.length === 0 ? undefined : `topic ${qid} with ${there.join(", ")}`
      const other = there.find((each) => each !== field)
      const fix =
        other === undefined ? "Give it one." : `Give it one, or take others: --set ingest.topics=${shortName(other)}.`
      throw malformed(place, `<${field}>`, `the field that ingest.topics names`, found, fix)
    }
    used.add(name)
    return said
      .filter((element) => element.name === name)
      .map(({ text }) => text.replace(labels.get(name) ?? "", ""))
      .join(" ")
  })
  const alike = new Set(asked.flatMap((each) => aliases.get(each) ?? []))
  const other = known
    ? said.filter(({ name, text }) => text !== "" && !used.has(name) && (!usual.has(name) || alike.has(name)))
    : []
  for (const name of new Set(other.map((each) => each.name))) {
    notes.otherFields.set(name, (notes.otherFields.get(name) ?? 0) + 1)
  }
  const text = texts.filter((each) => each !== "").join(" ")
  const field = asked.map((each) => `<${each}>`).join("+")
  return {
    line,
    qid,
    otherQid: /^0+\d+$/.test(qid) ? String(Number(qid)) : undefined,
    text: queryText(place, field, text),
    kind: undefined,
    label: undefined,
  }
}

const shortName = (name: string): string => [...aliases].find(([, names]) => names.includes(name))?.[0] ?? name

interface TopicField {
  readonly name: string
  readonly text: string
}

/** A topic's fields in their order; text behind an end tag belongs to the field that ended. */
const topicFields = ({
  markup,
}: Block): {
  readonly attribute: string | undefined
  readonly before: string
  readonly elements: ReadonlyArray<TopicField>
} => {
  const scanner = new TagScanner(markup)
  let at = scanner.next(0)?.to ?? markup.length
  const given = attributes(markup.slice(0, at))
  const attribute = numbers.flatMap((name) => given.get(name) ?? [])[0]
  const elements: Array<{ name: string; markup: string }> = []
  const endless = new Set<string>()
  let before = ""
  for (;;) {
    const tag = scanner.next(at)
    const between = markup.slice(at, tag?.from)
    const last = elements.at(-1)
    if (last === undefined) before += between
    else last.markup += between
    if (tag === undefined) break
    at = tag.to
    if (tag.kind === "text" || inText.has(tag.name)) {
      if (last === undefined) before += markup.slice(tag.from, at)
      else last.markup += markup.slice(tag.from, at)
    }
    if (tag.kind !== "start" || inText.has(tag.name)) continue
    const end = endless.has(tag.name) ? undefined : endTag(markup, tag.name, at)
    if (end === undefined) endless.add(tag.name)
    const next = end === undefined ? openEnd(markup, at) : 0
    const until = end ?? { from: next, to: next }
    elements.push({ name: tag.name.replace(language, ""), markup: markup.slice(at, until.from) })
    at = until.to
  }
  return {
    attribute,
    before: plainText(before),
    elements: elements.map((element) => ({ name: element.name, text: plainText(element.markup) })),
  }
}

const nextField = new RegExp(`\\n[ \\t]*<([a-z][^\\s<>/]*)|<(?:${open})(?=[\\s>])`, "gi")

const openEnd = (markup: string, from: number): number => {
  nextField.lastIndex = from
  for (let next = nextField.exec(markup); next !== null; next = nextField.exec(markup)) {
    if (!inText.has((next[1] ?? "").toLowerCase())) return next.index
  }
  return markup.length
}
