// `npm run check`: its parts, two at a time, the longest first. What a part says is printed when it has ended, so that nothing mixes; one
// that fails is named at the end, and the others are run all the same.
import { spawn } from "node:child_process"

const parts = ["lint", "types", "docs", "page", "format"] as const
type Part = (typeof parts)[number]

const atOnce = 2

/** Runs a part; whether it found nothing. */
const passes = (part: Part): Promise<boolean> =>
  new Promise((done) => {
    const started = performance.now()
    const child = spawn("npm", ["run", "--silent", `check:${part}`], { stdio: ["ignore", "pipe", "pipe"] })
    const said: Array<Buffer> = []
    child.stdout.on("data", (data: Buffer) => said.push(data))
    child.stderr.on("data", (data: Buffer) => said.push(data))
    const end = (passed: boolean, why: string): void => {
      process.stdout.write(Buffer.concat(said))
      const seconds = Math.round((performance.now() - started) / 1000)
      process.stdout.write(`${passed ? "✓" : "✗"} check:${part}${why} (${seconds} s)\n`)
      done(passed)
    }
    child.on("error", (error) => end(false, `: ${error.message}`))
    child.on("close", (code, signal) => end(code === 0, code === 0 ? "" : `: ${signal ?? `exit code ${code}`}`))
  })

const failed: Array<Part> = []
const left = [...parts]
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let part = left.shift(); part !== undefined; part = left.shift()) if (!(await passes(part))) failed.push(part)
  }),
)
if (failed.length > 0) {
  process.stdout.write(`✗ ${failed.map((part) => `check:${part}`).join(", ")} failed\n`)
  process.exitCode = 1
}
