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
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { afterAll, describe, expect, it } from "vitest"
import { ArtifactStore, lineage, type RunEvent, run, verifyStore } from "../../../pipeline/index.ts"
import { treeOf } from "../../support/processes.ts"
import { diamond, services } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-store-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let fresh = 0
const freshStore = (): string => join(scratch, `store-${fresh++}`)

const runIn = async (store: string) => {
  const events: Array<RunEvent> = []
  const report = await Effect.runPromise(
    run(diamond(), { onEvent: (event) => events.push(event) }).pipe(Effect.provide(services(store))),
  )
  const notices = events.flatMap((event) => (event._tag === "StoreNotice" ? [event.message] : []))
  return { ran: report.nodes.filter(({ status }) => status === "ran").map(({ name }) => name), notices }
}
const verifyIn = (store: string, drop = false, depth: "sizes" | "bytes" = "bytes") =>
  Effect.runPromise(verifyStore({ drop, depth }).pipe(Effect.provide(services(store))))

const made = freshStore()
const madeStore = async (): Promise<string> => {
  if (!existsSync(made)) await runIn(made)
  const copy = freshStore()
  cpSync(made, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}

/** Each file below a folder. */
const filesBelow = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort()

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  unlinkSync(path)
  writeFileSync(path, bytes)
}

describe("the store's own file", () => {
  it("C83 any wrong byte of store.json is named and mended, and the store is not taken for a foreign one", async () => {
    const store = await madeStore()
    const path = join(store, "store.json")
    const right = readFileSync(path)
    for (let at = 0; at < right.length - 1; at++) {
      writeFileSync(path, right)
      flip(path, at)
      const { directory, notice } = await Effect.runPromise(ArtifactStore.pipe(Effect.provide(services(store))))
      expect([at, directory]).toEqual([at, store])
      expect([at, notice]).toEqual([at, expect.stringContaining("store.json is damaged")])
    }
    expect((await verifyIn(store)).unreadable).toEqual([{ file: "store.json", why: "is damaged", dropped: false }])
    const { ran, notices } = await runIn(store)
    expect(ran).toEqual([])
    expect(notices.length).toBe(1)
    expect(readFileSync(path)).toEqual(right)
    expect((await runIn(store)).notices).toEqual([])
    for (const text of ["", "[]", "not JSON", "\u0000\u0000"]) {
      writeFileSync(path, text)
      expect((await runIn(store)).ran).toEqual([])
      expect(readFileSync(path)).toEqual(right)
    }
  })

  it("C83 the file of another program, or of another version, is believed and left as it is", async () => {
    const store = freshStore()
    mkdirSync(join(store, "manifests/thing"), { recursive: true })
    writeFileSync(join(store, "manifests/thing/1.json"), "{}")
    const text = '{"program":"other","version":1}'
    writeFileSync(join(store, "store.json"), text)
    expect((await runIn(store)).notices[0]).toContain("is not this program's")
    expect(readFileSync(join(store, "store.json"), "utf8")).toBe(text)
    expect(existsSync(join(store, "v1/objects"))).toBe(true)
    expect(existsSync(join(store, "objects"))).toBe(false)
  })
})

describe("records", () => {
  it("C84 every byte of a manifest, a run's record and a former result is under a hash", async () => {
    const store = await madeStore()
    await verifyIn(store, true)
    const [object = ""] = filesBelow(join(store, "objects"))
    unlinkSync(object)
    await verifyIn(store, true)
    await runIn(store)
    const folders = ["manifests", "runs", "history"]
    for (const file of folders.flatMap((folder) => filesBelow(join(store, folder)).slice(0, 1))) {
      const right = readFileSync(file)
      for (let at = 0; at < right.length; at += at > right.length - 90 ? 1 : 37) {
        writeFileSync(file, right)
        flip(file, at)
        const { unreadable } = await verifyIn(store, false, "sizes")
        expect([at, unreadable.map((each) => join(store, each.file))]).toEqual([at, [file]])
      }
      writeFileSync(file, right)
    }
    expect(await verifyIn(store)).toMatchObject({ unreadable: [], damaged: [], unsealed: 0 })
  })

  it("C142 why a record cannot be read is said in a few words", async () => {
    const store = await madeStore()
    const [cut = "", other = ""] = filesBelow(join(store, "manifests"))
    writeFileSync(cut, "{")
    writeFileSync(other, '{"version":1,"stage":3}')
    const { unreadable } = await verifyIn(store)
    expect(unreadable.map(({ why }) => why)).toEqual([
      "is no JSON: cut off, or damaged",
      expect.stringMatching(/^is of another form: \w.{0,80}$/),
    ])
  })

  it.runIf(process.platform === "linux")("C141 a folder that the system cannot make is told at once", async () => {
    const refused = await Effect.runPromise(
      Effect.flip(run(diamond()).pipe(Effect.provide(services("/proc/none/store")))),
    )
    expect(refused).toMatchObject({ _tag: "StoreError" })
  })

  it("C84 a record without a hash, of an earlier version, is read and counted", async () => {
    const store = await madeStore()
    for (const file of filesBelow(join(store, "manifests"))) {
      const text = readFileSync(file, "utf8").replace(/,"digest":"[0-9a-f]{64}"\}$/, "}")
      writeFileSync(file, text)
    }
    const { results, unsealed, unreadable } = await verifyIn(store)
    expect([unsealed, unreadable]).toEqual([results, []])
    expect((await runIn(store)).ran).toEqual([])
  })

  it("C85 a folder, a link, or a file in the place of a record or of its folder is damage; runs and lineage go on", async () => {
    const place = async (put: (manifest: string, stage: string) => void) => {
      const store = await madeStore()
      const [manifest = ""] = filesBelow(join(store, "manifests"))
      put(manifest, join(manifest, ".."))
      const { unreadable } = await verifyIn(store)
      expect(unreadable.length).toBeGreaterThan(0)
      await Effect.runPromise(Effect.either(lineage("join").pipe(Effect.provide(services(store)))))
      expect((await runIn(store)).ran.length).toBeGreaterThan(0)
      expect(await verifyIn(store)).toMatchObject({ unreadable: [], damaged: [] })
      expect((await runIn(store)).ran).toEqual([])
      // What was in the way is kept.
      expect(readdirSync(join(store, "quarantine")).length).toBeGreaterThan(0)
      return unreadable
    }
    await place((manifest) => {
      unlinkSync(manifest)
      mkdirSync(join(manifest, "inside"), { recursive: true })
    })
    await place((manifest) => {
      const elsewhere = join(scratch, `elsewhere-${fresh++}`)
      renameSync(manifest, elsewhere)
      symlinkSync(elsewhere, manifest)
    })
    await place((_, stage) => {
      rmSync(stage, { recursive: true })
      writeFileSync(stage, "in the way")
    })
    await place((_, stage) => {
      const elsewhere = join(scratch, `elsewhere-${fresh++}`)
      renameSync(stage, elsewhere)
      symlinkSync(elsewhere, stage)
    })
  })

  it("C85 a file in the place of a link of latest is damage, and lineage goes on", async () => {
    const store = await madeStore()
    const [node = "", ...others] = readdirSync(join(store, "latest"))
    rmSync(join(store, "latest", node), { recursive: true })
    writeFileSync(join(store, "latest", node), "in the way")
    expect((await verifyIn(store)).unreadable).toMatchObject([{ file: join("latest", node) }])
    for (const other of others) {
      const told = await Effect.runPromise(lineage(other).pipe(Effect.provide(services(store))))
      expect(told.roots.length).toBeGreaterThan(0)
    }
  })

  it("C85 verify --drop sets unreadable records aside, and links of latest that lead elsewhere", async () => {
    const store = await madeStore()
    const [manifest = ""] = filesBelow(join(store, "manifests"))
    writeFileSync(manifest, "{}")
    const [runRecord = ""] = filesBelow(join(store, "runs"))
    writeFileSync(runRecord, "{}")
    symlinkSync("/etc", join(store, "latest/stranger"))
    const found = await verifyIn(store, true)
    expect(found.unreadable.map(({ file }) => file.split("/")[0]).sort()).toEqual(["latest", "manifests", "runs"])
    expect(await verifyIn(store)).toMatchObject({ unreadable: [], damaged: [] })
  })

  it("C86 verify names what stands in the place of a folder of the store", async () => {
    for (const name of ["latest", "locks", "runs", "tmp"]) {
      const store = await madeStore()
      rmSync(join(store, name), { recursive: true })
      if (name === "locks") symlinkSync("/nowhere", join(store, name))
      else writeFileSync(join(store, name), "in the way")
      expect((await verifyIn(store)).unreadable).toMatchObject([{ file: name }])
    }
  })

  it("C86 a link out of the store is no result, and a store whose folders are links is refused", async () => {
    const store = await madeStore()
    const objects = readdirSync(join(store, "objects")).map((prefix) => join(store, "objects", prefix))
    const [prefix = "", other = ""] = objects
    const elsewhere = join(scratch, `elsewhere-${fresh++}`)
    renameSync(prefix, elsewhere)
    symlinkSync(elsewhere, prefix)
    const [inside = ""] = readdirSync(other)
    const away = join(scratch, `elsewhere-${fresh++}`)
    renameSync(join(other, inside), away)
    symlinkSync(away, join(other, inside))
    const before = treeOf(elsewhere)
    expect((await verifyIn(store)).damaged.length).toBeGreaterThanOrEqual(2)
    expect((await verifyIn(store, false, "sizes")).damaged.length).toBeGreaterThanOrEqual(2)
    expect(treeOf(elsewhere)).toEqual(before)
    const linked = await madeStore()
    const folder = join(scratch, `elsewhere-${fresh++}`)
    renameSync(join(linked, "objects"), folder)
    symlinkSync(folder, join(linked, "objects"))
    const refused = await Effect.runPromise(Effect.either(run(diamond()).pipe(Effect.provide(services(linked)))))
    expect(Either.isLeft(refused) && refused.left.message).toContain("a store lies on one file system")
  })

  it("C87 what dead processes left in the work area goes with the next run, whatever its name; the young of unknown owners stays", async () => {
    const store = await madeStore()
    const tmp = join(store, "tmp")
    mkdirSync(join(tmp, "20200101T000000000-abcdef/deep"), { recursive: true })
    const old = ["catalog-12345.duckdb", "catalog-12345.duckdb.wal", "hints-x.json", ".odd"]
    const young = "young.json"
    for (const name of [...old, young]) writeFileSync(join(tmp, name), "left")
    const past = new Date(Date.now() - 600_000)
    for (const name of old) utimesSync(join(tmp, name), past, past)
    await runIn(store)
    expect(readdirSync(tmp)).toEqual([young])
  })
})
