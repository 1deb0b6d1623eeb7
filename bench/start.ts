// Claim: `--target eval` with nothing to do takes less than 1.5 s, whole process, and a fraction of what the same program takes
// without the launcher. Every command runs once in each round, so that noise meets all of them.
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const rounds = 7
const root = join(import.meta.dirname, "..")
const folder = mkdtempSync(join(tmpdir(), "rankdag-start-"))
const words = ["--target", "eval", "--artifacts", join(folder, "artifacts"), "--set", "ingest.passages=2000"]

writeFileSync(join(folder, "empty.ts"), "export {}")
writeFileSync(
  join(folder, "plain.ts"),
  `import { main } from ${JSON.stringify(join(root, "cli/main.ts"))}\nmain(process.argv.slice(2))`,
)

const commands = {
  "npx tsx, an empty file": [join(folder, "empty.ts")],
  "npx tsx dag.ts --target eval": [join(root, "dag.ts"), ...words],
  "npx tsx, the same without the launcher": [join(folder, "plain.ts"), ...words],
}

const measure = (script: ReadonlyArray<string>) => {
  const start = performance.now()
  const { status, stderr } = spawnSync("npx", ["tsx", ...script], { cwd: root, encoding: "utf8" })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - start
}

try {
  const first = measure(commands["npx tsx dag.ts --target eval"])
  console.log(`first run, with everything to do: ${(first / 1000).toFixed(2)} s`)
  // Files and artifacts that are two seconds old are relied on.
  await new Promise((done) => setTimeout(done, 2100))
  measure(commands["npx tsx dag.ts --target eval"])

  const times = new Map<string, Array<number>>()
  for (let round = 0; round < rounds; round++) {
    for (const [name, script] of Object.entries(commands)) {
      times.set(name, [...(times.get(name) ?? []), measure(script)])
    }
  }
  const seconds = (name: string, at: number) => {
    const sorted = (times.get(name) ?? []).toSorted((a, b) => a - b)
    return (sorted[Math.floor(at * (sorted.length - 1))] ?? Number.NaN) / 1000
  }
  console.log(`${"whole process, nothing to do".padEnd(42)}  least  median`)
  for (const name of times.keys()) {
    console.log(`${name.padEnd(42)} ${seconds(name, 0).toFixed(2)} s  ${seconds(name, 0.5).toFixed(2)} s`)
  }
  const [empty = "", launched = "", plain = ""] = times.keys()
  const ratio = (seconds(plain, 0.5) - seconds(empty, 0.5)) / (seconds(launched, 0.5) - seconds(empty, 0.5))
  console.log(`above an empty tsx, the launcher's start takes 1/${ratio.toFixed(1)} of the plain one's`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
