import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { openCatalog } from "../../cli/Catalog.ts"
import { fitted } from "../../cli/DisplayWidth.ts"
import { plainLine, renderQueryTable } from "../../cli/QueryTable.ts"
import { querySql } from "../../cli/SqlResult.ts"
import { rendered } from "../../cli/Terminal.ts"
import { layerDuckDb } from "../../pipeline/index.ts"
import { firstStages } from "../../stages/retrieve/index.ts"
import { dag, dagUnread, writeTinyCollection } from "../support/commandLine.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-results-"))
const collection = join(scratch, "tiny")
const store = join(scratch, "store")
const at = ["--artifacts", store]
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

// Several whole runs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const ask = (sql: string) =>
  Effect.runPromise(
    Effect.gen(function* () {
      return yield* querySql(yield* openCatalog(store), sql)
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
  )

const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

describe.sequential("the last run's results", () => {
  beforeAll(async () => {
    writeTinyCollection(collection)
    const made = await dag("--dataset", collection, ...at)
    expect(made.code, made.err).toBe(0)
  })

  const page = readFileSync(join(import.meta.dirname, "../../docs/sql.md"), "utf8")
  const questions = [...page.matchAll(/^## (\d+\. .+)\n+```sql\n([^`]+)```/gm)].map(([, name = "", sql = ""]) => ({
    name,
    sql,
  }))
  const besides = [...page.slice(page.indexOf("## And besides")).matchAll(/```sql\n([^`]+)```/g)].map(
    ([, sql = ""]) => sql,
  )

  it("L30 docs/sql.md has ten questions", () => {
    expect(questions.length).toBe(10)
    expect(besides.length).toBe(2)
  })

  it.each(questions)("L30 docs/sql.md: $name", async ({ sql }) => {
    expect((await ask(sql)).rows.length).toBeGreaterThan(0)
  })

  it("L30 docs/sql.md: and besides; its table of views is the catalog's", async () => {
    for (const sql of besides) expect((await ask(sql)).columns.length).toBeGreaterThan(2)
    const named = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    const { rows } = await ask("SELECT view_name FROM duckdb_views() WHERE database_name = 'rankdag' AND NOT internal")
    expect(named.toSorted()).toEqual(rows.flat().toSorted())
  })

  it("L31 provenance has every stage's key, settings, versions and time", async () => {
    const { rows } = await ask(
      "SELECT p.node, p.action_key = s.action_key, json_type(config), packages->>'duckdb' IS NOT NULL FROM provenance p JOIN stages s USING (node) ORDER BY node",
    )
    expect(rows.map(([node]) => node)).toContain("retrieve.bm25")
    for (const [, sameKey, type] of rows) expect([sameKey, type]).toEqual([true, "OBJECT"])
    const [k1] = (await ask("SELECT config->>'k1' FROM provenance WHERE node = 'retrieve.bm25'")).rows.flat()
    expect(k1).toBe("0.9")
  })

  it("L32 a run exported as JSON comes in again as a system with the same figures", async () => {
    const json = await dag("export", "run", "--system", "bm25", "--format", "json", ...at)
    expect(json.code, json.err).toBe(0)
    const run: Record<string, Record<string, number>> = JSON.parse(json.out)
    const { rows } = await ask(
      "SELECT qid, docid, score FROM runs JOIN queries USING (dataset, qid) WHERE system = 'bm25' AND split = 'test'",
    )
    expect(Object.keys(run)).toEqual(["q1", "q2"])
    expect(rows.length).toBe(Object.values(run).flatMap(Object.keys).length)
    for (const row of rows) {
      const [qid = "", docid = ""] = row.map(String)
      expect(run[qid]?.[docid]).toBe(row[2])
    }
    const file = join(scratch, "again.json")
    writeFileSync(file, json.out)
    const again = await dag(
      "--dataset",
      collection,
      "--run",
      `again=${file}`,
      ...["--artifacts", join(scratch, "other")],
      "--json",
    )
    const document: {
      systems: ReadonlyArray<{ system: string; split: string; measures: Record<string, number> }>
    } = JSON.parse(again.out)
    const figures = (system: string) =>
      document.systems.filter((row) => row.system === system && row.split === "test").map(({ measures }) => measures)
    expect(figures("again")).toEqual(figures("bm25"))
  })

  it("L33 judgements and scores are printed as trec_eval and ir_measures have them, with the line of all", async () => {
    expect((await dag("export", "qrels", ...at)).out).toBe("q1 0 d1 1\nq2 0 d5 2\nq2 0 d6 1\n")
    expect(lines((await dag("export", "qrels", "--format", "beir", "--split", "dev", ...at)).out)).toEqual([
      "query-id\tcorpus-id\tscore",
      "q3\td4\t1",
      "q4\td8\t1",
    ])
    const tsv = lines((await dag("export", "scores", "--system", "bm25", ...at)).out).map((line) => line.split("\t"))
    const { rows } = await ask(
      "SELECT measure, qid, value FROM scores WHERE system = 'bm25' AND split = 'test' ORDER BY ALL",
    )
    expect(tsv.filter(([, qid]) => qid !== "all").toSorted()).toEqual(rows.map((row) => row.map(String)).toSorted())
    const rr = rows.filter(([measure]) => measure === "RR@10").map(([, , value]) => Number(value))
    const all = tsv.find(([measure, qid]) => measure === "RR@10" && qid === "all")
    expect(Number(all?.[2])).toBe(rr.reduce((sum, value) => sum + value, 0) / rr.length)
    const every = lines((await dag("export", "scores", "--format", "ir-measures", ...at)).out).map((line) =>
      line.split("\t"),
    )
    expect(new Set(every.map(([system]) => system))).toEqual(
      new Set(firstStages.filter(({ bySettings }) => !bySettings).map(({ name }) => name)),
    )
    expect(every.every((cells) => cells.length === 4)).toBe(true)
  })

  it("L34 the table is exported for pages, papers and programs, with the figures of the last run", async () => {
    const csv = lines((await dag("export", "table", "--format", "csv", ...at)).out)
    expect(csv[0]).toBe("dataset,split,kind,system,queries,missing,RR@10,nDCG@5,nDCG@10,AP,R@100")
    expect(csv.filter((line) => line.startsWith("tiny,test,all,")).length).toBe(3)
    const latex = (await dag("export", "table", "--format", "latex", ...at)).out
    expect(latex).toContain("\\begin{tabular}{lrrrrr}")
    const markdown = (await dag("export", "table", ...at)).out
    expect(markdown).toMatch(/\*\*tiny · test · 2 queries\*\*/)
    expect(markdown).toMatch(/^\| bm25 \| 1\.0000 \|/m)
  })

  it("L53 a closed pipe ends any command in silence, with the code that the shell has for it", async () => {
    const commands = [
      ["sql", "select * from runs", "--format", "csv"],
      ["sql", "select * from range(3000000)", "--format", "json"],
      ["compare"],
      ["export", "run", "--system", "bm25"],
      ["export", "qrels"],
      ["export", "scores"],
      ["export", "table"],
      ["show", "--qid", "q2"],
      ["gc", "--dry-run"],
      ["verify"],
      ["lineage", "eval"],
      ["--target", "eval", "--dataset", collection, "--log", "json", "--json"],
    ]
    for (const command of [...commands, ["--help"], ["schema"]]) {
      const words = commands.includes(command) ? [...command, ...at] : command
      const ended = await dagUnread("stdout", ...words)
      expect([command, ended.code]).toEqual([command, 141])
      expect([command, ended.err.replaceAll(/^\{.*\}\n/gm, "")]).toEqual([command, ""])
    }
    expect(readdirSync(join(store, "locks"))).toEqual([])
    expect(readdirSync(join(store, "tmp"))).toEqual([])
  })

  it("L53 a run whose log nobody reads any more is ended and recorded, and what it had made is kept", async () => {
    const cut = join(scratch, "cut")
    expect((await dagUnread("stderr", "--dataset", collection, "--artifacts", cut)).code).toBe(141)
    const records = readdirSync(join(cut, "runs")).map((name) => readFileSync(join(cut, "runs", name), "utf8"))
    expect(records.map((text): unknown => JSON.parse(text))).toMatchObject([{ outcome: "interrupted" }])
    for (const folder of ["locks", "tmp"]) expect([folder, readdirSync(join(cut, folder))]).toEqual([folder, []])
    expect((await dag("--dataset", collection, "--artifacts", cut)).code).toBe(0)
  })

  it("L53 standard output that takes nothing is an error, a log that takes nothing is none", async () => {
    if (!existsSync("/dev/full")) return
    const full = (stream: string) =>
      promisify(execFile)("sh", [
        "-c",
        `"${process.execPath}" node_modules/tsx/dist/cli.mjs dag.ts verify --artifacts "$1" ${stream}`,
        "sh",
        store,
      ])
    await expect(full("> /dev/full")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^✗ Standard output cannot be written to: .*ENOSPC/),
    })
    await expect(full("2> /dev/full")).resolves.toMatchObject({ stderr: "" })
  })

  it("L35 show prints a query's rankings side by side, with grades, texts and moves, and without colour", async () => {
    const shown = await dag("show", "--qid", "q2", "--systems", "tfidf,bm25", ...at)
    expect(shown.code, shown.err).toBe(0)
    expect(shown.out).toMatch(/^quiet garden roses\nq2 · browse query of the test split$/m)
    expect(shown.out).not.toContain("\u001b")
    const { rows } = await ask(
      "SELECT a.rank, b.rank, docid FROM runs a JOIN runs b USING (dataset, qid, docid) WHERE qid = 'q2' AND a.system = 'tfidf' AND b.system = 'bm25'",
    )
    for (const [before, rank, docid] of rows.map((row) => row.map(String))) {
      const up = Number(before) - Number(rank)
      const move = up === 0 ? "=" : up > 0 ? `▲${up}` : `▼${-up}`
      expect(shown.out).toMatch(new RegExp(` ${rank} +\\S+ +${move} +${docid} `))
    }
    for (const word of [
      ["--qid", "q9"],
      ["--qid", "q2", "--systems", "bm52"],
      ["--qid", "q2", "--dataset", "tinny"],
    ]) {
      const wrong = await dag("show", ...word, ...at)
      expect(wrong.code).toBe(2)
      expect(wrong.err).toMatch(/Did you mean|there are: q1, q2/)
    }
  })
})

describe.sequential("several collections", () => {
  const [one, two] = [join(scratch, "one"), join(scratch, "two")]
  const both = ["--artifacts", join(scratch, "both")]

  it("L36 P12 two collections make a table each and one of both, and a page; compare goes on as the run began", async () => {
    writeTinyCollection(one)
    writeTinyCollection(two)
    const settings = [
      "statistics.weighting=datasets",
      'statistics.tests=["wilcoxon"]',
      "statistics.correction=bonferroni",
    ]
    const made = await dag(
      ...["--target", "eval", "--target", "report", "--dataset", `${one}:question`, "--dataset", `${two}:browse`],
      ...settings.flatMap((setting) => ["--set", setting]),
      ...both,
    )
    expect(made.code, made.err).toBe(0)
    expect(made.out).toContain("one · test")
    expect(made.out).toContain("two · test")
    expect(made.out).toContain("one + two (each collection weighs the same) · test")
    const page = readFileSync(join(scratch, "both", "latest", "report", "index.html"), "utf8")
    expect(page).toMatch(/<option[^>]*>one</)
    expect(page).toMatch(/<option[^>]*>two</)
    const together = /<section id="together".*?<\/section>/s.exec(page)?.[0] ?? ""
    expect(together).toContain("one table, in which each collection weighs the same")
    expect(together.match(/<table/g)).toHaveLength(3)
    expect(together).toContain("Means over 4 queries of one + two · test")
    expect(together).toContain("Wilcoxon’s signed-rank test, Bonferroni’s correction")

    const compared = await dag("compare", "--baseline", "tfidf", "--measure", "nDCG@10", ...both)
    expect(compared.code, compared.err).toBe(0)
    expect(compared.out).toContain("one + two · test")
    expect(compared.out).toContain("p Wilcoxon")
    expect(compared.out).toContain("Bonferroni's correction")
    expect(compared.out).toContain("each collection weighs the same")
    expect(compared.out).not.toContain("p t")
    const other = await dag("compare", "--test", "t", "--correction", "none", "--weighting", "queries", ...both)
    expect(other.out).not.toMatch(/Wilcoxon|Bonferroni|each collection/)

    const exported = await dag("export", "table", "--format", "markdown", ...both)
    expect(exported.out).toContain("one + two (each collection weighs the same) · test")

    const unnamed = await dag("show", "--qid", "q1", ...both)
    expect(unnamed.code).not.toBe(0)
    expect(unnamed.err).toContain("name one with --dataset")
  })
})

describe("a query in the terminal", () => {
  it("L35 a text does nothing to the terminal, and every column keeps its width", () => {
    expect(plainLine("a\u001b[31mred\u0007\n\u202eb\tc")).toBe("a [31mred b c")
    expect(fitted("abcdef", 4)).toBe("abc…")
    expect(fitted("ab", 4)).toBe("ab  ")
    expect(fitted("日本語の文", 6)).toBe("日本… ")
    const result = (rank: number, docid: string) => ({ rank, docid, grade: null, title: null, text: "x".repeat(200) })
    const answer = (system: string, docids: ReadonlyArray<string>) => ({
      system,
      results: docids.map((docid, at) => result(at + 1, docid)),
      ranks: new Map(docids.map((docid, at) => [docid, at + 1])),
      values: new Map([["AP", 0.5]]),
    })
    const query = { qid: "q", text: "t", kind: "browse", split: "test", measures: ["AP"] }
    const answers = [answer("one", ["a", "b", "c"]), answer("two", ["c", "a", "d"])]
    const shown = (colour: boolean) => rendered(renderQueryTable({ ...query, answers }, { width: 80, colour }))
    const text = shown(false)
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80)
    expect(text).toMatch(/ 1 +– +▲2 +c/)
    expect(text).toMatch(/ 2 +– +▼1 +a/)
    expect(text).toMatch(/ 3 +– +new +d/)
    expect(shown(true)).toContain("\u001b[32m")
  })
})
