import { readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"
import { folderOf, read, refused } from "./folders.ts"
import { generate, ingestFolder } from "./runIngest.ts"

const corpus =
  '{"_id":"d2","title":"Two","text":"second \\u00e9"}\n{"_id":"d1","text":"first"}\n{"_id":"d3","title":"","text":""}\n'
const queries =
  '{"_id":"q2","text":"what is it?"}\n{"_id":"q1","text":"quiet inns","kind":"browse"}\n{"_id":"q3","text":"unjudged"}\n'
const header = "query-id\tcorpus-id\tscore\n"
const beir = {
  "corpus.jsonl": corpus,
  "queries.jsonl": queries,
  "qrels/test.tsv": `${header}q2\td1\t1\nq2\td2\t0\n`,
  "qrels/train.tsv": `${header}q1\td3\t-1\nq1\td1\t2\n`,
}

const expected = {
  passages: [
    { docid: "d2", title: "Two", text: "second é" },
    { docid: "d1", title: null, text: "first" },
    { docid: "d3", title: null, text: "" },
  ],
  queries: [
    { qid: "q1", text: "quiet inns", kind: "browse", split: "train" },
    { qid: "q2", text: "what is it?", kind: "question", split: "test" },
  ],
  qrels: [
    { qid: "q1", docid: "d1", grade: 2 },
    { qid: "q1", docid: "d3", grade: -1 },
    { qid: "q2", docid: "d1", grade: 1 },
    { qid: "q2", docid: "d2", grade: 0 },
  ],
}

describe("a folder", () => {
  it("I20 BEIR: passages in the file's order, queries and judgements by qid and docid", async () => {
    expect(await read(beir)).toMatchObject({ ...expected, warnings: [] })
  })

  it("I20 gzip is told by its bytes, and several members are one file", async () => {
    const half = corpus.indexOf("\n") + 1
    const gz = Buffer.concat([gzipSync(corpus.slice(0, half)), gzipSync(corpus.slice(half))])
    const { "corpus.jsonl": _, ...rest } = beir
    expect(await read({ ...rest, "corpus.jsonl.gz": gz })).toMatchObject(expected)
    expect(await read({ ...beir, "corpus.jsonl": gz })).toMatchObject(expected)
  })

  it("I21 CR LF, a byte order mark, blank lines and a missing last line end make no difference", async () => {
    const windows = (text: string) => `\ufeff${text.replaceAll("\n", "\r\n\r\n").trimEnd()}`
    const files = Object.fromEntries(Object.entries(beir).map(([name, text]) => [name, windows(text)]))
    expect(await read(files)).toMatchObject(expected)
  })

  it("I22 MS MARCO: collection, several files of queries and judgements, the small dev set before the large", async () => {
    const taken = await read({
      "collection.tsv": '10\tA passage\n2\tAnother, with "quotes"\n',
      "queries.train.tsv": "7\twhat is a passage\n",
      "queries.dev.tsv": "8\tinns\n9\tlarge only\n",
      "queries.dev.small.tsv": "8\tinns\n",
      "qrels.train.tsv": "7\t0\t10\t1\n",
      "qrels.dev.tsv": "8\t0\t2\t1\n9\t0\t2\t1\n",
      "qrels.dev.small.tsv": "8\t0\t2\t1\n",
    })
    expect(taken.passages.map(({ docid }) => docid)).toEqual(["10", "2"])
    expect(taken.queries).toEqual([
      { qid: "7", text: "what is a passage", kind: "question", split: "train" },
      { qid: "8", text: "inns", kind: "browse", split: "dev" },
    ])
    expect(taken.qrels).toEqual([
      { qid: "7", docid: "10", grade: 1 },
      { qid: "8", docid: "2", grade: 1 },
    ])
  })

  it("I23 TREC: marked documents and topics, judgements separated by spaces; a lone set is the test split", async () => {
    const taken = await read({
      "docs.trec":
        "<DOC>\n<DOCNO> FT-1 </DOCNO>\n<HEADLINE>\nHigh  tide\n</HEADLINE>\n<TEXT>\n<P>\nThe sea\n rose.\n</P>\n</TEXT>\n</DOC>\n" +
        "<DOC>\n<DOCNO>FT-2</DOCNO>\n<TEXT>Low</TEXT>\n</DOC>\n",
      "topics.robust.txt":
        "<top>\n\n<num> Number: 301\n<title> International Organized Crime\n\n<desc> Description:\nIdentify …\n</top>\n" +
        "<top>\n<num> Number: 302\n<title>\nWhy did it\nrise\n<narr> Narrative:\n</top>\n",
      "qrels.robust.txt": "301 0 FT-1 1\n302  0\tFT-2 -2\n",
    })
    expect(taken).toMatchObject({
      passages: [
        { docid: "FT-1", title: "High tide", text: "The sea rose." },
        { docid: "FT-2", title: null, text: "Low" },
      ],
      queries: [
        { qid: "301", text: "International Organized Crime", kind: "browse", split: "test" },
        { qid: "302", text: "Why did it rise", kind: "question", split: "test" },
      ],
      qrels: [
        { qid: "301", docid: "FT-1", grade: 1 },
        { qid: "302", docid: "FT-2", grade: -2 },
      ],
    })
  })

  it("I135 topics of early tracks have leading zeros that the judgements lack", async () => {
    const files = {
      "docs.trec": "<DOC>\n<DOCNO>A</DOCNO>\n<HL>h</HL>\n<SO>s</SO>\n<TEXT>t</TEXT>\n</DOC>\n",
      "topics.51-100.txt":
        "<top>\n<num> Number:  051\n<title> Topic:  Kites\n</top>\n<top>\n<num> 052\n<title> b\n</top>\n",
      "qrels.51-100.txt": "51 0 A 1\n052 0 A 1\n",
    }
    const taken = await read(files)
    expect(taken.queries.map(({ qid, text }) => [qid, text])).toEqual([
      ["052", "b"],
      ["51", "Kites"],
    ])
    expect(taken.warnings).toEqual([
      "1 topics have numbers that the judgements write without leading zeros: taken so",
      "text of documents that is not in the tags of ingest.tags is left out: <SO> in 1",
    ])
    expect(taken.result.facts).toMatchObject({ renamedQueries: 1, leftOutTags: { SO: 1 } })
  })

  it("I136 documents are told by how they begin, in folders too; topics.test and qrels.test are taken", async () => {
    const doc = (docno: string) => `<DOC>\n<DOCNO> ${docno} </DOCNO>\n<TEXT>\nkites\n</TEXT>\n</DOC>\n`
    const files = {
      "disk4/FT/FT911_1": doc("FT911-1"),
      "disk4/FT/README": doc("no"),
      "disk4/cr/hfiles/CR93H1": doc("CR93-1"),
      "disk4/dtds/ftdtd": "<!ELEMENT DOC - - (TEXT)>\n",
      "disk5/LA010189.gz": gzipSync(`<?xml version="1.0"?>\n<!-- la -->\n${doc("LA-1")}`),
      "disk5/fr940104.0z": readFileSync(join(import.meta.dirname, "../reference/trec/FR940104.0z")),
      // zstd -19
      "disk5/fb396001.zst": Buffer.from(
        "KLUv/QRolQEAwgIKELDrgwwIdyK7RZAGIusqdnTGXL3fzVJTy3gQOfcdiDAKwDW5emOuPgIAwFhjmEw8NyOC",
        "base64",
      ),
      "topics.test": "<top>\n<num> Number: 301\n<title> kites\n</top>\n",
      "qrels.test": "301 0 FT911-1 1\n301 0 LA-1 0\n",
      "runs/bm25.trec": "301 Q0 FT911-1 1 2.5 x\n",
    }
    const taken = await read(files)
    expect(taken.passages.map(({ docid }) => docid)).toEqual(["FT911-1", "LA-1", "FB-1", "FR940104-0-00001"])
    expect(taken.passages[3]?.text).toMatch(/^Federal␣Register/)
    expect(taken.queries.map(({ qid, split }) => [qid, split])).toEqual([["301", "test"]])
    expect(taken.warnings[0]).toMatch(/^disk4\/cr is not read: a folder of this name is the Congressional Record/)
    const { "topics.test": topics, ...rest } = files
    expect((await read({ ...rest, "04.testset": topics })).queries.map(({ qid }) => qid)).toEqual(["301"])
    const damaged = await read({ ...files, "disk4/FT/FT911_2": `x${doc("FT911-2")}`, "more.trec": "x", LICENSE: "x" })
    expect(damaged.warnings.filter((warning) => warning.includes("begin"))).toEqual([
      "disk4/FT/FT911_2 is not read: it does not begin with <DOC>, as the documents' files do",
    ])
    const only = { "cr/CR93H1": doc("CR93-1"), "topics.test": topics, "qrels.test": "301 0 CR93-1 1\n" }
    expect((await read(only)).passages.map(({ docid }) => docid)).toEqual(["CR93-1"])
  })

  it("I24 a query's kind: its own word, then the dataset's, then a label, then the rule", async () => {
    const labelled = {
      ...beir,
      "queries.jsonl":
        '{"_id":"a","text":"inns","kind":"question"}\n{"_id":"b","text":"inns"}\n{"_id":"c","text":"inns","metadata":{"query_type":"NUMERIC"}}\n' +
        '{"_id":"d","text":"who is it","metadata":{"dl_hard":{"intent":"list"}}}\n{"_id":"e","text":"who is it"}\n{"_id":"f","text":"inns","metadata":{"kind":"question"}}\n',
      "qrels/test.tsv": "a\td1\t1\nb\td1\t1\nc\td1\t1\nd\td1\t1\ne\td1\t1\n",
      "qrels/train.tsv": "f\td2\t1\n",
    }
    const kinds = async (settings = {}) => (await read(labelled, settings)).queries.map(({ kind }) => kind).join(" ")
    expect(await kinds()).toBe("question browse question browse question question")
    expect(await kinds({ kind: "browse" })).toBe("question browse browse browse browse question")
  })

  it("I105 judgements of other passages are refused, of some others told with an example and how the collection spells it", async () => {
    const judging = (docids: ReadonlyArray<string>) => ({
      ...beir,
      "qrels/test.tsv": header + docids.map((docid) => `q1\t${docid}\t1\n`).join(""),
      "qrels/train.tsv": `${header}q2\t${docids[0]!}\t1\n`,
    })
    const padded = { ...beir, "corpus.jsonl": '{"_id":"007","text":"a"}\n{"_id":"8","text":"b"}\n' }
    expect(await refused(judging(["gone", "lost"]))).toMatch(
      /EmptyCollection: qrels\/test.tsv: none of the 3 judgements is of one of the collection's \d+ passages \(gone\)\. Name/,
    )
    const with7 = { ...judging(["7", "9"]), "corpus.jsonl": padded["corpus.jsonl"] }
    expect(await refused(with7)).toMatch(/\(7\)\. .* The collection has 007: spell them alike/)
    const with08 = { ...judging(["08", "007"]), "corpus.jsonl": padded["corpus.jsonl"] }
    expect((await read(with08)).warnings).toEqual([
      "2 judgements are of passages that the collection lacks: kept, they count as not found (08 and others). The collection has 8: spell them alike.",
    ])
  })

  it("I25 a query that two splits judge belongs to test before dev before train, and that is said", async () => {
    const twice = { ...beir, "qrels/train.tsv": `${header}q2\td3\t1\nq1\td1\t2\n` }
    const taken = await read(twice)
    expect(taken.queries.map(({ qid, split }) => `${qid} ${split}`)).toEqual(["q1 train", "q2 test"])
    expect(taken.qrels.filter(({ qid }) => qid === "q2").length).toBe(2)
    expect(taken.warnings.join()).toContain("1 judgements are of queries that another split has")
    expect(await refused(twice, { strict: true })).toMatch(
      /UnusableQrels: qrels\/train.tsv: 1 row with qid of two splits \(q2\)/,
    )
  })

  it("I26 judgements of unknown qids and docids are counted and told, and refused where strict", async () => {
    const unknown = { ...beir, "qrels/test.tsv": `${header}q2\td1\t1\nq2\tgone\t1\nq99\td1\t1\n` }
    const { qrels, result, warnings } = await read(unknown)
    expect(result.facts).toMatchObject({ qrelsOfUnknownDocid: 1, qrelsOfUnknownQid: 1, unjudgedQueries: 1 })
    expect(warnings.length).toBe(2)
    expect(qrels).toContainEqual({ qid: "q2", docid: "gone", grade: 1 })
    expect(await refused(unknown, { strict: true })).toMatch(
      /UnusableQrels: qrels\/test.tsv: 1 row with unknown qid \(q99\)/,
    )
    const docid = { ...beir, "qrels/test.tsv": `${header}q2\td1\t1\nq2\tgone\t1\n` }
    expect(await refused(docid, { strict: true })).toMatch(
      /UnusableQrels: qrels\/test.tsv: 1 row with unknown docid \(gone\)/,
    )
  })

  it("I27 which file is which split: names, a lone or `all` file, the user's word; a choice is asked for", async () => {
    const base = { "corpus.jsonl": corpus, "queries.jsonl": queries }
    const one = "q2 d1 1\n"
    const splitOf = async (files: Record<string, string>, splits = {}) =>
      (await read({ ...base, ...files }, { splits })).queries.map(({ qid, split }) => `${qid} ${split}`).join()
    expect(await splitOf({ "qrels/validation.tsv": one })).toBe("q2 dev")
    expect(await splitOf({ "qrels/scifact.tsv": one })).toBe("q2 test")
    expect(await splitOf({ "qrels.tsv": one })).toBe("q2 test")
    expect(await splitOf({ "qrels/all.tsv": one, "qrels/all.mean.tsv": "q2 d1 1.33\n" })).toBe("q2 test")
    expect(await splitOf({ "qrels/dl19.tsv": one, "qrels/dl20.tsv": "q1 d1 1\n" }, { test: "dl20", dev: "dl19" })).toBe(
      "q1 test,q2 dev",
    )
    expect(await splitOf({ "qrels/test.tsv": one, "qrels/dl20.tsv": "q1 d1 1\n" }, { test: "dl20" })).toBe("q1 test")
    expect(await refused({ ...base, "qrels/dl19.tsv": one, "qrels/dl20.tsv": one })).toMatch(
      /UnknownLayout: .*any of them could be the test split.*--set ingest.splits.test=dl19 or --set ingest.splits.test=dl20/,
    )
    expect(await refused({ ...base, "qrels/test.tsv": one }, { splits: { test: "dl21" } })).toMatch(
      /ingest.splits.test is dl21, and no judgements have that name.*There are: test/,
    )
  })
})

describe("bad input", () => {
  const cases: ReadonlyArray<readonly [string, Record<string, string | Uint8Array>, RegExp]> = [
    [
      "malformed JSON",
      { "corpus.jsonl": `${corpus}{"_id":"x",\n` },
      /^MalformedRow: corpus.jsonl, line 4, the line: expected a JSON object \(.+\), found .*_id.*\. Write one/,
    ],
    [
      "a JSON array for a row",
      { "corpus.jsonl": "[1]\n" },
      /^MalformedRow: corpus.jsonl, line 1, the line: expected a JSON object, found an array/,
    ],
    [
      "a missing _id",
      { "corpus.jsonl": '{"text":"a"}\n' },
      /^MalformedRow: corpus.jsonl, line 1, _id: expected an identifier, found the fields text\. Say which: --set ingest\.fields\.docid=NAME/,
    ],
    [
      "an _id with white space",
      { "corpus.jsonl": '{"_id":"a b","text":"a"}\n' },
      /line 1, _id: expected an identifier.*found "a b"/,
    ],
    [
      "half a surrogate pair in an _id",
      { "corpus.jsonl": '{"_id":"\\ud800","text":"a"}\n' },
      /line 1, _id: expected an identifier/,
    ],
    [
      "a missing text",
      { "corpus.jsonl": '{"_id":"a"}\n' },
      /line 1, text: expected a text, found the fields _id\. Say which: --set ingest\.fields\.text=NAME/,
    ],
    [
      "a title that is no text",
      { "corpus.jsonl": '{"_id":"a","title":7,"text":""}\n' },
      /line 1, title: expected a text, found 7/,
    ],
    [
      "a duplicate docid",
      { "corpus.jsonl": `${corpus}\n{"_id":"d1","text":"again"}\n` },
      /^MalformedRow: corpus.jsonl, line 5, docid: expected an identifier not used before, found "d1", which line 2 has/,
    ],
    [
      "a duplicate qid",
      { "queries.jsonl": `${queries}{"_id":"q3","text":"again"}\n` },
      /^MalformedRow: queries.jsonl, line 4, qid: .*found "q3", which line 3 has/,
    ],
    [
      "an empty query",
      { "queries.jsonl": `${queries}{"_id":"q4","text":" \\t "}\n` },
      /queries.jsonl, line 4, text: expected a query's text, found " \\t "/,
    ],
    [
      "a kind that is none",
      { "queries.jsonl": '{"_id":"q1","text":"a","kind":"Browse"}\n' },
      /queries.jsonl, line 1, kind: expected question or browse, found "Browse"/,
    ],
    [
      "bytes that are not UTF-8",
      { "corpus.jsonl": Buffer.from(`${corpus}{"_id":"x","text":"\xe9t\xe9"}\n`, "latin1") },
      /^MalformedRow: corpus.jsonl, line (1|4), byte \d+ of the line: expected UTF-8, found 0xe9\. Convert/,
    ],
    [
      "a grade that is no integer",
      { "qrels/test.tsv": `${header}q2\td1\t1\nq2\td2\t0.5\n` },
      /^MalformedRow: qrels\/test.tsv, line 3, grade: expected a whole number, found "0.5"/,
    ],
    [
      "two grades for one pair",
      { "qrels/test.tsv": "q2 d1 1\nq2 d1 2\n" },
      /qrels\/test.tsv, line 2, grade: expected 1, as an earlier row for q2 and d1 has it, found 2/,
    ],
    [
      "judgements with a column too few",
      { "qrels/test.tsv": "q2 0 d1 1\nq2 0 d2\n" },
      /qrels\/test.tsv, line 2, the line: expected 4 columns: qid, iteration, docid, grade, as line 1 has, found 3/,
    ],
    [
      "truncated gzip",
      { "corpus.jsonl": gzipSync(corpus.repeat(50)).subarray(0, 40) },
      /^UnreadableFile: corpus.jsonl: the gzip data ends before its end mark/,
    ],
    [
      "damaged gzip",
      { "corpus.jsonl": gzipSync(corpus).map((byte, i, all) => (i === all.length - 6 ? byte ^ 0x55 : byte)) },
      /^UnreadableFile: corpus.jsonl: the gzip data is damaged/,
    ],
    ["an empty corpus", { "corpus.jsonl": "\n" }, /^EmptyCollection: corpus.jsonl: no passages/],
    ["no queries", { "queries.jsonl": "" }, /^EmptyCollection: queries.jsonl: no queries/],
    ["no judgements", { "qrels/test.tsv": header }, /^EmptyCollection: qrels\/test.tsv: no judgements/],
    [
      "no query of a split",
      { "qrels/test.tsv": "zz d1 1\n" },
      /^EmptyCollection: qrels\/test.tsv: no query of the test split/,
    ],
    [
      "two corpora",
      { "collection.tsv": "1\ta\n" },
      /^UnknownLayout: .*collection.tsv and corpus.jsonl could both be the passages.*Seen: collection.tsv, corpus.jsonl/,
    ],
  ]
  it.each(cases)("I30 %s is refused: file, line, field and what was expected", async (_, files, message) => {
    expect(await refused({ ...beir, ...files })).toMatch(message)
  })

  const marco = { "queries.tsv": "q2\twhat\n", "qrels.tsv": "q2 0 1 1\n" }
  it.each([
    [
      "too few columns",
      { "collection.tsv": "1\ta\n2\n" },
      /^MalformedRow: collection.tsv, line 2, the line: expected 2 columns, pid and text, with a tab between, found "1 column"/,
    ],
    ["too many columns", { "collection.tsv": "1\ta\tb\n" }, /line 1, the line: expected 2 columns.*found "3 columns"/],
    ["an empty pid", { "collection.tsv": "\ta\n" }, /line 1, pid: expected an identifier/],
    [
      "other words for a qid in another file",
      { "collection.tsv": "1\ta\n", "queries.b.tsv": "q2\twhy\n" },
      /queries.tsv, line 1, text: expected the text that another file has for q2: "why", found "what"/,
    ],
  ])("I31 a table with %s is refused", async (_, files, message) => {
    expect(await refused({ ...marco, ...files })).toMatch(message)
  })

  it("I32 a path that is not there, a file for a folder, a folder for a file, a dangling link", async () => {
    const root = folderOf(beir)
    const tell = async (folder: string) => {
      const outcome = await ingestFolder(folder)
      return Either.isLeft(outcome) ? `${outcome.left._tag}: ${outcome.left.message}` : "taken"
    }
    expect(await tell(`${root}/gone`)).toMatch(/^UnreadableFile: .*gone: no such file or folder/)
    expect(await tell(`${root}/corpus.jsonl`)).toMatch(/^UnreadableFile: .*a file stands where a folder is due/)
    const linked = folderOf({ "queries.jsonl": queries, "qrels/test.tsv": "q1 d1 1\n" })
    symlinkSync(join(linked, "nowhere"), join(linked, "corpus.jsonl"))
    expect(await tell(linked)).toMatch(/^UnreadableFile: .*corpus.jsonl: no such file or folder/)
    const nested = folderOf({ "corpus.jsonl/x": "", "queries.jsonl": queries, "qrels/test.tsv": "q1 d1 1\n" })
    expect(await tell(nested)).toMatch(/^UnreadableFile: .*corpus.jsonl: a folder stands where a file is due/)
    expect(await tell(folderOf({ "notes.md": "" }))).toMatch(
      /^UnknownLayout: .*no passages found. Seen: notes.md. Recognised are: BEIR/,
    )
  })
})

describe("the synthetic stage", () => {
  it("I40 writes the three tables with their counts, and says where fewer queries come out than were asked for", async () => {
    const config = {
      passages: 1200,
      seed: 3,
      trainQuestions: 100,
      trainBrowse: 30,
      heldOutQuestions: 5,
      heldOutBrowse: 5,
    }
    const taken = await generate(config)
    expect(taken.result.rows).toMatchObject({ passages: 1200, queries: 150 })
    expect(taken.passages.length).toBe(1200)
    expect(taken.queries.map(({ qid }) => qid)).toEqual(taken.queries.map(({ qid }) => qid).sort())
    const keys = taken.qrels.map(({ docid, qid }) => `${qid}\t${docid}`)
    expect(keys).toEqual([...keys].sort())
    const docids = new Set(taken.passages.map(({ docid }) => docid))
    expect(taken.qrels.every(({ docid }) => docids.has(docid))).toBe(true)
    expect(taken.warnings).toEqual([])
    const greedy = await generate({ ...config, trainQuestions: 100_000 })
    expect(greedy.warnings[0]).toMatch(/^1200 passages give only \d+ of the 100050 queries asked for/)
  })
})
