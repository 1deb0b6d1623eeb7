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

/** Seconds by the wall and of processor time, children included, as bash tells them: noise on the machine moves only the first. */
interface Seconds {
  readonly wall: number
  readonly processor: number
}

const measure = (script: ReadonlyArray<string>): Seconds => {
  const timed = ["-c", 'TIMEFORMAT="%R %U %S"; time npx tsx "$@" 2>/dev/null', "bash", ...script]
  const { status, stderr } = spawnSync("bash", timed, { cwd: root, encoding: "utf8" })
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN] = stderr.trim().split(" ").map(Number)
  if (status !== 0) throw new Error(`npx tsx ${script.join(" ")} failed: ${stderr}`)
  return { wall, processor: user + system }
}

try {
  const first = measure(commands["npx tsx dag.ts --target eval"])
  console.log(`first run, with everything to do: ${first.wall.toFixed(2)} s`)
  // Files and artifacts that are two seconds old are relied on.
  await new Promise((done) => setTimeout(done, 2100))
  measure(commands["npx tsx dag.ts --target eval"])

  const times = new Map<string, Array<Seconds>>()
  for (let round = 0; round < rounds; round++) {
    for (const [name, script] of Object.entries(commands)) {
      times.set(name, [...(times.get(name) ?? []), measure(script)])
    }
  }
  const least = (name: string, of: (each: Seconds) => number) => Math.min(...(times.get(name) ?? []).map(of))
  console.log(`${"whole process, nothing to do, least of 7".padEnd(42)}   wall  processor`)
  for (const name of times.keys()) {
    const [wall, processor] = [least(name, (each) => each.wall), least(name, (each) => each.processor)]
    console.log(`${name.padEnd(42)} ${wall.toFixed(2)} s     ${processor.toFixed(2)} s`)
  }
  const [empty = "", launched = "", plain = ""] = times.keys()
  const above = (name: string) => least(name, (each) => each.processor) - least(empty, (each) => each.processor)
  console.log(
    `processor time above an empty tsx: 1/${(above(plain) / above(launched)).toFixed(1)} of what it is without the launcher`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
