import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"

// Runs the benchmarks whose names begin with one of the arguments, all of them without any. Each is a process of its own, so
// that none inherits another's heap or warmed-up code.
const wanted = process.argv.slice(2)
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "index.ts")
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name)))
  .sort()

if (files.length === 0) {
  console.error(`No benchmark is named like ${wanted.join(", ")}.`)
  process.exitCode = 2
}
for (const file of files) {
  console.log(`\n## ${file}`)
  const { status } = spawnSync(process.execPath, ["--import", "tsx", join(import.meta.dirname, file)], {
    stdio: "inherit",
  })
  if (status !== 0) process.exitCode = 1
}
