import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { firstStages } from "../../stages/retrieve/index.ts"
import { dag, dagProcess, writeTinyCollection } from "../support/commandLine.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-cli-"))
const collection = join(scratch, "tiny")
const store = join(scratch, "store")
const on = ["--dataset", collection, "--artifacts", store]
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Runs the program in a process of its own, which knows nothing of what ran before but what the store says. */
const alone = (...words: ReadonlyArray<string>) => dagProcess(words)

/** Every path below a folder with what a change would change. */
const tree = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
        .sort()
        .map((path) => {
          const { size, mtimeMs, ino } = statSync(join(folder, path), { throwIfNoEntry: false }) ?? {}
          return [path, size, mtimeMs, ino].join(" ")
        })
    : []

interface Document {
  readonly target: string
  readonly dataset: string
  readonly systems: ReadonlyArray<{
    readonly system: string
    readonly split: string
    readonly kind: string
    readonly queries: number
    readonly missing: number
    readonly measures: Readonly<Record<string, number>>
  }>
  readonly stages: ReadonlyArray<{ readonly name: string; readonly status: string; readonly output: string }>
}

const parse = (text: string): Document => {
  const document: Document = JSON.parse(text)
  return document
}

describe.sequential("command line", () => {
  beforeAll(() => writeTinyCollection(collection))

  it("L10 a dry run and a graph of a store that is not there write nothing and exit with 10 and 0", async () => {
    const before = tree(scratch)
    const dry = await alone(...on, "--dry-run")
    expect(dry.out).toMatch(/^ingest +run +this stage never ran before$/m)
    expect(dry.out).toMatch(/^evaluate +undetermined +depends on what /m)
    expect(dry.code).toBe(10)
    const graph = await alone(...on, "--graph", "mermaid")
    expect(graph.code).toBe(0)
    expect(graph.out).toMatch(/^(flowchart|graph) /)
    expect(tree(scratch)).toEqual(before)
  })

  it("L5 with --json standard output is one document; L6 without a terminal each event is a plain line", async () => {
    const ended = await alone(...on, "--json")
    expect(ended.err).toMatch(/^✓ ingest +ran/m)
    // biome-ignore lint: the escape character is what must not be there
    expect(ended.err).not.toContain("\u001b")
    expect(ended.code).toBe(0)
    const document = parse(ended.out)
    expect(document.target).toBe("eval")
    expect(document.dataset).toBe("tiny")
    const bm25 = document.systems.find((row) => row.system === "bm25" && row.split === "test" && row.kind === "all")
    expect(bm25).toMatchObject({ queries: 2, missing: 0, measures: { "RR@10": 1, "R@100": 1 } })
    expect(document.stages.map(({ status }) => status)).not.toContain("hit")
    for (const { output } of document.stages) expect(output).toMatch(/^[0-9a-f]{64}$/)
  })

  it("C1 L4 a second run executes nothing, and --assert-hit and --dry-run agree", async () => {
    const again = await alone(...on, "--json", "--assert-hit", "--log", "json")
    expect(again.code).toBe(0)
    expect(new Set(parse(again.out).stages.map(({ status }) => status))).toEqual(new Set(["hit"]))
    for (const line of again.err.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("_tag")
    expect((await alone(...on, "--dry-run")).code).toBe(0)
  })

  it("K6 --explain names the setting that changed, and stages that do not read it are hits", async () => {
    const changed = await alone(...on, "--set", "retrieve.bm25.k1=1.2", "--json", "--explain")
    expect(changed.err).toMatch(/config\.k1: 0\.9 → 1\.2/)
    const status = new Map(parse(changed.out).stages.map((stage) => [stage.name, stage.status]))
    expect(status.get("ingest")).toBe("hit")
    expect(status.get("index")).toBe("hit")
    expect(status.get("retrieve.bm25")).toBe("ran")
    const back = await alone(...on, "--assert-hit")
    expect(back.code).toBe(0)
    expect(back.out).toContain("tiny · test")
  })

  it("L1 what is unknown is an error that suggests the nearest name", async () => {
    const option = await dag("--targe", "eval")
    expect(option).toMatchObject({ code: 2, out: "" })
    expect(option.err).toContain("«--target»")
    const target = await dag(...on, "--target", "retreive")
    expect(target.code).toBe(3)
    expect(target.err).toContain("Did you mean «retrieve")
    const forced = await dag(...on, "--force", "evaluat")
    expect(forced.code).toBe(3)
    expect(forced.err).toContain("«evaluate»")
    const setting = await dag(...on, "--set", "retrieve.bm25.kk=1")
    expect(setting.code).toBe(2)
    expect(setting.err).toMatch(/«retrieve\.bm25\.k1?»|«retrieve\.bm25\.b»/)
    const dataset = await dag("--dataset", join(scratch, "absent"), "--artifacts", store)
    expect(dataset.code).toBe(2)
    const measure = await dag(...on, "--set", 'evaluate.measures=["nDGC@10"]')
    expect(measure.code).toBe(2)
    expect(measure.err).toContain("nDCG")
  })

  it("L52 --version is one line", async () => {
    expect(await dag("--version")).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it("L8 SQL sees the last run, and another DuckDB client opens the catalog", async () => {
    const asked = await dag(
      "sql",
      "select system, measure, avg(value) as mean from scores where split = 'test' group by all order by all",
      "--artifacts",
      store,
      "--format",
      "csv",
    )
    expect(asked.code).toBe(0)
    expect(asked.out.split("\n")[0]).toBe("system,measure,mean")
    expect(asked.out).toMatch(/^bm25,RR@10,1$/m)
    const instance = await DuckDBInstance.create(join(store, "catalog.duckdb"), { access_mode: "READ_ONLY" })
    const connection = await instance.connect()
    await connection.run(`SET VARIABLE rankdag_store = '${store}/'`)
    const views = ["passages", "queries", "qrels", "runs", "candidates", "scores", "every_score", "stages"]
    for (const view of views) {
      const reader = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM ${view}`)
      expect([view, Number(reader.getRows()[0]?.[0]) > 0]).toEqual([view, true])
    }
    connection.closeSync()
    instance.closeSync()
    const wrong = await dag("sql", "select * from nowhere", "--artifacts", store)
    expect(wrong.code).toBe(2)
    expect(wrong.err).toContain("nowhere")
    expect(wrong.err).toContain("every_score")
    for (const sql of ["selec 1", "select x from runs", "drop view runs", "select cast('x' as int)"]) {
      expect([sql, (await dag("sql", sql, "--artifacts", store)).code]).toEqual([sql, 2])
    }
    // Files are not the statement's.
    expect((await dag("sql", "from '/nowhere.parquet'", "--artifacts", store)).code).toBe(1)
    const empty = await dag("sql", "select 1", "--artifacts", join(scratch, "no-store"))
    expect(empty.code).toBe(2)
  })

  it("L20 compare tests the last run's systems against any baselines, in a terminal's, a paper's or a program's format", async () => {
    const compare = (...words: ReadonlyArray<string>) => dag("compare", "--artifacts", store, ...words)
    const table = await compare("--baseline", "tfidf", "--measure", "ndcg_cut_10")
    expect(table.code).toBe(0)
    expect(table.out).toMatch(/^tiny · test$/m)
    expect(table.out).toMatch(/^all +nDCG@10 +tfidf +bm25 +2 /m)
    expect(table.out).toContain("Holm's correction over")
    // Two queries: no test separates anything, no interval says anything, and no mark is explained.
    expect(table.out).toMatch(/be told from tfidf on 2 queries|tie on 2 queries/)
    expect(table.out).not.toMatch(/scores highest|†/)
    expect(table.out).toContain("(none for 5 queries and fewer)")
    const json = await compare("--all-pairs", "--format", "json", "--split", "dev")
    const names = firstStages
      .filter(({ bySettings }) => !bySettings)
      .map(({ name }) => name)
      .toSorted()
    const rows: ReadonlyArray<{ test: string; baseline: string; system: string }> = JSON.parse(json.out)
    expect(new Set(rows.map(({ test, baseline, system }) => `${test} ${baseline} ${system}`))).toEqual(
      new Set(names.flatMap((first, at) => names.slice(at + 1).map((second) => `tukey ${first} ${second}`))),
    )
    const baseline = await compare("--baseline", "bm52")
    expect(baseline).toMatchObject({ code: 2, out: "" })
    expect(baseline.err).toContain("Did you mean «bm25»?")
    const measure = await compare("--measure", "nDCG@11")
    expect(measure.code).toBe(2)
    expect(measure.err).toContain("nDCG@10")
  })

  it("L9 an exported run has every result in full precision, ordered by rank", async () => {
    const exported = await dag(
      "export",
      "run",
      "--system",
      "bm25",
      "--split",
      "test",
      "--format",
      "trec",
      "--artifacts",
      store,
    )
    expect(exported.code).toBe(0)
    const lines = exported.out
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
    expect(lines.every((cells) => cells.length === 6 && cells[1] === "Q0" && cells[5] === "bm25")).toBe(true)
    expect(lines.find((cells) => cells[0] === "q1" && cells[3] === "1")?.[2]).toBe("d1")
    expect(new Set(lines.map(([qid]) => qid))).toEqual(new Set(["q1", "q2"]))
    const unknown = await dag("export", "run", "--system", "bm52", "--artifacts", store)
    expect(unknown.code).toBe(2)
    expect(unknown.err).toContain("«bm25»")
  })

  it("C55 verify notices a flipped byte, the next run names it and makes the result again", async () => {
    expect((await dag("verify", "--artifacts", store)).code).toBe(0)
    const latest = join(store, "latest/candidates")
    const file = join(latest, readdirSync(latest)[0]!)
    const bytes = readFileSync(file)
    bytes[20] = bytes[20]! ^ 1
    rmSync(file)
    writeFileSync(file, bytes)
    const verified = await dag("verify", "--artifacts", store)
    expect(verified.code).not.toBe(0)
    expect(verified.out).toContain("candidates")
    expect((await dag("verify", "--drop", "--artifacts", store)).code).toBe(0)
    const rerun = parse((await dag(...on, "--json")).out)
    expect(rerun.stages.find(({ name }) => name === "candidates")?.status).toBe("ran")
    expect(rerun.stages.find(({ name }) => name === "evaluate")?.status).toBe("hit")
  })

  it("C51 gc --dry-run says what would go and removes nothing; lineage reaches the user's files", async () => {
    const before = tree(join(store, "objects"))
    const gc = await dag("gc", "--dry-run", "--artifacts", store)
    expect(gc.code).toBe(0)
    expect(gc.out).toMatch(/kept for \d+ runs?/)
    expect(tree(join(store, "objects"))).toEqual(before)
    const lineage = await dag("lineage", "eval", "--artifacts", store)
    expect(lineage.code).toBe(0)
    expect(lineage.out).toContain("retrieve.bm25")
    expect(lineage.out).toContain("corpus.jsonl")
  })

  it.each(["SIGINT", "SIGHUP"] as const)(
    "L4 K25 %s ends a run, recorded, and leaves neither lock nor work area",
    async (signal) => {
      const interrupted = join(scratch, signal)
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, "../../node_modules/tsx/dist/cli.mjs"),
          join(import.meta.dirname, "../../dag.ts"),
          "--set",
          "ingest.passages=3000000",
          "--artifacts",
          interrupted,
        ],
        { cwd: join(import.meta.dirname, "../.."), stdio: ["ignore", "ignore", "pipe"], detached: true },
      )
      let err = ""
      const started = new Promise<void>((resolve) =>
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
          err += text
          if (err.includes("started")) resolve()
        }),
      )
      const ended = new Promise<number | null>((resolve) => child.on("close", resolve))
      await started
      // A terminal that closes tells all processes, also tsx, which ends at once.
      const pid = child.pid ?? Number.NaN
      process.kill(signal === "SIGHUP" ? -pid : pid, signal)
      expect(await ended).toBe(signal === "SIGHUP" ? null : 130)
      for (const folder of ["locks", "tmp", "objects"]) {
        expect([folder, readdirSync(join(interrupted, folder))]).toEqual([folder, []])
      }
      const [record = ""] = readdirSync(join(interrupted, "runs"))
      expect(JSON.parse(readFileSync(join(interrupted, "runs", record), "utf8"))).toMatchObject({
        outcome: "interrupted",
      })
    },
  )
})
