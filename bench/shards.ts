// Claim: what a node of 10,000 parts costs beside the parts' own work grows with their number and no faster: a few milliseconds of
// processor time a part, so that parts of half a minute on a hundred workers take less than 5 % of a core, and less than 300 MB in all.
// Each measure is a process of its own: a preview, a run whose parts write a few bytes, a run that finds them, a preview of that, and a
// run whose parts others make, a hundred at a time; where there are PostgreSQL, pg-boss and Node.js 22.12, also a run that has them made over a
// database. Another number of parts may follow: tsx bench/shards.ts 1000
import { spawn, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { makeRunDisplay } from "../cli/RunDisplay.ts"
import { asked, makeQueues, openBoss, PostgresTask } from "../pipeline/execute/PgBoss.ts"
import {
  ArtifactStore,
  type Executor,
  hintsFileOf,
  layerArtifactStore,
  layerDuckDb,
  layerFingerprint,
  makePlan,
  onPostgres,
  preview,
  projectRoot,
  run,
  stage,
} from "../pipeline/index.ts"
import { Permits } from "../pipeline/run/Permits.ts"
import { artifactKind } from "../schemas/index.ts"

const modes = ["preview", "run", "hits", "preview again", "elsewhere"] as const
const [first = "10000", mode, folder = "", address = ""] = process.argv.slice(2)
const parts = Number(first)

const small = stage({
  name: "small",
  config: Schema.Struct({ shards: Schema.Int }),
  inputs: {},
  outputs: { text: artifactKind("text") },
  // For key documents as large as a reranking's.
  code: "stages/rerank/rerank.ts",
  load: async () => ({
    run: ({ outputs, shard }) =>
      Effect.sync(() => {
        writeFileSync(join(outputs.text, "text"), `${shard?.part ?? 0}`)
        return { facts: { texts: 1 } }
      }),
  }),
  split: {
    shards: ({ shards }) => shards,
    code: "stages/rerank/joinRuns.ts",
    load: async () => ({
      merge: ({ facts, outputs }) =>
        Effect.sync(() => {
          writeFileSync(join(outputs.text, "text"), `${facts.length}`)
          return {}
        }),
    }),
  },
})

/** How many tasks are at work at once elsewhere, and for how long each; milliseconds. */
const [workers, each] = [100, 200]

/** As if others had made what is stored: what a run does whose tasks are made elsewhere, but for asking for them. */
const elsewhere: Executor = ({ emit, store }) =>
  Effect.sync(() => {
    const free = new Permits(workers)
    return ({ key, node }) =>
      Effect.gen(function* () {
        emit({ _tag: "NodeStarted", node: node.name, reason: { _tag: "Forced" } })
        yield* Effect.sleep(each)
        const found = yield* store.lookup(node.stage.name, key, "sizes")
        if (found._tag !== "Found") return yield* Effect.die(`${node.name} is not stored`)
        return {
          _tag: "Made" as const,
          manifest: found.manifest,
          isLocal: true,
          reason: { _tag: "Forced" as const },
          seconds: each / 1000,
        }
      }).pipe(free.withPermits(1))
  })

/** What is held, megabytes, once what is not has been collected. */
const heldMegabytes = (): number => {
  setFlagsFromString("--expose-gc")
  runInNewContext("gc()")
  return Math.round(process.memoryUsage().heapUsed / 1e6)
}

/** One measure, in this process. */
const measured = async (): Promise<void> => {
  const started = performance.now()
  const plan = Either.getOrThrow(makePlan({ eval: small({ shards: parts }, {}).text }))
  const display = makeRunDisplay("plain", { write: () => true, columns: 100 })
  /** Before it is looked what of it is held. */
  let peak = 0
  let held = 0
  const look = (): void => {
    peak = Math.round(process.resourceUsage().maxRSS / 1024)
    held = heldMegabytes()
  }
  const program = Effect.gen(function* () {
    if (mode?.startsWith("preview")) {
      const previews = yield* preview(plan)
      look()
      return previews.map(({ status }): string => status)
    }
    const report = yield* run(plan, {
      onEvent: (event) => {
        display.onEvent(event)
        if (event._tag === "RunFinished") look()
      },
      ...(mode === "elsewhere" ? { executor: elsewhere, force: ["small"] } : {}),
      ...(mode === "postgres" ? { executor: onPostgres({ address, environment: process.env }, {}) } : {}),
    })
    return report.nodes.map(({ status }): string => status)
  })
  const services = Layer.mergeAll(
    layerArtifactStore(folder),
    layerDuckDb(),
    layerFingerprint({ projectRoot, hintsFile: hintsFileOf(folder) }),
  )
  const statuses = await Effect.runPromise(program.pipe(Effect.provide(services)))
  const seconds = (performance.now() - started) / 1000
  const { systemCPUTime, userCPUTime } = process.resourceUsage()
  const processor = (systemCPUTime + userCPUTime) / 1e6
  const told = [...new Set(statuses)].map((status) => `${statuses.filter((each) => each === status).length} ${status}`)
  console.log(
    `${String(mode).padEnd(14)} ${seconds.toFixed(1)} s, processor ${processor.toFixed(1)} s (${((1000 * processor) / parts).toFixed(2)} ms a part), ${peak} MB, ${held} MB held: ${told.join(", ")}`,
  )
}

/** The measures in a file of their own, as the program runs: with tsx its modules alone would be 140 MB. */
const bundled = async (outdir: string): Promise<string> => {
  const { bundleModules } = await import("../cli/launchBundle.ts")
  const { outputFiles } = await bundleModules({
    root: projectRoot,
    entries: { shards: "bench/shards.ts" },
    outdir,
    rootAs: JSON.stringify(projectRoot),
    addressAs: JSON.stringify(pathToFileURL(`${projectRoot}/`).href),
    banner: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    withEffect: true,
    onRead: () => {},
  })
  for (const { contents, path } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, contents)
  }
  return join(outdir, "shards.mjs")
}

/** What a hundred workers do, whose tasks take no processor: of what one store has they make copies in another. */
const workersOver = (server: string, from: string, to: string) =>
  Effect.gen(function* () {
    const boss = yield* openBoss({ address: server, environment: process.env }, true)
    yield* makeQueues(server, boss, ["rankdag"])
    const one = Effect.gen(function* () {
      const [job] = yield* asked(server, () => boss.fetch("rankdag"))
      yield* Effect.sleep(job === undefined ? 1000 : each)
      if (job === undefined) return
      const { key } = Schema.decodeUnknownSync(PostgresTask)(job.data)
      const found = yield* Effect.flatMap(ArtifactStore, (store) => store.lookup("small", key, "sizes")).pipe(
        Effect.provide(layerArtifactStore(from)),
      )
      if (found._tag !== "Found") return yield* Effect.dieMessage(`${key} is not stored`)
      const objects = Object.values(found.manifest.outputs).map(({ hash }) => join("objects", hash.slice(0, 2), hash))
      for (const path of [...objects, join("manifests/small", `${key}.json`)]) {
        if (!existsSync(join(to, path))) cpSync(join(from, path), join(to, path), { recursive: true })
      }
      yield* asked(server, () => boss.complete("rankdag", job, { _tag: "Done", seconds: each / 1000, found: false }))
    })
    yield* Effect.all(
      Array.from({ length: workers }, () => Effect.forever(one)),
      { concurrency: "unbounded" },
    )
  }).pipe(Effect.scoped)

/** A run over a database of its own. */
const overPostgres = async (words: ReadonlyArray<string>, from: string, to: string): Promise<number | null> => {
  const { noPostgres, startPostgres } = await import("../test/support/postgresServer.ts")
  if (noPostgres !== undefined) {
    console.log(`postgres       ${noPostgres}`)
    return 0
  }
  const server = await startPostgres()
  const others = Effect.runFork(workersOver(server.address, from, to))
  try {
    const child = spawn(process.execPath, [...words, to, server.address], { stdio: "inherit" })
    return await new Promise((done) => child.on("close", done))
  } finally {
    await Effect.runPromise(Fiber.interrupt(others))
    server.stop()
  }
}

if (mode !== undefined) await measured()
else {
  const store = mkdtempSync(join(tmpdir(), "rankdag-shards-"))
  const bundles = join(projectRoot, "node_modules/.cache")
  mkdirSync(bundles, { recursive: true })
  const bundle = mkdtempSync(join(bundles, "rankdag-shards-"))
  try {
    const program = await bundled(bundle)
    for (const each of modes) {
      const words = ["--enable-source-maps", program, first, each, join(store, "store")]
      const { status } = spawnSync(process.execPath, words, { stdio: "inherit" })
      if (status !== 0) throw new Error(`${each} ended with ${status}`)
    }
    const words = ["--enable-source-maps", program, first, "postgres"]
    const status = await overPostgres(words, join(store, "store"), join(store, "copies"))
    if (status !== 0) throw new Error(`postgres ended with ${status}`)
  } finally {
    for (const folder of [bundle, store]) rmSync(folder, { recursive: true, force: true })
  }
}
