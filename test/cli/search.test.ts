import { spawn } from "node:child_process"
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it, vi } from "vitest"
import { dag, writeTinyCollection } from "../support/commandLine.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const home = temporaryFolder("cli-search")
const collection = join(home, "tiny")
const store = join(home, "store")
const root = join(import.meta.dirname, "../..")
const given = join(home, "given.trec")

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

interface Found {
  readonly rank: number
  readonly docid: string
  readonly score: number
  readonly grade: number | null
  readonly text: string
}

interface Document {
  readonly query: string
  readonly qid: string | null
  readonly answers: ReadonlyArray<{
    readonly system: string
    readonly seconds: number
    readonly results: ReadonlyArray<Found>
  }>
  readonly unanswered: ReadonlyArray<{ readonly system: string; readonly why: string }>
}

const search = async (...words: ReadonlyArray<string>): Promise<Document> => {
  const ended = await dag("search", ...words, "--json", "--artifacts", store)
  expect(ended.code, ended.err).toBe(0)
  const document: Document = JSON.parse(ended.out)
  return document
}

/** `search` with these lines on standard input. */
const session = (input: string, ...words: ReadonlyArray<string>): Promise<{ code: number | null; out: string }> =>
  new Promise((done, failed) => {
    const tsx = join(root, "node_modules/tsx/dist/cli.mjs")
    const child = spawn(process.execPath, [tsx, join(root, "dag.ts"), "search", ...words, "--artifacts", store], {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"],
    })
    let out = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
    child.on("error", failed)
    child.on("close", (code) => done({ code, out }))
    child.stdin.end(input)
  })

/** Every file of the store, to see that nothing is written to it. */
const filesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()

describe.sequential("a query that is typed", () => {
  beforeAll(async () => {
    mkdirSync(collection)
    writeTinyCollection(collection)
    const models = [
      { source: smallModel("bert-cross", "cross"), name: "cross", maximumTokens: 60 },
      { source: smallModel("bert", "vectors"), name: "vectors", head: "embedding", maximumTokens: 60 },
    ]
    const fuse = [
      { name: "rrf", systems: ["bm25", "cross"], method: "rrf" },
      { name: "sum", systems: ["tfidf", "vectors", "wink-bm25"], method: "weighted", normalise: "min-max" },
    ]
    const made = await dag(
      ...["--dataset", collection, "--device", "cpu", "--artifacts", store],
      ...["--set", `rerank.models=${JSON.stringify(models)}`, "--set", "rerank.interpolate.enabled=true"],
      ...["--set", `fuse=${JSON.stringify(fuse)}`, "--set", "candidates.depth=4"],
    )
    expect(made.code, made.err).toBe(0)
  })

  it("L120 a stored query that is typed gives every system's stored ranking, with its grades", async () => {
    const before = filesOf(store)
    const run = await dag(
      "sql",
      "select system, docid, score from runs where qid = 'q2' order by system, rank",
      ...["--format", "json", "--artifacts", store],
    )
    const rows: ReadonlyArray<{ system: string; docid: string; score: number }> = JSON.parse(run.out)
    const found = await search("quiet garden roses", "--k", "1000")
    const systems = ["tfidf", "wink-bm25", "bm25", "cross", "vectors", "cross+bm25", "vectors+bm25", "rrf", "sum"]
    expect(found.answers.map(({ system }) => system)).toEqual(systems)
    expect([found.qid, found.unanswered]).toEqual(["q2", []])
    for (const { results, seconds, system } of found.answers) {
      const stored = rows.filter((row) => row.system === system)
      expect([system, results.map(({ docid }) => docid)]).toEqual([system, stored.map(({ docid }) => docid)])
      expect(stored.length).toBeGreaterThan(1)
      results.forEach(({ grade, docid, rank, score }, at) => {
        expect(rank).toBe(at + 1)
        expect(Math.abs(score - stored[at]!.score)).toBeLessThan(1e-5)
        expect(grade).toBe({ d5: 2, d6: 1 }[docid] ?? null)
      })
      expect(seconds).toBeGreaterThan(0)
    }
    expect(filesOf(store)).toEqual(before)
  })

  it("L120 any text is ranked by the systems that are named, side by side, without grades where nobody judged", async () => {
    const found = await search("fresh BREAD by the river", "--system", "cross", "--system", "bm25", "--k", "2")
    expect([found.qid, found.answers.map(({ system }) => system)]).toEqual([null, ["cross", "bm25"]])
    const [cross, bm25] = found.answers
    expect(bm25?.results.map(({ docid }) => docid)).toContain("d3")
    expect(cross?.results.length).toBe(2)
    expect(cross?.results.every(({ grade, text }) => grade === null && text !== "")).toBe(true)
    const shown = await dag(
      "search",
      "quiet garden roses",
      "--system",
      "bm25",
      "--system",
      "cross",
      "--artifacts",
      store,
    )
    expect(shown.out).toMatch(/^quiet garden roses · judged as q2\n\nbm25 · \d+ m?s +cross · /)
    expect(shown.out).toMatch(/^ {2}1 +[12] +\d+\.\d{4} {2}d[56] .* {2}1 +\S+ +-?\d+\.\d{4} {2}d/m)
  })

  it("L121 standard input is a session: a line a query, an answer a line as JSON", async () => {
    const { code, out } = await session("bread museum\n\n  zzz \nriver\n", "--system", "bm25", "--json")
    expect(code).toBe(0)
    const documents: ReadonlyArray<Document> = out
      .trimEnd()
      .split("\n")
      .map((line): Document => {
        const document: Document = JSON.parse(line)
        return document
      })
    expect(documents.map(({ query }) => query)).toEqual(["bread museum", "zzz", "river"])
    expect(documents.map(({ answers }) => answers[0]?.results.length)).toEqual([2, 0, 2])
  })

  it("N574 that a typed query was shortened is told", async () => {
    const long = await dag("search", "bread ".repeat(80), "--system", "cross", "--artifacts", store)
    expect([long.code, long.err]).toEqual([0, expect.stringMatching(/^! cross: the query is too long for 60 tokens/m)])
  })

  it("I202 where documents were split, a typed query is ranked as the run ranked it: over passages, folded", async () => {
    const split = join(home, "split")
    const models = [{ source: smallModel("bert-cross", "cross"), name: "cross", maximumTokens: 60 }]
    const made = await dag(
      ...["--dataset", collection, "--device", "cpu", "--artifacts", split, "--set", 'retrieve.systems=["bm25"]'],
      ...["--set", `rerank.models=${JSON.stringify(models)}`, "--set", "rerank.interpolate.enabled=true"],
      ...["--set", "candidates.depth=3", "--set", "passages.window=3", "--set", "train.models=[]"],
    )
    expect(made.code, made.err).toBe(0)
    expect(made.out).toContain("results are documents, the score of each is its best passage's")
    const run = await dag(
      "sql",
      "select system, docid, score from runs where qid = 'q2' order by system, rank",
      ...["--format", "json", "--artifacts", split],
    )
    const rows: ReadonlyArray<{ system: string; docid: string; score: number }> = JSON.parse(run.out)
    const found = await dag("search", "quiet garden roses", "--json", "--artifacts", split)
    expect(found.code, found.err).toBe(0)
    const { answers }: Document = JSON.parse(found.out)
    expect(answers.map(({ system }) => system)).toEqual(["bm25", "cross", "cross+bm25"])
    for (const { results, system } of answers) {
      const stored = rows.filter((row) => row.system === system)
      expect([system, results.map(({ docid }) => docid)]).toEqual([system, stored.map(({ docid }) => docid)])
      expect(stored.length).toBeGreaterThan(0)
      results.forEach(({ score, text }, at) => {
        expect(Math.abs(score - stored[at]!.score)).toBeLessThan(1e-5)
        // The document's own text.
        expect(text.split(" ").length).toBeGreaterThan(3)
      })
    }
  })

  it("L123 first stages by vectors, by expanded queries and by words between white space, and several together, are asked as BM25 is", async () => {
    const wide = join(home, "wide")
    const kinds = join(home, "kinds")
    mkdirSync(wide)
    writeTinyCollection(wide)
    // Terms of a tenth of the passages at most are feedback.
    const others = Array.from({ length: 30 }, (_, at) => ({ _id: `x${at}`, title: "", text: `filling number ${at}` }))
    appendFileSync(join(wide, "corpus.jsonl"), others.map((row) => `${JSON.stringify(row)}\n`).join(""))
    const weights = [
      ["d5", { quiet: 1.5, roses: 0.5 }],
      ["d6", { quiet: 0.25, garden: 2.125 }],
      ["d9", { nothing: 1 }],
    ].map(([id, vector]) => `${JSON.stringify({ id, vector })}\n`)
    const learned = join(home, "learned.jsonl")
    writeFileSync(learned, weights.join(""))
    const [vectors, cross] = [smallModel("bert", "vectors"), smallModel("bert-cross", "cross")]
    const made = await dag(
      ...["--dataset", wide, "--device", "cpu", "--artifacts", kinds, "--set", 'retrieve.systems=["bm25"]'],
      ...["--set", `retrieve.dense=${JSON.stringify([{ source: vectors, head: "embedding", maximumTokens: 60 }])}`],
      ...["--set", "retrieve.rm3.enabled=true", "--set", "retrieve.rocchio.enabled=true"],
      ...["--set", `retrieve.sparse.vectors=${learned}`, "--set", 'candidates.union=["bm25","dense"]'],
      ...["--set", `rerank.models=${JSON.stringify([{ source: cross, name: "cross", maximumTokens: 60 }])}`],
      ...["--set", "candidates.depth=3", "--set", "train.models=[]"],
    )
    expect(made.code, made.err).toBe(0)
    const run = await dag(
      "sql",
      "select system, docid, score from runs where qid = 'q2' order by system, rank",
      ...["--format", "json", "--artifacts", kinds],
    )
    const rows: ReadonlyArray<{ system: string; docid: string; score: number }> = JSON.parse(run.out)
    const found = await dag("search", "quiet garden roses", "--json", "--k", "100", "--artifacts", kinds)
    expect(found.code, found.err).toBe(0)
    const { answers, unanswered }: Document = JSON.parse(found.out)
    expect(unanswered).toEqual([])
    const systems = ["bm25", "bm25+rm3", "bm25+rocchio", "dense", "sparse", "cross"]
    expect(answers.map(({ system }) => system).toSorted()).toEqual(systems.toSorted())
    for (const { results, system } of answers) {
      const stored = rows.filter((row) => row.system === system)
      expect([system, results.map(({ docid }) => docid)]).toEqual([system, stored.map(({ docid }) => docid)])
      expect(stored.length).toBeGreaterThan(1)
      for (const [at, { score }] of results.entries()) expect(Math.abs(score - stored[at]!.score)).toBeLessThan(1e-5)
    }
  })

  it("L122 a system that cannot be asked is told with the reason, and is an error where it is named", async () => {
    const lines = await dag("export", "run", "--system", "bm25", "--artifacts", store)
    writeFileSync(given, lines.out)
    const other = join(home, "other")
    const [weights, asked] = [join(home, "weights.jsonl"), join(home, "asked.jsonl")]
    const line = (id: string) => `${JSON.stringify({ id, vector: { river: 1 } })}\n`
    writeFileSync(weights, line("d6"))
    writeFileSync(asked, ["q1", "q2", "q3", "q4"].map(line).join(""))
    const small = [
      ...["--dataset", collection, "--set", 'retrieve.systems=["bm25"]', "--set", "train.models=[]"],
      ...["--set", `retrieve.sparse.vectors=${weights}`, "--set", `retrieve.sparse.queries=${asked}`],
    ]
    const made = await dag(...small, "--run", `given=${given}`, "--artifacts", other)
    expect(made.code, made.err).toBe(0)
    const all = await dag("search", "river", "--artifacts", other)
    expect([all.code, all.out]).toEqual([0, expect.stringMatching(/\ngiven cannot be asked: .* another tool/)])
    expect(all.out).toMatch(/\nsparse cannot be asked: the weights of its queries were made elsewhere/)
    const named = await dag("search", "river", "--system", "given", "--artifacts", other)
    expect([named.code, named.err]).toEqual([2, expect.stringContaining("given cannot be asked")])
    const unknown = await dag("search", "river", "--system", "bm52", "--artifacts", other)
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("«bm25»")])
    rmSync(join(other, "latest", "index"), { recursive: true, force: true })
    rmSync(join(other, "objects"), { recursive: true, force: true })
    const gone = await dag("search", "river", "--system", "bm25", "--artifacts", other)
    expect(gone.code).not.toBe(0)
  })
})
