// Claim: a store of 2,000 runs with 20,000 objects is as quick as a new one: a start with nothing to do within 1.2 times,
// lineage, verify --fast and gc in seconds, in memory that does not grow with it. Whole processes, least of five. Another number of
// runs, and of rounds, may follow: tsx bench/store.ts 200 2
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import { actionKey } from "../pipeline/keys/index.ts"
import { contentHash } from "../pipeline/store/FolderContent.ts"
import { type Manifest, parseManifest } from "../pipeline/store/Manifest.ts"
import { parseRunRecord, type RunRecord } from "../pipeline/store/RunRecord.ts"
import { sealedRecord } from "../pipeline/store/SealedRecord.ts"

const [runs = 2000, rounds = 5] = process.argv.slice(2).map(Number)
const resultsPerRun = 10

const root = join(import.meta.dirname, "..")
const folder = mkdtempSync(join(tmpdir(), "rankdag-grown-"))
const small = ["--set", "ingest.passages=1000", "--set", "train.models=[]"]

/** A setting under which every stage has work to do. */
const asked = "ingest.seed=7"

interface Measured {
  readonly seconds: number
  /** Peak memory of the largest process, MB. */
  readonly megabytes: number
}

const peaks = join(folder, "peaks")
const hook = join(folder, "hook.cjs")
writeFileSync(
  hook,
  `process.on("exit", () => require("node:fs").appendFileSync(${JSON.stringify(peaks)}, process.resourceUsage().maxRSS + "\\n"))`,
)

/** Runs a command to its end. */
const measure = (...words: ReadonlyArray<string>): Measured => measureAs(0, ...words)

/** Runs a command that ends with a code. */
const measureAs = (code: number, ...words: ReadonlyArray<string>): Measured => {
  rmSync(peaks, { force: true })
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "dag.ts", ...words], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1e9,
    env: { ...process.env, NODE_OPTIONS: `--require ${hook}` },
  })
  const seconds = (performance.now() - start) / 1000
  if (status !== code) throw new Error(stderr)
  const kilobytes = readFileSync(peaks, "utf8").trim().split("\n").map(Number)
  return { seconds, megabytes: Math.max(...kilobytes) / 1024 }
}

const sha256 = (data: string): string => createHash("sha256").update(data).digest("hex")

const manifestsOf = (store: string): ReadonlyArray<Manifest> =>
  readdirSync(join(store, "manifests")).flatMap((stage) =>
    readdirSync(join(store, "manifests", stage)).flatMap((file) => {
      const text = readFileSync(join(store, "manifests", stage, file), "utf8")
      const read = Either.getOrUndefined(parseManifest(text, stage, file.replace(/\.json$/, "")))
      return read === undefined ? [] : [read.manifest]
    }),
  )

/** Adds runs to a store, each with results of its own: what real ones have, under another seed and with other bytes. */
const grow = (store: string): number => {
  const manifests = manifestsOf(store)
  const [name = ""] = readdirSync(join(store, "runs"))
  const record: RunRecord = Either.getOrThrow(parseRunRecord(readFileSync(join(store, "runs", name), "utf8")))
  let objects = 0
  for (let number = 0; number < runs; number++) {
    const at = new Date(Date.UTC(2020, 0, 1) + number * 3_600_000).toISOString()
    const run = `${at.replace(/[-:.Z]/g, "")}-${String(number).padStart(6, "0")}`
    const nodes: Array<RunRecord["nodes"][number]> = []
    for (let i = 0; i < resultsPerRun; i++) {
      const like = manifests[i % manifests.length]
      if (like === undefined) throw new Error("the small run stored nothing")
      const text = `result ${number}.${i}\n`
      const file = { path: "text.txt", bytes: text.length, sha256: sha256(text) }
      const hash = contentHash([file])
      const object = join(store, "objects", hash.slice(0, 2), hash)
      mkdirSync(object, { recursive: true })
      writeFileSync(join(object, file.path), text, { mode: 0o444 })
      objects++
      const key = { ...like.key, config: { like: like.key.config, seed: number * resultsPerRun + i } }
      const manifest: Manifest = {
        ...like,
        key,
        actionKey: actionKey(key),
        outputs: { text: { hash, bytes: text.length, files: [file] } },
        provenance: { ...like.provenance, run, at },
      }
      writeFileSync(
        join(store, "manifests", manifest.stage, `${manifest.actionKey}.json`),
        sealedRecord(JSON.stringify(manifest)),
      )
      const made = record.nodes.find((node) => node.stage === manifest.stage) ?? record.nodes[0]
      if (made === undefined) throw new Error("the small run has no nodes")
      nodes.push({
        ...made,
        stage: manifest.stage,
        key: manifest.actionKey,
        outputs: { text: { kind: "text", hash, bytes: text.length } },
      })
    }
    writeFileSync(join(store, "runs", `${run}.json`), sealedRecord(JSON.stringify({ ...record, run, at, nodes })))
  }
  return objects
}

try {
  const [fresh, grown] = [join(folder, "fresh"), join(folder, "grown")]
  for (const store of [fresh, grown]) measure(...small, "--artifacts", store)
  const start = performance.now()
  const objects = grow(grown)
  console.log(`made ${runs} runs with ${objects} objects in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  // Files and artifacts that are two seconds old are relied on.
  await new Promise((done) => setTimeout(done, 2100))
  const least = (...commands: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<Measured> => {
    const all = commands.map((): Array<Measured> => [])
    for (let round = 0; round < rounds; round++) {
      for (const [i, words] of commands.entries()) all[i]?.push(measureAs(words.includes(asked) ? 10 : 0, ...words))
    }
    return all.map((each) => each.reduce((best, next) => (next.seconds < best.seconds ? next : best)))
  }
  const tell = (what: string, [a, b]: ReadonlyArray<Measured>) => {
    if (a === undefined || b === undefined) return
    console.log(
      `${what.padEnd(32)} ${a.seconds.toFixed(2)} s → ${b.seconds.toFixed(2)} s, ${(b.seconds / a.seconds).toFixed(2)} ×; ${a.megabytes.toFixed(0)} MB → ${b.megabytes.toFixed(0)} MB`,
    )
  }
  console.log(`a new store → the grown one, whole process, least of ${rounds}`)
  const both = (...words: ReadonlyArray<string>) => [fresh, grown].map((store) => [...words, "--artifacts", store])
  tell("--target eval, nothing to do", least(...both(...small)))
  tell("lineage eval", least(...both("lineage", "eval")))
  tell("verify --fast", least(...both("verify", "--fast")))
  tell("verify", least(...both("verify")))
  tell("--dry-run, all to do", least(...both(...small, "--set", asked, "--dry-run")))
  tell("gc --dry-run", least(...both("gc", "--dry-run")))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
