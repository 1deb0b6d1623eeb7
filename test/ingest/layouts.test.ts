import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { Layout, recogniseLayout } from "../../stages/ingest/Layout.ts"
import { temporaryFolder } from "../support/storedTable.ts"

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
  it.each(Layout.fields.format.literals)("K42 %s is recognised by its files' names", (format) => {
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
