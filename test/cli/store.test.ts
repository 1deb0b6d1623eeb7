import { spawn } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { openCatalog } from "../../cli/Catalog.ts"
import { forgetScores } from "../../cli/CatalogFile.ts"
import { querySql } from "../../cli/SqlResult.ts"
import { layerArtifactStore, layerDuckDb } from "../../pipeline/index.ts"
import { dag, writeTinyCollection } from "../support/commandLine.ts"
import { treeOf } from "../support/processes.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-places-"))
const collection = join(scratch, "tiny")
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const ask = (store: string, sql: string) =>
  Effect.runPromise(
    Effect.gen(function* () {
      return (yield* querySql(yield* openCatalog(store), sql)).rows
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.either),
  )

const everyScore = "SELECT dataset, count(*)::INTEGER, count(DISTINCT result)::INTEGER FROM every_score GROUP BY ALL"
const counts = "SELECT (SELECT count(*) FROM runs)::INTEGER, (SELECT count(*) FROM passages)::INTEGER"

describe.sequential("a store's place", () => {
  let store = join(scratch, "store")
  beforeAll(async () => {
    writeTinyCollection(collection)
    const made = await dag("--dataset", collection, "--artifacts", store)
    expect(made.code, made.err).toBe(0)
  })

  it("C91 every_score has the collection of each result", async () => {
    expect(await ask(store, everyScore)).toEqual(Either.right([["tiny", 60, 1]]))
  })

  it("C88 C18 a store that was moved answers from itself, whatever its path, and a copy never from the original", async () => {
    const before = await ask(store, counts)
    expect(Either.isRight(before)).toBe(true)
    const moved = join(scratch, "mo,v'ed [1] k=2*")
    renameSync(store, moved)
    expect(await ask(moved, counts)).toEqual(before)
    const copy = join(scratch, "copy")
    cpSync(moved, copy, { recursive: true, verbatimSymlinks: true })
    expect(await ask(copy, counts)).toEqual(before)
    rmSync(join(copy, "objects"), { recursive: true })
    const gone = await ask(copy, counts)
    expect(Either.isLeft(gone) && gone.left.message).toContain(`${copy}/objects/`)
    store = moved
  })

  it("C89 C39 hits in a moved store leave its catalog as it is, also as gc wrote it", async () => {
    const forgotten = forgetScores.pipe(Effect.provide(Layer.merge(layerArtifactStore(store), layerDuckDb())))
    await Effect.runPromise(forgotten)
    const before = treeOf(store).filter((line) => line.startsWith("catalog"))
    const again = await dag("--dataset", collection, "--artifacts", store, "--assert-hit")
    expect(again.code, again.err).toBe(0)
    expect(treeOf(store).filter((line) => line.startsWith("catalog"))).toEqual(before)
    expect(readdirSync(join(store, "tmp"))).toEqual([])
  })

  it("C90 beside a program that has the catalog open for writing a copy is asked", async () => {
    const program = `const { DuckDBInstance } = require("@duckdb/node-api")
      DuckDBInstance.create(process.argv[1]).then(async (db) => { globalThis.db = await db.connect(); console.log("open"); setInterval(() => {}, 1000) })`
    const child = spawn(process.execPath, ["-e", program, join(store, "catalog.duckdb")], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "pipe", "inherit"],
    })
    try {
      await new Promise((open) => child.stdout.once("data", open))
      expect(await ask(store, everyScore)).toEqual(Either.right([["tiny", 60, 1]]))
      writeFileSync(join(store, "catalog.duckdb"), "no database")
      const refused = await ask(store, everyScore)
      expect(Either.isLeft(refused) && refused.left.message).toMatch(/another program \(.*PID \d+.*Close it there/)
    } finally {
      child.kill("SIGKILL")
    }
    rmSync(join(store, "catalog.duckdb"))
  })

  it("C85 a folder in the catalog's place, or beside it, is kept aside and the catalog made anew; what it is not is said", async () => {
    mkdirSync(join(store, "catalog.duckdb"))
    const told = await dag("sql", everyScore, "--artifacts", store)
    expect([told.code, told.err]).toEqual([4, expect.stringMatching(/catalog\.duckdb cannot be read: .*the next run/)])
    expect(told.err.trim().split("\n")).toHaveLength(1)
    const again = () => dag("--dataset", collection, "--artifacts", store, "--assert-hit")
    expect(await again()).toMatchObject({ code: 0 })
    expect(await ask(store, everyScore)).toEqual(Either.right([["tiny", 60, 1]]))
    rmSync(join(store, "catalog.stamp"))
    mkdirSync(join(store, "catalog.stamp"))
    expect(await again()).toMatchObject({ code: 0 })
    expect(await ask(store, everyScore)).toEqual(Either.right([["tiny", 60, 1]]))
    expect(readdirSync(join(store, "quarantine")).filter((name) => name.startsWith("catalog")).length).toBeGreaterThan(
      1,
    )
  })

  it("C16 K36 beside another version's store its paths are printed and its catalog written, whatever the umask", async () => {
    writeFileSync(join(store, "store.json"), '{"program":"rankdag","version":2}')
    const before = treeOf(store)
    const words = ["--dataset", collection, "--artifacts", store, "--target", "report"]
    const root = join(import.meta.dirname, "../..")
    const program = `umask 0; exec "$0" node_modules/tsx/dist/cli.mjs dag.ts "$@"`
    const child = spawn("sh", ["-c", program, process.execPath, ...words], { cwd: root })
    let out = ""
    child.stdout.on("data", (text: Buffer) => (out += text.toString()))
    expect(await new Promise((ended) => child.on("close", ended))).toBe(0)
    expect(out).toContain(join(store, "v1/latest/report/index.html"))
    expect(treeOf(store).filter((line) => !line.startsWith("v1/"))).toEqual(before)
    expect(existsSync(join(store, "v1/catalog.duckdb"))).toBe(true)
    const below = readdirSync(join(store, "v1"), { recursive: true, encoding: "utf8" })
    const open = below.filter((name) => (statSync(join(store, "v1", name)).mode & 0o002) !== 0)
    expect(open).toEqual([])
    const told = await dag("sql", everyScore, "--artifacts", store, "--format", "csv")
    expect([told.code, told.err]).toEqual([0, expect.stringContaining("has version 2")])
    // Only the page was asked for, and what it shows was made with it.
    const lineage = await dag("lineage", "eval", "--artifacts", store)
    expect([lineage.code, lineage.out]).toEqual([0, expect.stringContaining("← evaluate")])
    expect(await dag("lineage", "retrieve", "--artifacts", store)).toMatchObject({ code: 0 })
    expect(await dag("lineage", "retrive", "--artifacts", store)).toMatchObject({ code: 3 })
    expect(readFileSync(join(store, "store.json"), "utf8")).toContain('"version":2')
  })
})
