// Claim: a node of 10,000 parts is planned, run and found in the store by one process of less than 300 MB. Whole processes: a dry run, a
// run whose parts have next to nothing to do (queries of BM25 over 300 passages, most parts none), a run that finds all of them, and a
// dry run of that. Another number of parts may follow: tsx bench/shards.ts 1000
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const [parts = 10_000] = process.argv.slice(2).map(Number)
const root = join(import.meta.dirname, "..")
const folder = mkdtempSync(join(tmpdir(), "rankdag-shards-"))
const used = join(folder, "used")
const hook = join(folder, "hook.cjs")
writeFileSync(
  hook,
  `process.on("exit", () => { const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage(); require("node:fs").appendFileSync(${JSON.stringify(used)}, [maxRSS / 1024, (systemCPUTime + userCPUTime) / 1e6].join(" ") + "\\n") })`,
)

/** Runs the program; megabytes of its largest process, and processor time of all. */
const measure = (name: string, code: number, ...words: ReadonlyArray<string>): void => {
  rmSync(used, { force: true })
  const start = performance.now()
  const sets = ['retrieve.systems=["bm25"]', `retrieve.shards=${parts}`, "ingest.passages=300", "retrieve.depth=10"]
  const asked = [
    "--quick",
    "--log",
    "plain",
    ...sets.flatMap((set) => ["--set", set]),
    "--artifacts",
    join(folder, "store"),
  ]
  const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "dag.ts", ...asked, ...words], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1e9,
    env: { ...process.env, NODE_OPTIONS: `--require ${hook}` },
  })
  const seconds = (performance.now() - start) / 1000
  if (status !== code) throw new Error(`${name} ended with ${status}: ${stderr.slice(-4000)}`)
  const processes = readFileSync(used, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number))
  const megabytes = Math.max(...processes.map(([most = 0]) => most))
  const processor = processes.reduce((sum, [, own = 0]) => sum + own, 0)
  console.log(
    `${name.padEnd(10)} ${seconds.toFixed(1)} s, processor ${processor.toFixed(1)} s (${((1000 * processor) / parts).toFixed(2)} ms a part), ${Math.round(megabytes)} MB`,
  )
}

try {
  measure("dry run", 10, "--dry-run")
  measure("run", 0)
  measure("hits", 0, "--assert-hit")
  measure("dry again", 0, "--dry-run")
} finally {
  rmSync(folder, { recursive: true, force: true })
}
