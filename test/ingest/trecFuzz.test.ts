import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ingestFolder } from "./runIngest.ts"

/** RANKDAG_FUZZ=3000 runs the full count; the seed is fixed, so that a failure can be run again. */
const numRuns = Number(process.env["RANKDAG_FUZZ"] ?? 25)
const seed = 20_240_301

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rankdag-trec-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Words that stand for running text: no mutation makes one, so one that is there was there. */
const marks = (count: number, from: number) => Array.from({ length: count }, (_, i) => `kq${from + i}z`)

const documents = [1, 2, 3]
  .map((n) => {
    const [a, b, c, d, e, f] = marks(6, n * 10)
    return `<DOC>\n<DOCNO> A-${n} </DOCNO>\n<HEADLINE>\n${a} &amp; <b>${b}</b>\n</HEADLINE>\n<DATE>${c}</DATE>\n<TEXT>\n<P>\n${d} (p<0.05)\n</P>\n<!-- no -->\n${e} x="y" caf&eacute;\n</TEXT>\n<LP>${f}</LP>\n</DOC>\n`
  })
  .join("")

const topics = [1, 2, 3]
  .map((n) => {
    const [a, b, c, d] = marks(4, n * 10)
    return `<top>\n<num> Number: 30${n}\n<title> ${a} &amp; ${b}\n\n<desc> Description:\n(p<0.05) <i>${c}</i>\n\n<narr> Narrative:\n${d}\n</top>\n`
  })
  .join("")

const pieces = [
  "<",
  ">",
  "&",
  ";",
  "/",
  "!",
  "?",
  "-",
  '"',
  "'",
  "=",
  "\n",
  "\0",
  " ",
  "&#",
  "&#x",
  "&amp",
  "&lt;",
  "<!--",
  "-->",
  "<!",
  "</",
  "<p ",
  "<b>",
  "</b>",
  "<TEXT>",
  "</TEXT>",
  "<TITLE>",
  "<DOC>",
  "</DOC>",
  "<top>",
  "</top>",
  "<title>",
  "<desc>",
  "<![CDATA[",
  "]]>",
  "<script>",
  "</script>",
  "&hyph;",
  "<a b='",
  '<a b="',
  "\r",
  "\u00ad",
  "é",
  "😀",
  "<SO>",
  "</SO>",
  "<x/>",
  "<5",
  "<é",
]

/** A valid file with some pieces put in, and some characters or bytes replaced or removed. */
const mutated = (sample: string) =>
  fc
    .array(fc.tuple(fc.nat(), fc.constantFrom("put", "put", "put", "set", "cut"), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 5,
    })
    .map((edits) => {
      let bytes = Buffer.from(sample)
      for (const [where, what, value] of edits) {
        const at = where % (bytes.length + 1)
        const put = what === "put" ? Buffer.from(pieces[value % pieces.length] ?? "") : Buffer.from([value % 128])
        const behind = what === "put" ? at : what === "set" ? at + 1 : at + (value % 12)
        bytes = Buffer.concat([bytes.subarray(0, at), what === "cut" ? Buffer.alloc(0) : put, bytes.subarray(behind)])
      }
      return bytes
    })

/** The marks that are surely text: outside of everything that might be a tag, a comment, a script, read as widely as can be. */
const surelyText = (file: string): ReadonlyArray<string> =>
  file
    .replaceAll(/<!--[^]*?--!?>/g, " ")
    .replaceAll(/<(script|style)[^]*?<\/\1/gi, " ")
    .replaceAll(/<[a-z/!?](?:=\s*(?:"[^"]*"|'[^']*')|[^>])*>/gi, " ")
    .match(/kq\d+z/g) ?? []

const outcome = async (files: Readonly<Record<string, Uint8Array | string>>, settings = {}) => {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return ingestFolder(folder, settings)
}

const count = { whole: 0, told: 0, refused: 0 }

/** Either everything is there, or an error or a warning says what is not. */
const nothingLost = (
  file: Uint8Array,
  taken: Awaited<ReturnType<typeof outcome>>,
  said: (right: Ingested) => string,
) => {
  if (Either.isLeft(taken)) {
    expect(taken.left.message).toMatch(/docs\.trec|topics\.txt|qrels\.txt/)
    count.refused++
    return
  }
  const text = said(taken.right)
  const lost = surelyText(Buffer.from(file).toString()).filter((mark) => !text.includes(mark))
  if (lost.length === 0) count.whole++
  else {
    expect([lost, taken.right.warnings.join("; ")]).toEqual([lost, expect.stringMatching(/left out|taken whole/)])
    count.told++
  }
}
type Ingested = Either.Either.Right<Awaited<ReturnType<typeof outcome>>>

describe("TREC's files, damaged", () => {
  const plain = { "docs.trec": documents, "topics.txt": topics, "qrels.txt": "301 0 A-1 1\n302 0 A-2 1\n303 0 A-3 1\n" }

  it("I137 documents: no word of running text is lost unsaid", { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(mutated(documents), async (file) => {
        const taken = await outcome({ ...plain, "docs.trec": file })
        nothingLost(file, taken, ({ passages }) =>
          passages.map((row) => `${row.docid} ${row.title} ${row.text}`).join(" "),
        )
      }),
      { numRuns, seed },
    )
    if (numRuns > 1_000) console.log("documents", count)
  })

  it("I137 topics: no word of a field that is asked for is lost unsaid", { timeout: 3_600_000 }, async () => {
    Object.assign(count, { whole: 0, told: 0, refused: 0 })
    await fc.assert(
      fc.asyncProperty(mutated(topics), async (file) => {
        const taken = await outcome({ ...plain, "topics.txt": file }, { topics: "title+desc+narr" })
        nothingLost(file, taken, ({ queries }) => queries.map((row) => `${row.qid} ${row.text}`).join(" "))
      }),
      { numRuns, seed },
    )
    if (numRuns > 1_000) console.log("topics", count)
  })
})
