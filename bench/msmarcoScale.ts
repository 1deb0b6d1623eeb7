/**
 * Claim: at MS MARCO's size (8,841,823 passages), ingesting, indexing and retrieving the top 1000 for 6,980 queries stays
 * below 12 GiB resident at the peak. Times and the store's size are recorded. Linux (it reads /proc). Minutes, not seconds.
 *
 *     npm run bench msmarcoScale
 *     RANKDAG_BENCH_PASSAGES=1000000 RANKDAG_BENCH_ARTIFACTS=/elsewhere npm run bench msmarcoScale
 *
 * The program is run as a user runs it, a process for each target, so that each has its own peak: resident memory of the
 * process and of those it starts, looked at ten times a second.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Schema from "effect/Schema"

const passages = Number(process.env["RANKDAG_BENCH_PASSAGES"] ?? 8_841_823)
const kept = process.env["RANKDAG_BENCH_ARTIFACTS"]
const limitGiB = 12

const Document = Schema.parseJson(
  Schema.Struct({
    stages: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        status: Schema.String,
        seconds: Schema.Number,
        outputs: Schema.Record({
          key: Schema.String,
          value: Schema.Struct({ rows: Schema.optional(Schema.Number), bytes: Schema.Number }),
        }),
        facts: Schema.optional(Schema.Unknown),
      }),
    ),
  }),
)

/** Resident bytes of a process and its descendants. */
const resident = (root: number): number => {
  const parents = new Map<number, number>()
  const sizes = new Map<number, number>()
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8")
      parents.set(Number(name), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0))
      sizes.set(Number(name), Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024)
    } catch {
      // It ended meanwhile.
    }
  }
  const isOurs = (pid: number): boolean => pid === root || (parents.has(pid) && isOurs(parents.get(pid) ?? 0))
  let sum = 0
  for (const [pid, size] of sizes) if (isOurs(pid)) sum += size
  return sum
}

const run = (target: string, artifacts: string) =>
  new Promise<{ readonly stdout: string; readonly peak: number; readonly seconds: number }>((resolve, reject) => {
    const settings = {
      "ingest.passages": passages,
      "ingest.trainQuestions": 0,
      "ingest.trainBrowse": 0,
      "ingest.heldOutQuestions": 3_490,
      "ingest.heldOutBrowse": 0,
      "retrieve.systems": '["bm25"]',
      "retrieve.depth": 1000,
    }
    const sets = Object.entries(settings).flatMap(([path, value]) => ["--set", `${path}=${value}`])
    const args = ["--import", "tsx", "dag.ts", "--target", target, "--dataset", "synthetic", "--json", "--log", "plain"]
    const started = performance.now()
    const child = spawn(process.execPath, [...args, "--artifacts", artifacts, ...sets], {
      cwd: join(import.meta.dirname, ".."),
      stdio: ["ignore", "pipe", "inherit"],
    })
    let stdout = ""
    let peak = 0
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString()
    })
    const timer = setInterval(() => {
      if (child.pid !== undefined) peak = Math.max(peak, resident(child.pid))
    }, 100)
    child.on("close", (status) => {
      clearInterval(timer)
      if (status === 0) resolve({ stdout, peak, seconds: (performance.now() - started) / 1000 })
      else reject(new Error(`${target} ended with ${status}`))
    })
  })

const artifacts = kept ?? mkdtempSync(join(tmpdir(), "rankdag-bench-scale-"))
try {
  console.log(`${passages} synthetic passages`)
  const bytes = new Map<string, number>()
  for (const target of ["ingest.synthetic", "index", "retrieve"]) {
    const { stdout, peak, seconds } = await run(target, artifacts)
    for (const stage of Schema.decodeUnknownSync(Document)(stdout).stages) {
      for (const [name, output] of Object.entries(stage.outputs)) bytes.set(`${stage.name}/${name}`, output.bytes)
      if (stage.status === "hit") continue
      const rows = Object.entries(stage.outputs).map(([name, output]) => `${output.rows ?? "?"} ${name}`)
      console.log(
        `${stage.name}: ${stage.seconds.toFixed(1)} s; ${rows.join(", ")}; ${JSON.stringify(stage.facts ?? {})}`,
      )
    }
    const gib = peak / 2 ** 30
    console.log(`${target}: whole process ${seconds.toFixed(1)} s, peak resident ${gib.toFixed(2)} GiB`)
    if (gib > limitGiB) {
      console.error(`over the limit of ${limitGiB} GiB`)
      process.exitCode = 1
    }
  }
  const total = [...bytes.values()].reduce((sum, size) => sum + size, 0)
  for (const [name, size] of bytes) console.log(`${name}: ${(size / 1e6).toFixed(1)} MB`)
  console.log(`store: ${(total / 1e9).toFixed(2)} GB`)
} finally {
  if (kept === undefined) rmSync(artifacts, { recursive: true, force: true })
}
