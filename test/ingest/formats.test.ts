import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"
import { DuckDb, duckDbPromise, layerDuckDb } from "../../pipeline/index.ts"
import { folderOf, read, refused } from "./folders.ts"
import { type Ingested, ingestFolder } from "./runIngest.ts"

const passages = '{"_id":"d1","title":"One","text":"first"}\n{"_id":"d2","text":"second"}\n'
const queries = '{"_id":"q1","text":"what is it?"}\n{"_id":"q2","text":"quiet inns"}\n'
const qrels = "q1 0 d1 1\nq2 0 d2 1\nq2 0 d1 0\n"
const beir = { "corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels }

const rowsOf = ({ passages: all, qrels: judged, queries: asked }: Ingested) => ({
  passages: all.map(({ docid, text, title }) => [docid, title, text].join("|")),
  queries: asked.map(({ qid, split, text }) => [qid, split, text].join("|")),
  qrels: judged.map(({ docid, grade, qid }) => [qid, docid, grade].join(" ")),
})

const same = {
  passages: ["d1|One|first", "d2||second"],
  queries: ["q1|test|what is it?", "q2|test|quiet inns"],
  qrels: ["q1 d1 1", "q2 d1 0", "q2 d2 1"],
}

/** Writes a query's rows as Parquet into a folder. */
const writeParquet = (folder: string, tables: Readonly<Record<string, string>>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const connection = yield* (yield* DuckDb).connect
      for (const [file, sql] of Object.entries(tables)) {
        yield* duckDbPromise(connection, sql, () =>
          connection.run(`COPY (${sql}) TO '${join(folder, file)}' (FORMAT parquet)`),
        )
      }
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
  )

describe("headings", () => {
  it.each([
    ["pid and passage", { "collection.tsv": "pid\tpassage\nd1\tfirst\nd2\tsecond\n" }],
    ["other order and quotes, as DPR writes", { "collection.tsv": 'id\ttext\ttitle\nd1\t"first"\t\nd2\tsecond\t\n' }],
    ["PID in capitals, quoted", { "collection.tsv": '"PID"\t"Text"\n"d1"\t"first"\n"d2"\tsecond\n' }],
  ])("I152 of a table of passages (%s) is none of them", async (_, corpus) => {
    const taken = await read({ ...corpus, "queries.tsv": "q1\twhat is it?\nq2\tquiet inns\n", "qrels.tsv": qrels })
    expect(rowsOf(taken)).toEqual({ ...same, passages: ["d1||first", "d2||second"] })
  })

  it.each(["qid\ttext\n", "query_id\tquery\n", '"id"\t"question"\n'])(
    "I152 of queries (%j) is none of them",
    async (heading) => {
      const { "queries.jsonl": _, ...rest } = beir
      const taken = await read({ ...rest, "queries.tsv": `${heading}q1\twhat is it?\nq2\tquiet inns\n` })
      expect(rowsOf(taken)).toEqual(same)
      expect(taken.result.facts).toMatchObject({ unjudgedQueries: 0 })
    },
  )

  it.each([
    "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq2\td1\t0\n",
    '"query-id"\t"corpus-id"\t"score"\n"q1"\t"d1"\t"1"\n"q2"\t"d2"\t1\nq2\td1\t0\n',
    "qid iter docno rel\nq1 0 d1 1\nq2 0 d2 1\nq2 0 d1 0\n",
    "score\tcorpus_id\tquery_id\n1.0\td1\tq1\n1\td2\tq2\n0.0\td1\tq2\n",
    "topic-id x y\nq1 d1 1\nq2 d2 1\nq2 d1 0\n",
  ])("I152 of judgements (%j) names their columns", async (judged) => {
    expect(rowsOf(await read({ ...beir, "qrels/test.tsv": judged }))).toEqual(same)
  })

  it("I152 a row of another width than the heading is named", async () => {
    expect(await refused({ ...beir, "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\n" })).toMatch(
      /qrels\/test.tsv, line 3, the line: expected 3 columns: .*, as line 1 has, found 2/,
    )
  })
})

describe("queries", () => {
  it("I24 a table's column kind says it as a record does", async () => {
    const { "queries.jsonl": _, ...rest } = beir
    const kinds = async (files: Readonly<Record<string, string>>) =>
      (await read({ ...rest, ...files })).queries.map(({ kind }) => kind).join()
    expect(await kinds({ "queries.csv": "qid,kind,query\nq1,browse,what is it?\nq2,,quiet inns\n" })).toBe(
      "browse,browse",
    )
    expect(await kinds({ "queries.tsv": "qid\tkind\tquery\nq1\t\twhat is it?\nq2\tquestion\tinns\n" })).toBe(
      "question,question",
    )
    expect(await refused({ ...rest, "queries.csv": "qid,kind,query\nq1,shop,what\n" })).toMatch(
      /queries.csv, line 2, kind: expected question or browse, found "shop"/,
    )
  })

  it("I160 of several files of records, one a split", async () => {
    const { "queries.jsonl": _, ...rest } = beir
    const [first = "", second = ""] = queries.split("\n")
    const parts = { ...rest, "queries.test.jsonl": first, "queries.train.jsonl": second }
    expect(rowsOf(await read(parts))).toEqual(same)
    expect(await refused({ ...parts, "queries.train.jsonl.gz": second })).toMatch(/could both be it/)
  })
})

describe("judgements", () => {
  it("I153 of two columns are of relevant passages", async () => {
    const taken = await read({ ...beir, "qrels/test.tsv": "q1 d1\nq2\td2\n" })
    expect(rowsOf(taken).qrels).toEqual(["q1 d1 1", "q2 d2 1"])
  })

  it("I153 a comment is named as one, at its own line, whatever its number of words", async () => {
    for (const comment of [
      "#",
      "# qrels",
      "# my qrels 1",
      "# of the test split",
      "# qid iteration docid grade",
      "#qid docid grade",
    ]) {
      for (const judged of [`${comment}\n${qrels}`, `${qrels}${comment}\n`]) {
        const line = judged.startsWith("#") ? 1 : 4
        expect(await refused({ ...beir, "qrels/test.tsv": judged })).toMatch(
          new RegExp(`^MalformedRow: qrels/test.tsv, line ${line}, the line: expected a judgement, found "#.*comment`),
        )
      }
    }
    const odd = { "queries.jsonl": '{"_id":"#1","text":"what"}\n', "qrels/test.tsv": "#1 0 d1 1\n" }
    expect(rowsOf(await read({ ...beir, ...odd })).qrels).toEqual(["#1 d1 1"])
  })

  it("I154 a file that is passed over is told with the setting that takes it", async () => {
    const more = {
      ...beir,
      "qrels/test.full.tsv": "q1 0 d2 1\n",
      "qrels/dl19.tsv": "q1 0 d2 1\n",
      "topics.old.txt": "q1\twhat\n",
    }
    const { warnings } = await read(more)
    expect(warnings).toEqual([
      "qrels/dl19.tsv is not read: the test split is qrels/test.tsv; --set ingest.splits.test=dl19 takes it",
      "qrels/test.full.tsv is not read: the test split is qrels/test.tsv; --set ingest.splits.test=test.full takes it",
      "topics.old.txt is not read: the queries are those of queries.jsonl",
    ])
    expect(rowsOf(await read(more, { splits: { test: "test.full" } })).qrels).toEqual(["q1 d2 1"])
    const dev = {
      ...beir,
      "qrels/test.tsv": "q1 0 d2 1\n",
      "qrels/dev.tsv": "q2 0 d2 1\n",
      "qrels/dev.small.tsv": "q2 0 d2 1\n",
    }
    expect((await read(dev)).warnings[0]).toMatch(
      /^qrels\/dev.tsv is not read: the dev split is qrels\/dev.small.tsv; --set ingest.splits.dev=dev takes it/,
    )
  })

  it("I155 a split without a relevant passage, and one of whose several grades none is below 1, are told", async () => {
    const told = async (judged: string) => (await read({ ...beir, "qrels/test.tsv": judged })).warnings
    expect(await told("q1 0 d1 0\nq2 0 d2 -1\n")).toEqual([
      "test: no query has a relevant passage: the highest grade is 0, and passages are relevant from 1",
    ])
    expect((await told("q1 0 d1 1\nq1 0 d2 4\n"))[0]).toMatch(/^test: no grade is below 1 \(they are 1 to 4\)/)
    expect(await told("q1 0 d1 1\nq2 0 d2 1\n")).toEqual([])
    expect(await told(qrels)).toEqual([])
    const taken = await read({ ...beir, "qrels/test.tsv": "q1 0 d1 1\nq1 0 d2 4\n" })
    expect(taken.result.facts).toMatchObject({ grades: { test: [1, 4] } })
  })

  it("I156 queries that are passages of the same id and text are told, unless they are left out of their results", async () => {
    const own = {
      ...beir,
      "queries.jsonl": '{"_id":"d1","text":"One first"}\n{"_id":"d2","text":"second "}\n{"_id":"q1","text":"x"}\n',
      "qrels/test.tsv": "d1 0 d2 1\nd2 0 d1 1\nq1 0 d1 1\n",
    }
    const { result, warnings } = await read(own)
    expect(warnings[0]).toMatch(/^2 queries are passages of the collection.*--set retrieve.leaveOutOwn=true/)
    expect(result.facts).toMatchObject({ queriesThatArePassages: 2 })
    expect((await read(own, { leaveOutOwn: true })).warnings).toEqual([])
    const others = '{"_id":"d1","text":"same id, another text"}\n'
    expect((await read({ ...own, "queries.jsonl": others, "qrels/test.tsv": "d1 0 d2 1\n" })).warnings).toEqual([])
  })
})

describe("records", () => {
  it("I157 integers beyond 2^53 keep their digits as ids", async () => {
    const big = ["9007199254740993", "9007199254740992", "123456789012345678901234567890"]
    const taken = await read({
      "corpus.jsonl": big
        .map((id) => `{"metadata":{"_id":1,"x":[{"_id":2}]}, "\\u005fid" : ${id} ,"text":"t ${id}"}\n`)
        .join(""),
      "queries.jsonl": `{"_id":9007199254740995,"text":"a \\"_id\\":5"}\n`,
      "qrels/test.jsonl": `{"query-id":9007199254740995,"corpus-id":${big[0]!},"score":1}\n`,
    })
    expect(taken.passages.map(({ docid }) => docid)).toEqual(big)
    expect(rowsOf(taken).qrels).toEqual([`9007199254740995 ${big[0]!} 1`])
    expect(taken.warnings).toEqual([])
    for (const id of ["1e30", "1.5", "-1e400"]) {
      expect(await refused({ ...beir, "corpus.jsonl": `{"_id":${id},"text":"t"}\n` })).toMatch(
        /line 1, _id: expected an identifier/,
      )
    }
  })

  it.each([
    [
      "Anserini's",
      '{"id":"d1","contents":"first"}\n{"id":"d2","contents":"second"}\n',
      { docid: "id", text: "contents" },
    ],
    [
      "others",
      '{"docid":"d1","head":"One","body":"first"}\n{"docid":"d2","body":"second"}\n',
      { docid: "docid", text: "body", title: "head" },
    ],
  ])(
    "I158 fields of other names (%s): the error has those that are there, and settings take them",
    async (_, corpus, fields) => {
      const files = { ...beir, "corpus.jsonl": corpus }
      const names = [...(corpus.split("\n")[0] ?? "").matchAll(/"(\w+)":/g)].map(([, name]) => name).join(", ")
      expect(await refused(files)).toBe(
        `MalformedRow: corpus.jsonl, line 1, _id: expected an identifier, found the fields ${names}. Say which: --set ingest.fields.docid=NAME.`,
      )
      expect(await refused(files, { fields: { docid: fields.docid } })).toMatch(
        /^MalformedRow: corpus.jsonl, line 1, text: expected a text, found the fields .*--set ingest.fields.text=NAME/,
      )
      const title = "title" in fields ? "One" : ""
      expect(rowsOf(await read(files, { fields }))).toEqual({ ...same, passages: [`d1|${title}|first`, "d2||second"] })
    },
  )

  it("I158 a title's name that no record has, and queries' names", async () => {
    expect(await refused(beir, { fields: { title: "heading" } })).toMatch(
      /corpus.jsonl, line 2, heading: expected a title somewhere in the file, as ingest.fields.title says, found the fields _id, text/,
    )
    const asked = {
      ...beir,
      "queries.jsonl": '{"qid":"q1","question":"what is it?"}\n{"qid":"q2","question":"quiet inns"}\n',
    }
    expect(await refused(asked)).toMatch(/queries.jsonl, line 1, _id: .*the fields qid, question.*ingest.fields.qid=/)
    expect(rowsOf(await read(asked, { fields: { qid: "qid", query: "question" } }))).toEqual(same)
  })
})

describe("files", () => {
  it("I159 MS MARCO's documents: docid, address, title, body", async () => {
    const taken = await read({
      "msmarco-docs.tsv": "D1\thttp://a\tOne\tfirst\nD2\thttp://b\t\tsecond\nD3\thttp://c\t.\t\n",
      "msmarco-doctrain-queries.tsv": "q1\twhat is it?\n",
      "msmarco-docdev-queries.tsv": "q2\tquiet inns\n",
      "msmarco-doctrain-qrels.tsv": "q1 0 D1 1\n",
      "msmarco-docdev-qrels.tsv": "q2 0 D2 1\n",
    })
    expect(rowsOf(taken)).toEqual({
      passages: ["D1|One|first", "D2||second", "D3|.|"],
      queries: ["q1|train|what is it?", "q2|dev|quiet inns"],
      qrels: ["q1 D1 1", "q2 D2 1"],
    })
    expect(
      await refused({ "collection.tsv": "D1\tu\tt\tb\nD2\tb\n", "queries.tsv": "q\tx\n", "qrels.tsv": "q 0 D1 1\n" }),
    ).toMatch(/collection.tsv, line 2, the line: expected 4 columns, docid, url, title and body, .*found 2/)
  })

  it("I160 a corpus in several files, numbered or in a folder; one that is missing is told", async () => {
    const [first = "", second = ""] = passages.split("\n")
    const { "corpus.jsonl": _, ...rest } = beir
    const parts = { ...rest, "corpus-00000-of-00002.jsonl": first, "corpus-00001-of-00002.jsonl": second }
    expect(rowsOf(await read(parts))).toEqual(same)
    expect(rowsOf(await read({ ...rest, "corpus/a.jsonl": first, "corpus/b.jsonl": second }))).toEqual(same)
    expect(rowsOf(await read({ ...rest, "corpus_part1.jsonl": first, "corpus_part2.jsonl": second }))).toEqual(same)
    const { "corpus-00000-of-00002.jsonl": __, ...lacking } = parts
    expect(await refused(lacking)).toMatch(
      /of 2 parts only 1 are there: corpus-00001-of-00002.jsonl. .*Fetch the others/,
    )
    expect(await refused({ ...parts, "corpus.jsonl": passages })).toMatch(/could both be it/)
    expect(await refused({ ...parts, "corpus-00001-of-00002.jsonl": first })).toMatch(
      /corpus-00001-of-00002.jsonl, line 1, docid: .*found "d1", which corpus-00000-of-00002.jsonl, line 1 has/,
    )
  })

  it.each([",", "\t", ";"])(
    "I161 CSV with %j between its cells: quotes, line ends and delimiters inside of them",
    async (mark) => {
      const rows = (...all: ReadonlyArray<ReadonlyArray<string>>) =>
        `${all.map((row) => row.join(mark)).join("\r\n")}\r\n`
      const taken = await read({
        "corpus.csv": rows(
          ["id", "title", "text", "price"],
          ["d1", `"O""n""e"`, `"first${mark} line\r\n\r\nand ""third"""`, "1"],
          ["d2", "", '"second"', ""],
        ),
        "queries.csv": rows(["query_id", "query"], ["q1", '"what is it?"'], ["q2", "quiet inns"]),
        "qrels/test.csv": rows(["query_id", "doc_id", "relevance"], ["q1", "d1", "2"], ['"q2"', "d2", "0"]),
      })
      expect(rowsOf(taken)).toEqual({
        passages: [`d1|O"n"e|first${mark} line\n\nand "third"`, "d2||second"],
        queries: same.queries,
        qrels: ["q1 d1 2", "q2 d2 0"],
      })
    },
  )

  it.each([
    [
      "a row too short",
      "id,text\nd1,a\nd2\n",
      /corpus.csv, line 3, the row: expected 2 columns, as the heading has, found 1/,
    ],
    [
      "a quote that is not closed",
      'id,text\nd1,a\nd2,"b\nc\n',
      /corpus.csv, line 3, column 2: expected a closing quote/,
    ],
    [
      "a quote inside",
      'id,text\nd1,"a" b\n',
      /corpus.csv, line 2, column 2: expected the end of a cell after its closing quote, found " b"/,
    ],
    [
      "no column of texts",
      "id,words\nd1,a\n",
      /corpus.csv, line 1, the heading: expected a column with the text .*, found the columns id, words. Say which: --set ingest.fields.text=NAME/,
    ],
    ["an empty id", "id,text\n,a\n", /corpus.csv, line 2, docid: expected an identifier/],
    ["an id twice", 'id,text\nd1,"a\nb"\nd1,c\n', /corpus.csv, line 4, docid: .*found "d1", which line 2 has/],
    ["nothing", "", /corpus.csv: no passages/],
  ])("I161 CSV with %s is refused where it is", async (_, corpus, message) => {
    const { "corpus.jsonl": __, ...rest } = beir
    expect(await refused({ ...rest, "corpus.csv": corpus })).toMatch(message)
  })

  it("I162 Parquet, as the hub has BEIR's collections: folders corpus and queries, judgements by split", async () => {
    const folder = folderOf({ "corpus/.keep": "", "queries/.keep": "", "qrels/.keep": "" })
    await writeParquet(folder, {
      "corpus/corpus-00000-of-00002.parquet":
        "SELECT 'd1' AS _id, 'One' AS title, 'first' AS text, [1.0, 2.0] AS embedding",
      "corpus/corpus-00001-of-00002.parquet": "SELECT 'd2' AS _id, NULL AS title, 'second' AS text, [1.0] AS embedding",
      "queries/queries-00000-of-00001.parquet":
        "SELECT * FROM (VALUES ('q2', 'quiet inns'), ('q1', 'what is it?')) t(_id, text)",
      "qrels/test-00000-of-00001.parquet":
        "SELECT * FROM (VALUES ('q1', 'd1', 1.0::DOUBLE), ('q2', 'd2', 1), ('q2', 'd1', 0)) t(\"query-id\", \"corpus-id\", score)",
    })
    const taken = Either.getOrThrow(await ingestFolder(folder))
    expect(rowsOf(taken)).toEqual(same)
    expect(taken.warnings).toEqual([])
  })

  it("I162 Parquet with numbers for ids, columns of other types and none, and files that are none", async () => {
    const folder = folderOf({ "queries.jsonl": queries, "qrels/test.tsv": "q1 0 9007199254740993 1\nq1 0 7 1\n" })
    const file = "corpus.parquet"
    const outcome = async (sql: string, settings = {}) => {
      await writeParquet(folder, { [file]: sql })
      const either = await ingestFolder(folder, settings)
      return Either.isLeft(either)
        ? `${either.left._tag}: ${either.left.message}`
        : rowsOf(either.right).passages.join()
    }
    expect(await outcome("SELECT 9007199254740993::BIGINT AS id, 'a' AS text UNION ALL SELECT 7, 'b' ORDER BY 1")).toBe(
      "7||b,9007199254740993||a",
    )
    expect(await outcome("SELECT 7.0::DOUBLE AS id, 'a' AS words", { fields: { text: "words" } })).toBe("7||a")
    expect(await outcome("SELECT 'a' AS id, 'b' AS words")).toMatch(
      /^MalformedRow: corpus.parquet, row 1, the heading: expected a column with the text .* found the columns id, words/,
    )
    expect(await outcome("SELECT 'a' AS id, ['b'] AS text")).toMatch(
      /corpus.parquet, row 1, text: expected a column of texts or numbers, found VARCHAR\[\]/,
    )
    expect(await outcome("SELECT * FROM (VALUES ('a', 'x'), ('b', NULL)) t(id, text)")).toMatch(
      /corpus.parquet, row 2, text: expected a text, found nothing/,
    )
    expect(await outcome("SELECT * FROM (VALUES ('a', 'x'), ('a', 'y')) t(id, text)")).toMatch(
      /corpus.parquet, row 2, docid: .*found "a", which row 1 has/,
    )
    const whole = readFileSync(join(folder, file))
    const broken = { "queries.jsonl": queries, "qrels/test.tsv": qrels }
    expect(await refused({ ...broken, [file]: passages })).toMatch(
      /^UnreadableFile: corpus.parquet: it does not begin as Parquet/,
    )
    expect(await refused({ ...broken, [file]: whole.subarray(0, whole.length - 20) })).toMatch(
      /^UnreadableFile: corpus.parquet: DuckDB cannot read it/,
    )
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12\n`
    expect(await refused({ ...broken, [file]: pointer })).toMatch(/^UnreadableFile: corpus.parquet: .*Git LFS/)
  })
})

describe("ratings by the query's text", () => {
  const shop = {
    "corpus.jsonl": passages,
    "shop_ratings.csv":
      "query,docid,name,final_rating\nusb  c cable,d1,One,3\nusb c cable,d2,Two,0\nIpad,d2,Two,2\nipad,d1,Two,1\n",
  }
  const fields = { grade: "final_rating" }

  it("I163 make the queries: a qid is the text, white space squeezed, with _ for it", async () => {
    const taken = await read(shop, { fields })
    expect(rowsOf(taken)).toEqual({
      passages: same.passages,
      queries: ["Ipad|test|Ipad", "ipad|test|ipad", "usb_c_cable|test|usb c cable"],
      qrels: ["Ipad d2 2", "ipad d1 1", "usb_c_cable d1 3", "usb_c_cable d2 0"],
    })
  })

  it("I163 find their queries by the text where there is a file of them", async () => {
    const named = { ...shop, "queries.jsonl": '{"_id":"7","text":"usb c cable"}\n{"_id":"8","text":"ipad"}\n' }
    const taken = await read(named, { fields })
    expect(rowsOf(taken).qrels).toEqual(["7 d1 3", "7 d2 0", "8 d1 1"])
    expect(taken.warnings).toEqual(["1 judgements are of queries that no file has: left out"])
    const twice = { ...named, "queries.jsonl": '{"_id":"7","text":"ipad"}\n{"_id":"8","text":"ipad "}\n' }
    expect(await refused(twice, { fields })).toMatch(
      /shop_ratings.csv, line 5, query: expected the text of one query: 7 and 8 have it, found "ipad"/,
    )
  })

  it("I163 with a column of qids take them, and the texts are the queries'", async () => {
    const both = "query_id,query,product_id,label\n11,usb c,d1,1\n12,ipad,d2,0\n"
    expect(rowsOf(await read({ "corpus.jsonl": passages, "ratings.csv": both }))).toMatchObject({
      queries: ["11|test|usb c", "12|test|ipad"],
      qrels: ["11 d1 1", "12 d2 0"],
    })
  })

  it("I163 are refused where two texts have one id, where there is neither text nor file, and with other columns", async () => {
    const two = "query,docid,rating\nusb c,d1,1\nusb_c,d1,1\n"
    expect(await refused({ ...shop, "shop_ratings.csv": two })).toMatch(
      /shop_ratings.csv, line 3, query: expected a text whose identifier, usb_c, is its own; "usb c" has it too, found "usb_c"/,
    )
    expect(await refused({ ...shop, "shop_ratings.csv": "qid,docid,rating\n1,d1,1\n" })).toMatch(
      /^EmptyCollection: shop_ratings.csv: no text of query 1: it has qids, and no file has the queries/,
    )
    expect(await refused(shop, { fields: { grade: "stars" } })).toMatch(
      /shop_ratings.csv, line 1, the heading: expected a column stars, which ingest.fields.grade names, found the columns query, docid, name, final_rating/,
    )
    expect(await refused({ ...shop, "shop_ratings.csv": "query,product,final_rating\na,d1,1\n" })).toMatch(
      /expected a column with the docid \(.*, found the columns query, product, final_rating. Say which: --set ingest.fields.docid=NAME/,
    )
  })

  const chorus = "../shared/data/chorus-electronics"
  it.skipIf(!existsSync(chorus))("I163 of a real shop are its published judgements (needs ../shared)", async () => {
    const file = "Broad_Query_Set_individual_ratings.csv"
    const folder = folderOf({
      "corpus.jsonl.gz": readFileSync(join(chorus, "corpus.jsonl.gz")),
      [file]: readFileSync(join(chorus, "original", file)),
    })
    const taken = Either.getOrThrow(await ingestFolder(folder, { fields: { grade: "final_rating" } }))
    const published = Either.getOrThrow(await ingestFolder(chorus))
    const textOf = ({ queries: asked }: Ingested) => new Map(asked.map(({ qid, text }) => [qid, text]))
    const byText = (from: Ingested) => {
      const texts = textOf(from)
      return from.qrels.map(({ docid, grade, qid }) => `${texts.get(qid) ?? ""} ${docid} ${grade}`).sort()
    }
    expect(taken.queries.length).toBe(135)
    expect(byText(taken)).toEqual(byText(published))
  })
})
