import { execFile } from "node:child_process"
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { buildCode } from "../../packaging/buildCode.ts"
import { firstStages } from "../../stages/retrieve/index.ts"
import { dagProcess } from "../support/commandLine.ts"
import { fixtures, writeVocabulary } from "../support/smallModels.ts"

const root = join(import.meta.dirname, "../..")
const consumer = realpathSync(mkdtempSync(join(tmpdir(), "rankdag-package-")))
const installed = join(consumer, "node_modules/rankdag")

afterAll(() => rmSync(consumer, { recursive: true, force: true }))

const run = (file: string, words: ReadonlyArray<string>, cwd = consumer) =>
  promisify(execFile)(file, words, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 })

const node = (...words: ReadonlyArray<string>) => run(process.execPath, words)

/** The programs of docs/LIBRARY.md, by the name behind their language. */
const programs = new Map(
  [...readFileSync(join(root, "docs/LIBRARY.md"), "utf8").matchAll(/^```js (\S+)\n([\s\S]*?)^```$/gm)].map(
    ([, name = "", text = ""]) => [name, text] as const,
  ),
)

const settings = ["ingest.passages=500", "ingest.heldOutQuestions=20", "ingest.heldOutBrowse=20"]
  .concat(["ingest.trainQuestions=20", "ingest.trainBrowse=20", "train.models=[]"])
  .flatMap((set) => ["--set", set])

// As npm packs it, unpacked, its dependencies beside it as npm would lay them; what `prepack` builds is built of the unpacked sources.
beforeAll(async () => {
  const { stdout } = await run(
    "npm",
    ["pack", "--ignore-scripts", "--json", "--loglevel=error", "--pack-destination", consumer],
    root,
  )
  const [packed]: ReadonlyArray<{ readonly filename: string }> = JSON.parse(stdout)
  await run("tar", ["-xzf", packed?.filename ?? ""])
  mkdirSync(join(consumer, "node_modules"))
  cpSync(join(consumer, "package"), installed, { recursive: true })
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(consumer, "node_modules", name))
  }
  await buildCode(installed, join(installed, "dist"))
  for (const [name, text] of programs) writeFileSync(join(consumer, name), text)
}, 120_000)

describe("the package", () => {
  it("L100 the command of an installed package runs, and its results have the keys that a checkout gives them", async () => {
    const { stdout } = await node(join(installed, "dist/rankdag.mjs"), "--target", "eval", ...settings, "--json")
    const { systems }: { readonly systems: ReadonlyArray<{ readonly system: string }> } = JSON.parse(stdout)
    expect(new Set(systems.map(({ system }) => system))).toEqual(
      new Set(firstStages.filter(({ bySettings }) => !bySettings).map(({ name }) => name)),
    )
    // Kept for the next start, as a checkout's is.
    expect(readdirSync(join(installed, "node_modules/.cache"))).toEqual(["rankdag"])
    const again = await dagProcess(["--target", "eval", ...settings, "--assert-hit"], { cwd: consumer })
    expect(again.code, again.err).toBe(0)
  })

  it("L101 the programs of docs/LIBRARY.md run", async () => {
    expect([...programs.keys()]).toEqual(["two-runs.mjs", "search.mjs", "experiment.mjs"])
    writeFileSync(join(consumer, "qrels.txt"), "q1 0 a 1\nq1 0 b 0\nq2 0 c 2\n")
    writeFileSync(join(consumer, "before.run"), "q1 Q0 b 1 2.0 x\nq1 Q0 a 2 1.0 x\nq2 Q0 c 1 1.0 x\n")
    writeFileSync(join(consumer, "after.run"), "q1 Q0 a 1 2.0 x\n")
    const compared = await node("two-runs.mjs")
    // trec_eval: 1 / log2(3) for q1 before, and 1 for q2; after, 1 and nothing.
    expect(compared.stdout.split("\n")[0]).toBe("nDCG@10  0.8155 → 0.5000  -0.3155  p 1.0000")
    expect(compared.stdout).toContain("1 queries without result count as 0")

    const found = await node("search.mjs")
    expect(found.stdout.split("\n").map((line) => line.replace(/ \S+$/, ""))).toEqual([
      "ship leav",
      "1. harbour",
      "2. market",
      "",
    ])

    cpSync(join(fixtures, "bert-cross"), join(consumer, "model"), { recursive: true })
    writeVocabulary(join(consumer, "model"))
    const { stdout } = await node("experiment.mjs")
    expect(stdout).toContain("synthetic · test")
    expect(stdout.trimEnd().split("\n").slice(-5).join("\n")).toMatch(/^(?:\S+ -?\d+\.\d{4}\n?){5}$/)
  })

  it("L102 where the package's folder cannot be written, the command starts from what was built with it", async () => {
    const cache = join(installed, "node_modules")
    rmSync(cache, { recursive: true, force: true })
    writeFileSync(cache, "")
    try {
      const { stdout } = await node(join(installed, "dist/rankdag.mjs"), "--target", "eval", ...settings, "--dry-run")
      expect(stdout).toMatch(/evaluate +hit/)
    } finally {
      rmSync(cache)
    }
  })

  it("L103 a source that was changed after the package was built is noticed", async () => {
    const source = join(installed, "stages/evaluate/evaluate.ts")
    const before = readFileSync(source, "utf8")
    writeFileSync(source, before.replace("const JUDGED_RANKS = 10", "const JUDGED_RANKS = 20"))
    writeFileSync(
      join(consumer, "changed.mjs"),
      `import { runExperiment } from "rankdag"
       const ingest = { passages: 500, trainQuestions: 20, trainBrowse: 20, heldOutQuestions: 20, heldOutBrowse: 20 }
       await runExperiment({ settings: { ingest, train: { models: [] } } }).catch(({ failures: [{ error }] }) =>
         console.log(error._tag, error.message))`,
    )
    try {
      const { stdout } = await node("changed.mjs")
      expect(stdout).toMatch(/^EditedSinceStartError .*stages\/evaluate\/evaluate\.ts, which stage «evaluate» runs/)
    } finally {
      writeFileSync(source, before)
    }
  })
})
