import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { CollectionConfig } from "../../../schemas/index.ts"
import { uncompressed } from "../../../stages/ingest/read/compress.ts"
import { fileChunks } from "../../../stages/ingest/read/files.ts"
import { linesOf } from "../../../stages/ingest/read/Lines.ts"
import { plainText } from "../../../stages/ingest/read/Markup.ts"
import { trecPassages } from "../../../stages/ingest/read/TrecDocuments.ts"
import { trecNotes } from "../../../stages/ingest/read/TrecNotes.ts"
import { topics } from "../../../stages/ingest/read/TrecTopics.ts"

const reference = join(import.meta.dirname, "../../reference/trec")
const Golden = Schema.parseJson(
  Schema.Struct({
    documents: Schema.Array(Schema.Struct({ id: Schema.String, contents: Schema.String })),
    topics: Schema.Record({
      key: Schema.String,
      value: Schema.Record({ key: Schema.String, value: Schema.Record({ key: Schema.String, value: Schema.String }) }),
    }),
  }),
)
const golden = Schema.decodeUnknownSync(Golden)(readFileSync(join(reference, "anserini.json"), "utf8"))

const { tags } = Schema.decodeSync(CollectionConfig)({})

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

const gathered = async <Row>(batches: AsyncGenerator<ReadonlyArray<Row>>): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for await (const batch of batches) rows.push(...batch)
  return rows
}

const documents = (text: string, notes = trecNotes(), taken: ReadonlyArray<string> = tags) =>
  gathered(trecPassages(linesOf("docs", bytes(text)), taken, notes))

/** One document's title and text. */
const said = async (markup: string, taken: ReadonlyArray<string> = tags) => {
  const [row] = await documents(`<DOC>\n<DOCNO>A-1</DOCNO>\n${markup}\n</DOC>\n`, trecNotes(), taken)
  return [row?.title, row?.text]
}

const asked = async (text: string, fields?: string) =>
  (await gathered(topics(linesOf("topics", bytes(text)), fields))).map((query) => [query.qid, query.text])

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== "")

describe("documents in TREC's markup", () => {
  it("I193 the identifier is the DOCNO, and an id in the tag only where there is none", async () => {
    const [first, second] = await documents(
      '<DOC id="x">\n<DOCNO>D1</DOCNO>\n<TEXT>red</TEXT>\n</DOC>\n<DOC id="D2">\n<TEXT>blue</TEXT>\n</DOC>\n',
    )
    expect([first?.docid, second?.docid]).toEqual(["D1", "D2"])
  })

  it("I130 in the styles of its disks, they have the words that Anserini indexes, none twice", async () => {
    const root = join(reference, "docs")
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    const ours = new Map<string, string>()
    for (const file of files) {
      for (const { docid, text, title } of await gathered(trecPassages(linesOf(file, fileChunks(file, file)), tags))) {
        ours.set(docid, title === null ? text : `${title} ${text}`)
      }
    }
    // jsoup keeps U+0000 of `&#0;`, the WHATWG has U+FFFD; and Anserini leaves a document empty that has none of the tags.
    const others = new Map([["DOE1-01-0002", "Nothing that is indexed."]])
    expect(golden.documents.length).toBe(12)
    expect(ours.size).toBe(golden.documents.length)
    for (const { contents, id } of golden.documents) {
      const expected = (others.get(id) ?? contents).replaceAll("\0", "\ufffd")
      expect([id, ...words(ours.get(id) ?? "").toSorted()]).toEqual([id, ...words(expected).toSorted()])
    }
  })

  it("I130 every occurrence of every tag is there, in the document's order; the first title is the title alone", async () => {
    const markup =
      "<HEAD>One</HEAD>\n<HEAD>Two</HEAD>\n<TEXT>\nthree\n</TEXT>\n<LEADPARA>four</LEADPARA>\n<TEXT>five <TITLE>in it</TITLE></TEXT>"
    expect(await said(markup)).toEqual(["One", "Two three four five in it"])
    expect(await said("<HEADLINE>Alone</HEADLINE>")).toEqual(["Alone", ""])
    expect(await said("<TEXT>no title</TEXT>")).toEqual([null, "no title"])
    expect(await said("<text lang='en'>small letters</text>")).toEqual([null, "small letters"])
    expect(await said("<HEADLINE>not closed\n<TEXT>kept</TEXT>\n<SO>kept too</SO>")).toEqual([
      null,
      "not closed kept kept too",
    ])
  })

  it("I130 elements begin and end wherever on a line they do", async () => {
    const rows = await documents(
      "<?xml version='1.0'?><docs><DOC><DOCNO>A</DOCNO><TEXT>one</TEXT></DOC><DOC><DOCNO> B\n</DOCNO>\n<TEXT>two</TEXT></DOC></docs>\n" +
        '<DOC id="C" type="story"><TEXT>three</TEXT></DOC>',
    )
    expect(rows.map(({ docid, line, text }) => [docid, line, text])).toEqual([
      ["A", 1, "one"],
      ["B", 1, "two"],
      ["C", 4, "three"],
    ])
  })

  it("I131 a tag begins with < before a letter, /, ! or ?; any other is text, and so is one that never ends", async () => {
    const cases = [
      ["(p<0.05) and x < y, >9 kg, a <- b <= c <3", "(p<0.05) and x < y, >9 kg, a <- b <= c <3"],
      ["H<sub>2</sub>O <F P=105>Spanish</F> one<br>two<P>three</P>four", "H2O Spanish one two three four"],
      ["a <!-- b > c -- d --> e <!--> f <!x> g <?y?> h </ z> i </> j", "a e f g h i j"],
      ["a <b c=\"d > e\" f='>'> g", "a g"],
      ['a <b c="d > e <i> f', "a e f"],
      ["a <!-- b c", "a <!-- b c"],
      ["a <b c", "a <b c"],
      ["a <b<c> d", "a d"],
      ["a <script>b < c</script> d <style>e</style> f <script> g", "a d f g"],
      ["a <![CDATA[ b < c ]]> d", "a b < c d"],
    ]
    for (const [markup = "", text] of cases) {
      expect(plainText(markup)).toBe(text)
      expect(await said(`<TEXT>${markup}\n</TEXT>`)).toEqual([null, text])
      expect(await said(`<TITLE>${markup}\n</TITLE>`)).toEqual([text, ""])
    }
  })

  it("I131 a hundred thousand tags, comments or quotes that never end take no time worth speaking of", () => {
    for (const piece of ["<!--", "<a ", "<a b='>' c='", '<a ="', "<script>", "<![CDATA[", "</", "<?", "&", "<!---!"]) {
      expect(plainText(piece.repeat(100_000)).length).toBeGreaterThanOrEqual(0)
    }
  })

  it("I132 character references are decoded as jsoup decodes them, once; what is none stays", () => {
    const cases = [
      ["R&amp;D caf&eacute; &#233;&#xE9;&#XE9 &lt;b&gt; &sect; &rsquo; &nbsp;x", "R&D café ééé <b> § ’ x"],
      [
        "AT&T R&D x&y; &hyph; &copyright; &notit; & &; &# &#x; &am",
        "AT&T R&D x&y; &hyph; &copyright; &notit; & &; &# &#x; &am",
      ],
      ["&copy 1994 &copy2 &notin &notin; &amp;amp; &AMP", "© 1994 &copy2 &notin ∉ &amp; &"],
      ["&#150; &#0; &#xD800; &#1114112; &#99999999999999999999;", "– � � � �"],
      ["co&shy;op zero&#8203;width &NotEqualTilde; &CounterClockwiseContourIntegral;", "coop zerowidth ≂̸ ∳"],
    ]
    for (const [markup = "", text] of cases) expect(plainText(markup)).toBe(text)
  })

  it("I133 text in other elements is left out and counted by the outermost; a document without any tag is taken whole", async () => {
    const notes = trecNotes()
    const rows = await documents(
      "<DOC><DOCNO>A</DOCNO><SO>x<b>y</b></SO> bare <DATELINE>z</DATELINE><TEXT>t</TEXT><PAGE> </PAGE></DOC>\n" +
        "<DOC><DOCNO>B</DOCNO><SO>x</SO><DOCID>7</DOCID><TEXT></TEXT></DOC>\n<DOC><DOCNO>C</DOCNO>all <i>of</i> it</DOC>\n" +
        "<DOC><DOCNO>D</DOCNO><DOCHDR>http: 200</DOCHDR><html><title>a</title><p>b</DOC>\n",
      notes,
    )
    expect(rows.map(({ text }) => text)).toEqual(["t", "", "all of it", "a b"])
    expect([...notes.leftOut].sort()).toEqual([
      ["", 1],
      ["DATELINE", 1],
      ["SO", 2],
    ])
    expect(notes.wholeDocuments).toBe(1)
    expect(await said("<SO>x</SO><TEXT>t</TEXT>", ["so"])).toEqual([null, "x"])
  })

  it.each([
    [
      "text around documents",
      "<DOC><DOCNO>A</DOCNO></DOC>\nstray\n",
      /docs, line 2, the line: expected <DOC>, found "stray"/,
    ],
    ["a document that is not closed", "\n<DOC>\n<DOCNO>A</DOCNO>\n<TEXT>", /docs, line 2, the block: expected <\/DOC>/],
    [
      "a document in a document",
      "<DOC>\n<DOCNO>A</DOCNO>\n<DOC>",
      /line 3, the line: expected <\/DOC> first, found "<DOC>, where the one of line 1/,
    ],
    [
      "no identifier",
      "<DOC>\n<TEXT>a</TEXT></DOC>",
      /line 1, <DOCNO>: expected the document's identifier, found nothing/,
    ],
    [
      "two identifiers",
      "<DOC><DOCNO>A</DOCNO>\n<DOCNO>B</DOCNO></DOC>",
      /<DOCNO>: expected one identifier, A being there already, found "B"/,
    ],
    [
      "an identifier of two words",
      "<DOC><DOCNO>A B</DOCNO></DOC>",
      /<DOCNO>: expected an identifier: text without white space, found "A B"/,
    ],
  ])("I30 %s is refused", async (_, text, message) => {
    await expect(documents(text)).rejects.toThrow(message)
  })
})

describe("files that compress wrote", () => {
  it.each(["numbers.b10.Z", "numbers.b16.Z"])(
    "I138 %s is unpacked, wherever its chunks are cut; damage is told",
    async (name) => {
      const packed = readFileSync(join(reference, name))
      const unpacked = async (size: number, data: Uint8Array = packed) => {
        const parts: Array<Uint8Array> = []
        async function* rest(): AsyncGenerator<Uint8Array> {
          for (let at = size; at < data.length; at += size) yield data.subarray(at, at + size)
        }
        for await (const part of uncompressed(data.subarray(0, size), rest())) parts.push(part)
        return Buffer.concat(parts).toString()
      }
      const numbers = Array.from({ length: 6_000 }, (_, i) => `${i}\n`).join("")
      for (const size of [3, 7, 1000, packed.length]) expect((await unpacked(size)) === numbers).toBe(true)
      const damaged = Uint8Array.from(packed)
      damaged.fill(0xff, 3, 12)
      await expect(unpacked(50, damaged)).rejects.toThrow(/the data that compress wrote is damaged/)
    },
  )
})

describe("topics", () => {
  const top = (fields: string) => `<top>\n\n<num> Number: 301\n${fields}\n</top>\n`

  it("I134 in the forms of TREC, FIRE and XML, their fields are those that Anserini reads", async () => {
    const names = { title: ["title", "query"], desc: ["description", "question"], narr: ["narrative"] }
    let compared = 0
    for (const [file, rows] of Object.entries(golden.topics)) {
      const text = readFileSync(join(reference, "topics", file), "utf8")
      for (const [field, keys] of Object.entries(names)) {
        for (const [number, fields] of Object.entries(rows)) {
          const [key] = keys.filter((each) => each in fields)
          if (key === undefined) continue
          const ours = (await asked(text, field)).find(([qid = ""]) => Number(qid) === Number(number))
          const theirs = anseriniDiffers[`${file} ${number} ${field}`] ?? fields[key] ?? ""
          expect([file, number, field, ours?.[1]]).toEqual([file, number, field, plainText(theirs)])
          compared++
        }
      }
    }
    expect(compared).toBe(22)
  })

  it("I134 the query is the fields that are asked for, in that order, tags removed and references decoded", async () => {
    const text = top(
      "<title> Kites: (p<0.05) R&amp;D\n\n<desc> Description: \nwhy <i>they</i> fly?\n\n<narr> Narrative: \nall\n\n<con> Concept(s):\n1. string",
    )
    expect(await asked(text)).toEqual([["301", "Kites: (p<0.05) R&D"]])
    expect(await asked(text, "title+desc")).toEqual([["301", "Kites: (p<0.05) R&D why they fly?"]])
    expect(await asked(text, "narr+title")).toEqual([["301", "all Kites: (p<0.05) R&D"]])
    expect(await asked(text, "con")).toEqual([["301", "1. string"]])
    expect(await asked("<top lang='en'>\n<num>C041</num>\n<EN-title>x</EN-title>\n</top>")).toEqual([["C041", "x"]])
  })

  it("I134 XML: a number in an attribute or an element, the query in <query>, <title> or <text>", async () => {
    expect(
      await asked(
        "<?xml version='1.0'?>\n<topics><topic number='1'><query>a &amp; b</query></topic>\n<topic id=2><title>c</title></topic></topics>",
      ),
    ).toEqual([
      ["1", "a & b"],
      ["2", "c"],
    ])
    expect(await asked("<topics>\n<topic>\n<number>7</number>\n<title>a\nb</title>\n</topic>\n</topics>")).toEqual([
      ["7", "a b"],
    ])
    expect(await asked("<parameters><query><number>3</number><text>x</text></query></parameters>")).toEqual([
      ["3", "x"],
    ])
    expect(await asked("<queries><query><qid>0004</qid><content>y</content></query></queries>")).toEqual([
      ["0004", "y"],
    ])
  })

  it("I134 a topic without title, description and narrative is its whole text, which is counted", async () => {
    const notes = trecNotes()
    const text =
      '<topics>\n<topic number="1">\nA boy of <b>5</b> years.\n</topic>\n<topic number="2"><disease>Melanoma</disease><gene>BRAF</gene></topic>\n</topics>'
    const rows = await gathered(topics(linesOf("topics", bytes(text)), "title", notes))
    expect(rows.map((query) => query.text)).toEqual(["A boy of 5 years.", "Melanoma BRAF"])
    expect(notes.wholeTopics).toBe(2)
    expect(await asked(text.replace(/<topic number="1">[^]*?<\/topic>/, ""), "gene+disease")).toEqual([
      ["2", "BRAF Melanoma"],
    ])
  })

  it.each([
    [
      "a field that is not there",
      top("<desc> only this"),
      undefined,
      /line 1, <title>: expected the field that ingest.topics names, found "topic 301 with desc". Give it one, or take others: --set ingest.topics=desc/,
    ],
    ["no number", "<top>\n<title> a\n</top>", undefined, /line 1, <num>: expected the topic's number, found nothing/],
    ["an empty title", top("<title> \n<desc> x"), undefined, /<title>: expected a query's text, found ""/],
    [
      "text beside fields",
      top("<title> a").replace("<num>", "stray <num>"),
      undefined,
      /<top>: expected text in fields alone, found "stray"/,
    ],
    [
      "text around topics",
      `words\n${top("<title> a")}`.replace("words", "<a>words</a>"),
      undefined,
      /line 1, the line: expected <top>, <topic>, <query>, found "words/,
    ],
    [
      "fields of a table",
      "1\ttext\n",
      "title+desc",
      /topics, line 1, the file: expected topics in markup, of which ingest.topics takes title\+desc, found "one text a query"/,
    ],
  ])("I30 %s is refused", async (_, text, fields, message) => {
    await expect(asked(text, fields)).rejects.toThrow(message)
  })
})

/**
 * Where Anserini's topic reader loses or adds words and ours does not: it cuts a title at its last label's colon, has the
 * fields that it does not know in the one before them, and loses a description that stands on one line.
 */
const anseriniDiffers: Readonly<Record<string, string>> = {
  "adhoc.txt 302 title": "Poliomyelitis: a history",
  "early.txt 51 desc": "Document will discuss government assistance.",
  "early.txt 51 narr": "A relevant document will cite.",
  "fire.txt 176 desc": "Find documents on the strike.",
}
