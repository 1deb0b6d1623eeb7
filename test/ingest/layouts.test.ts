import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import { beforeAll, describe, expect, it } from "vitest"
import { DuckDb, duckDbPromise, layerDuckDb } from "../../pipeline/index.ts"
import { recogniseLayout } from "../../stages/ingest/Layout.ts"
import { forms, layoutNames } from "../../stages/ingest/read/forms/registry.ts"
import { temporaryFolder } from "../support/storedTable.ts"
import { read } from "./folders.ts"

/** A folder of each layout, small. One that has none fails the test. */
const folders: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  beir: {
    "corpus.jsonl": '{ "_id": "d1", "text": "bread" }\n',
    "queries.jsonl": '{ "_id": "q1", "text": "bread" }\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\n",
  },
  msmarco: {
    "collection.tsv": "d1\tbread\n",
    "queries.test.tsv": "q1\tbread\n",
    "qrels.test.tsv": "q1\t0\td1\t1\n",
  },
  trec: {
    "docs.trec": "<DOC>\n<DOCNO>d1</DOCNO>\n<TEXT>bread</TEXT>\n</DOC>\n",
    "topics.test.txt": "<top>\n<num> Number: 1\n<title> bread\n</top>\n",
    "qrels.test.txt": "1 0 d1 1\n",
  },
  table: {
    "corpus.csv": "docid,text\nd1,bread\n",
    "queries.csv": "qid,text\nq1,bread\n",
    "qrels.test.csv": "qid,docid,grade\nq1,d1,1\n",
  },
}

describe("the layouts of files", () => {
  it.each(layoutNames)("K42 %s is recognised by its files' names", (format) => {
    const folder = temporaryFolder("layout")
    const files = Object.entries(folders[format] ?? {})
    for (const [name, text] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const layout = recogniseLayout(folder)
    expect(layout.format).toBe(format)
    expect([...layout.corpus, ...layout.queries, ...layout.qrels.map(({ file }) => file)]).toEqual(
      files.map(([name]) => name),
    )
  })
})

/** One collection, each of its parts in each form that it may have: by the form's first ending, file and content (of Parquet, SQL). */
const written: Readonly<
  Record<string, { readonly [part in "passages" | "queries" | "qrels"]?: readonly [string, string] }>
> = {
  jsonl: {
    passages: ["corpus.jsonl", '{"_id":"d1","text":"first"}\n{"_id":"d2","text":"second"}\n'],
    queries: ["queries.jsonl", '{"_id":"q1","text":"what is it?"}\n'],
    qrels: [
      "qrels/test.jsonl",
      '{"query-id":"q1","corpus-id":"d1","score":2}\n{"query-id":"q1","corpus-id":"d2","score":0}\n',
    ],
  },
  csv: {
    passages: ["corpus.csv", "docid,text\nd1,first\nd2,second\n"],
    queries: ["queries.csv", "qid,text\nq1,what is it?\n"],
    qrels: ["qrels.test.csv", "qid,docid,grade\nq1,d1,2\nq1,d2,0\n"],
  },
  parquet: {
    passages: ["corpus.parquet", "SELECT * FROM (VALUES ('d1', 'first'), ('d2', 'second')) t(docid, text)"],
    queries: ["queries.parquet", "SELECT 'q1' AS qid, 'what is it?' AS text"],
    qrels: ["qrels/test.parquet", "SELECT * FROM (VALUES ('q1', 'd1', 2), ('q1', 'd2', 0)) t(qid, docid, grade)"],
  },
  tsv: {
    passages: ["collection.tsv", "d1\tfirst\nd2\tsecond\n"],
    qrels: ["qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n"],
  },
  json: { qrels: ["qrels.json", '{ "q1": { "d1": 2, "d2": 0 } }'] },
  txt: {
    passages: [
      "docs.trec",
      "<DOC>\n<DOCNO>d1</DOCNO>\n<TEXT>first</TEXT>\n</DOC>\n<DOC>\n<DOCNO>d2</DOCNO>\n<TEXT>second</TEXT>\n</DOC>\n",
    ],
    qrels: ["qrels.test.txt", "q1 0 d1 2\nq1 0 d2 0\n"],
  },
}

describe("the forms of files", () => {
  const binary = new Map<string, Uint8Array>()
  beforeAll(async () => {
    const folder = temporaryFolder("parquet")
    const tables = Object.values(written["parquet"] ?? {})
    await Effect.runPromise(
      Effect.gen(function* () {
        const connection = yield* (yield* DuckDb).connect
        for (const [name, sql] of tables) {
          const file = join(folder, name.replace("/", "-"))
          yield* duckDbPromise(connection, sql, () => connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet)`))
          binary.set(sql, readFileSync(file))
        }
      }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
    )
  })

  it("L173 a form's other endings are recognised as its first is, and no two forms share one", () => {
    const all = forms.flatMap(({ endings }) => endings)
    expect(new Set(all).size).toBe(all.length)
    for (const { endings, qrels } of forms) {
      for (const ending of qrels === undefined ? [] : endings) {
        const folder = temporaryFolder("ending")
        for (const name of ["corpus.jsonl", "queries.jsonl", `qrels.test.${ending}`])
          writeFileSync(join(folder, name), "")
        expect(recogniseLayout(folder).qrels).toEqual([{ split: "test", file: `qrels.test.${ending}` }])
      }
    }
  })

  const cases = forms.flatMap(({ endings: [ending = ""], ...form }) =>
    (["passages", "queries", "qrels"] as const).flatMap((part) =>
      form[part] === undefined ? [] : [[ending, part] as const],
    ),
  )
  it.each(cases)(
    "L173 .%s: its %s are recognised by the file's name and read as in any other form",
    async (ending, part) => {
      const [file = "", content = ""] = written[ending]?.[part] ?? []
      const usual = Object.entries(written["jsonl"] ?? {}).filter(([each]) => each !== part)
      const others = Object.fromEntries(usual.map(([, [name, text]]) => [name, text]))
      const taken = await read({ ...others, [file]: binary.get(content) ?? content })
      expect(taken.passages.map(({ docid, text }) => [docid, text])).toEqual([
        ["d1", "first"],
        ["d2", "second"],
      ])
      expect(taken.queries).toMatchObject([{ qid: "q1", text: "what is it?", split: "test" }])
      expect(taken.qrels.map(({ docid, grade, qid }) => [qid, docid, grade])).toEqual([
        ["q1", "d1", 2],
        ["q1", "d2", 0],
      ])
      expect(taken.warnings).toEqual([])
    },
  )
})
