import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it, vi } from "vitest"
import { readSettings } from "../../cli/Settings.ts"
import { withoutComments } from "../../cli/withoutComments.ts"
import { dag, writeTinyCollection } from "../support/commandLine.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const home = temporaryFolder("cli-init")
const collection = join(home, "tiny")
const file = join(home, "experiment.json")
const at = ["--artifacts", join(home, "store")]
mkdirSync(collection)
writeTinyCollection(collection)

vi.setConfig({ testTimeout: 240_000 })

describe.sequential("a configuration to begin with", () => {
  it("L140 init says what a folder holds and lacks, and writes settings that a run takes", async () => {
    const made = await dag("init", collection, "--to", file, ...at)
    expect(made.code, made.err).toBe(0)
    const said = made.out.replaceAll(/ +/g, " ")
    expect(said).toContain("a collection in BEIR's layout")
    expect(said).toContain("\n passages 9 corpus.jsonl\n queries 4 queries.jsonl;")
    expect(said).toContain("\n judgements 5 qrels/dev.tsv (dev), qrels/test.tsv (test)")
    expect(said).toContain("\n splits train – · dev 2 · test 2 queries\n kinds question 2 · browse 2;")
    expect(said).toMatch(/\n missing train: nothing can be trained on it/)
    const text = readFileSync(file, "utf8")
    expect(text).toContain("    // How many of the run's results per query a reranker gets.\n")
    const read = (configFile: string) => Effect.runPromise(readSettings({ configFile, datasets: [], sets: [] }))
    const plain = await Effect.runPromise(readSettings({ datasets: [collection], sets: ["train.models=[]"] }))
    const { $schema, ...settings } = await read(file)
    expect(settings).toEqual(plain)
    expect(existsSync(join(home, $schema ?? ""))).toBe(true)
    const looked = await dag("--config", file, "--dry-run", ...at)
    expect(looked.out).toMatch(/^ingest +hit/m)
    expect((await dag("--config", file, ...at)).out).toContain("tiny · test")
  })

  it("L140 a file that is there is left alone unless forced", async () => {
    writeFileSync(file, "mine")
    const refused = await dag("init", collection, "--to", file, ...at)
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--force")])
    expect(readFileSync(file, "utf8")).toBe("mine")
    expect((await dag("init", collection, "--to", file, "--force", ...at)).code).toBe(0)
    expect(readFileSync(file, "utf8")).toContain('"datasets"')
  })

  it("L140 of a folder that is no collection it is said what it lacks, and nothing is written", async () => {
    const folder = join(home, "half")
    mkdirSync(folder)
    writeTinyCollection(folder)
    rmSync(join(folder, "qrels"), { recursive: true })
    const none = join(home, "none.json")
    const refused = await dag("init", folder, "--to", none, ...at)
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("no judgements found")])
    expect(existsSync(none)).toBe(false)
  })

  it("L141 comments in a configuration are passed over; what stands in strings is no comment", () => {
    const text = '{ // one\n  "a": "// \\" no /* comment */", /* two\n lines */ "b": 1 }\n// end'
    expect(JSON.parse(withoutComments(text))).toEqual({ a: '// " no /* comment */', b: 1 })
    expect(withoutComments(text).split("\n").length).toBe(text.split("\n").length)
    expect(withoutComments(text).length).toBe(text.length)
    const parsing = (each: string) => (): void => {
      JSON.parse(withoutComments(each))
    }
    expect(parsing('{ "a": 1 /* never closed }')).toThrow()
    expect(parsing('{ "a": 1 / 2 }')).toThrow()
  })
})
