import { execFileSync } from "node:child_process"
import {
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { collectGarbage, RunFailed, run, StoreBusy, verifyStore } from "../../../pipeline/index.ts"
import { thisProcess } from "../../../pipeline/store/ProcessIdentity.ts"
import { bundleSmallDag, start } from "../../support/processes.ts"
import { diamond, executed, make, planOf, services, setMischief } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-processes-"))
const program = join(scratch, "smallDag.mjs")
beforeAll(() => bundleSmallDag(program))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

let fresh = 0
const freshPath = (name: string): string => join(scratch, `${name}-${fresh++}`)

const runHere = async (store: string, journal: string, plan = diamond()) => {
  setMischief({ journal })
  const report = await Effect.runPromise(run(plan).pipe(Effect.provide(services(store))))
  return {
    statuses: Object.fromEntries(report.nodes.map((node) => [node.name, node.status])),
    hashes: Object.fromEntries(report.nodes.map((node) => [node.name, node.outputs["text"]?.hash])),
    facts: Object.fromEntries(report.nodes.map((node) => [node.name, node.facts])),
  }
}

const verify = (store: string) => Effect.runPromise(verifyStore().pipe(Effect.provide(services(store))))

const clean = (store: string): void => {
  for (const folder of ["tmp", "locks", "scratch"]) expect(readdirSync(join(store, folder))).toEqual([])
}

const single = () => planOf({ eval: make({ node: "a", text: "a", used: true }, {}, "a").text })

describe("killed", () => {
  it("C30 SIGKILL in the middle of a stage: no part of it is ever seen, and only unfinished stages run again", async () => {
    const store = freshPath("store")
    const journal = freshPath("journal")
    const killed = await start(program, { store, plan: "diamond", jobs: 1, mischief: { journal, kill: ["top"] } }).ended
    expect(killed.signal).toBe("SIGKILL")
    expect([...executed(journal)].sort()).toEqual(["a", "left", "right", "top"])
    expect(readdirSync(join(store, "locks"))).toHaveLength(1)
    expect(readdirSync(join(store, "manifests")).sort()).toEqual(["join", "make"])
    const again = freshPath("journal")
    const { statuses } = await runHere(store, again)
    expect(executed(again).filter((line) => !line.includes("step"))).toEqual(["top"])
    expect(statuses).toEqual({
      "make.a": "hit",
      "join.left": "hit",
      "join.right": "hit",
      "join.top": "ran",
      count: "ran",
    })
    clean(store)
    expect((await verify(store)).damaged).toEqual([])
  })

  it("C31 a resumable stage finds its scratch folder again and goes on from there, with the same result", async () => {
    const store = freshPath("store")
    const journal = freshPath("journal")
    await start(program, { store, plan: "diamond", mischief: { journal, kill: ["count"] } }).ended
    expect(executed(journal).filter((line) => line.includes("step"))).toHaveLength(6)
    const again = freshPath("journal")
    const resumed = await runHere(store, again)
    expect(executed(again)).toEqual(["count step 6", "count step 7", "count step 8", "count step 9"])
    expect(resumed.facts["count"]).toEqual({ resumedFrom: 6 })
    clean(store)
    expect(resumed.hashes).toEqual((await runHere(freshPath("store"), freshPath("journal"))).hashes)
  })

  it("C32 killed before each single change to the file system: the next run is right, and nothing half is left", async () => {
    const reference = await runHere(freshPath("store"), freshPath("journal"), single())
    let at = 1
    let finished = false
    const worker = async () => {
      while (!finished) {
        const killAt = at++
        const store = freshPath("store")
        const ended = await start(program, { store, plan: "single", mischief: {}, killAt }).ended
        if (ended.signal === null) {
          expect(ended.code).toBe(0)
          finished = true
        }
        if (existsSync(store)) expect((await verify(store)).damaged).toEqual([])
        const again = await runHere(store, freshPath("journal"), single())
        expect(again.hashes).toEqual(reference.hashes)
        const { results, orphans } = await verify(store)
        expect({ results, orphans }).toEqual({ results: 1, orphans: [] })
        clean(store)
        rmSync(store, { recursive: true, force: true })
      }
    }
    await Promise.all([worker(), worker()])
    // A run of one stage changes the file system some dozens of times; fewer would mean that the killing does not work.
    expect(at).toBeGreaterThan(30)
  }, 180_000)

  it("C33 killed again and again at random moments, it ends with the same artifacts", async () => {
    const reference = await runHere(freshPath("store"), freshPath("journal"))
    const store = freshPath("store")
    const sleepMs = { a: 30, left: 60, right: 30, top: 60, count: 10 }
    let kills = 0
    for (let i = 0; i < 12; i++) {
      const started = start(program, { store, plan: "diamond", mischief: { sleepMs } })
      const timer = setTimeout(() => started.child.kill("SIGKILL"), 120 + ((i * 67) % 230))
      const ended = await started.ended
      clearTimeout(timer)
      if (ended.signal === "SIGKILL") kills++
      if (existsSync(store)) expect((await verify(store)).damaged).toEqual([])
    }
    expect(kills).toBeGreaterThan(0)
    expect((await runHere(store, freshPath("journal"))).hashes).toEqual(reference.hashes)
    clean(store)
  })
})

describe("interrupted", () => {
  it("C34 Ctrl-C interrupts the running stage, leaves no work area and no lock, and is told apart from a failure", async () => {
    for (const signal of ["SIGINT"] as const) {
      const store = freshPath("store")
      const started = start(program, { store, plan: "diamond", jobs: 2, mischief: { sleepMs: { left: 60_000 } } })
      await started.says("NodeStarted join.left")
      await started.says("NodeFinished join.right")
      started.child.kill(signal)
      const ended = await started.ended
      expect(ended.code).toBe(130)
      clean(store)
      expect(readdirSync(join(store, "tmp"))).toEqual([])
      const [record] = readdirSync(join(store, "runs"))
      expect(readFileSync(join(store, "runs", record ?? ""), "utf8")).toContain('"outcome":"interrupted"')
      const again = freshPath("journal")
      await runHere(store, again)
      expect(executed(again).filter((line) => !line.includes("step"))).toEqual(["left", "top"])
    }
  })
})

describe("two processes", () => {
  it("C35 on one store do each piece of work once: one executes, the other waits and then hits", async () => {
    const store = freshPath("store")
    const journal = freshPath("journal")
    const sleepMs = { a: 1500, left: 200, right: 100, top: 200, count: 10 }
    const both = [0, 1].map(() => start(program, { store, plan: "diamond", mischief: { journal, sleepMs } }))
    const [one, two] = await Promise.all(both.map(({ ended }) => ended))
    expect([one?.code, two?.code]).toEqual([0, 0])
    expect(
      executed(journal)
        .filter((line) => !line.includes("step"))
        .sort(),
    ).toEqual(["a", "left", "right", "top"])
    expect(`${one?.stderr}${two?.stderr}`).toContain("NodeWaiting")
    const statuses = [one, two].map((each) => {
      const status: Record<string, string> = JSON.parse(each?.stdout ?? "")
      return status
    })
    for (const node of Object.keys(statuses[0] ?? {})) {
      expect(statuses.map((each) => each[node]).sort()).toEqual(["hit", "ran"])
    }
    clean(store)
  })

  it("C35 when the one that works is killed, the one that waits takes over", async () => {
    const store = freshPath("store")
    const journal = freshPath("journal")
    const first = start(program, { store, plan: "diamond", mischief: { journal, sleepMs: { a: 60_000 } } })
    await first.says("NodeStarted make.a")
    const second = start(program, { store, plan: "diamond", mischief: { journal } })
    await second.says("NodeWaiting make.a")
    first.child.kill("SIGKILL")
    expect((await second.ended).code).toBe(0)
    expect(readdirSync(join(store, "locks"))).toEqual([])
    // What the dead process left is removed by whoever comes next.
    await runHere(store, freshPath("journal"))
    clean(store)
  })

  it("C35 two that find the leftovers of a dead one at once both end well, and so do two collections beside them", async () => {
    for (const wait of [0, 150]) {
      const store = freshPath("store")
      const first = start(program, { store, plan: "diamond", mischief: { kill: ["left"], sleepMs: { right: 60_000 } } })
      expect((await first.ended).signal).toBe("SIGKILL")
      expect(readdirSync(join(store, "locks")).length).toBeGreaterThan(0)
      expect(readdirSync(join(store, "tmp"))).toHaveLength(2)
      const both = [0, 1].map(() => start(program, { store, plan: "diamond", mischief: {} }))
      await new Promise((done) => setTimeout(done, wait))
      const collections = [0, 1].map(() =>
        Effect.runPromise(Effect.either(collectGarbage({ graceSeconds: 0 }).pipe(Effect.provide(services(store))))),
      )
      for (const collected of await Promise.all(collections)) {
        if (Either.isLeft(collected)) expect(collected.left).toBeInstanceOf(StoreBusy)
      }
      for (const { code, stderr } of await Promise.all(both.map(({ ended }) => ended)))
        expect([code, stderr]).toEqual([0, stderr])
      clean(store)
      expect(await verify(store)).toMatchObject({ results: 5, damaged: [], unreadable: [], orphans: [] })
    }
  })

  it("C36 a garbage collection refuses while a run is at work", async () => {
    const store = freshPath("store")
    const started = start(program, { store, plan: "diamond", mischief: { sleepMs: { a: 60_000 } } })
    await started.says("NodeStarted make.a")
    const refused = await Effect.runPromise(Effect.flip(collectGarbage().pipe(Effect.provide(services(store)))))
    expect(refused).toBeInstanceOf(StoreBusy)
    expect(refused.message).toContain(`process ${started.child.pid}`)
    started.child.kill("SIGKILL")
    await started.ended
    await Effect.runPromise(collectGarbage().pipe(Effect.provide(services(store))))
    clean(store)
  })
})

describe("stale locks", () => {
  const lockedBy = async (
    owner: object | "a link to nowhere",
    ageSeconds: number,
    patience: "1 second" | "30 seconds",
  ): Promise<{ readonly seconds: number; readonly ran: string | undefined }> => {
    const store = freshPath("store")
    const { statuses } = await runHere(store, freshPath("journal"), single())
    const key = readdirSync(join(store, "manifests", "make"))[0]?.replace(".json", "") ?? ""
    rmSync(join(store, "manifests", "make"), { recursive: true })
    const lock = join(store, "locks", `${key}.lock`)
    if (owner === "a link to nowhere") symlinkSync("nowhere", lock)
    else {
      writeFileSync(lock, JSON.stringify({ run: "other", purpose: "run", at: "2026-01-01T00:00:00Z", process: owner }))
    }
    const time = new Date(Date.now() - ageSeconds * 1000)
    lutimesSync(lock, time, time)
    expect(statuses["make.a"]).toBe("ran")
    setMischief({})
    const started = performance.now()
    const ended = await Effect.runPromise(
      run(single()).pipe(
        Effect.provide(services(store)),
        Effect.timeoutTo({
          duration: patience,
          onSuccess: (report) => report.nodes[0]?.status,
          onTimeout: () => undefined,
        }),
      ),
    )
    if (ended !== undefined) clean(store)
    return { seconds: (performance.now() - started) / 1000, ran: ended }
  }

  it("C37 a process's number that was given to another does not keep a lock", async () => {
    const recycled = { ...thisProcess(), started: "1" }
    expect((await lockedBy(recycled, 0, "30 seconds")).ran).toBe("ran")
    expect((await lockedBy({ ...thisProcess(), pid: 4_000_000 }, 0, "30 seconds")).ran).toBe("ran")
  })

  it("C37 a living process keeps its lock, however long ago it refreshed it", async () => {
    expect((await lockedBy(thisProcess(), 100_000, "1 second")).ran).toBe(undefined)
  })

  it("C37 a lock of another machine is kept while it is refreshed, and taken over long after", async () => {
    const elsewhere = { host: "elsewhere", system: "elsewhere", pid: 1, started: "1" }
    expect((await lockedBy(elsewhere, 30, "1 second")).ran).toBe(undefined)
    expect((await lockedBy(elsewhere, 600, "30 seconds")).ran).toBe("ran")
  })

  it("C37 a lock that says nothing is taken over long after", async () => {
    expect((await lockedBy({}, 600, "30 seconds")).ran).toBe("ran")
    expect((await lockedBy("a link to nowhere", 600, "30 seconds")).ran).toBe("ran")
  })
})

const canMount = (() => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false
  const probe = mkdtempSync(join(tmpdir(), "rankdag-mount-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" })
    execFileSync("umount", [probe], { stdio: "ignore" })
    return true
  } catch {
    return false
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
})()

describe.skipIf(!canMount)("a full disk (needs the right to mount; skipped without)", () => {
  const onTmpfs = async (options: string, body: (store: string) => Promise<void>): Promise<void> => {
    const mount = freshPath("mount")
    mkdirSync(mount)
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", mount])
    try {
      await body(mount)
    } finally {
      execFileSync("umount", ["-l", mount])
    }
  }
  const attempt = async (store: string, megabytes: Readonly<Record<string, number>>) => {
    setMischief({ megabytes })
    const result = await Effect.runPromise(
      run(diamond(), { jobs: 1 }).pipe(Effect.provide(services(store)), Effect.either),
    )
    return Either.isLeft(result) ? result.left : undefined
  }

  it("C38 is a typed error that says what to do; no manifest, and the store still is consistent", async () => {
    await onTmpfs("size=3m", async (store) => {
      const failed = await attempt(store, { left: 8 })
      expect(failed).toBeInstanceOf(RunFailed)
      if (!(failed instanceof RunFailed)) return
      expect(failed.failures.map(({ node, error }) => `${node} ${error._tag}`)).toEqual(["join.left StoreError"])
      expect(failed.failures[0]?.error.message).toContain("no space left")
      expect(failed.failures[0]?.error.message).toContain("Free some")
      clean(store)
      expect((await verify(store)).damaged).toEqual([])
      const journal = freshPath("journal")
      await runHere(store, journal)
      expect(executed(journal)).toContain("left")
      expect(executed(journal)).not.toContain("a")
    })
  })

  it("C38 at every amount of free space: either whole results or a typed error", async () => {
    for (const pages of [1, 2, 3, 4, 6, 8, 10, 13, 16, 20, 24, 28]) {
      await onTmpfs(`size=${pages * 4}k`, async (store) => {
        const failed = await attempt(store, {})
        if (failed !== undefined) {
          const errors = failed instanceof RunFailed ? failed.failures.map(({ error }) => error) : [failed]
          for (const error of errors) expect(`${error._tag} ${error.message}`).toMatch(/^StoreError .*no space/i)
        }
        expect((await verify(store)).damaged).toEqual([])
        for (const manifest of (await verify(store)).unreadable) expect(manifest).toBe(undefined)
      })
    }
  })

  it("C39 a store that cannot be written to: stored results are used, and what has to run fails with the reason", async () => {
    await onTmpfs("size=3m", async (store) => {
      await runHere(store, freshPath("journal"))
      execFileSync("mount", ["-o", "remount,ro", store])
      const messages: Array<string> = []
      const report = await Effect.runPromise(
        run(diamond(), {
          onEvent: (event) => {
            if (event._tag === "StoreNotice") messages.push(event.message)
          },
        }).pipe(Effect.provide(services(store))),
      )
      expect(report.nodes.every((node) => node.status === "hit")).toBe(true)
      expect(messages.join()).toContain("nothing can be run")
      const failed = await Effect.runPromise(
        Effect.flip(run(diamond({ top: "TOP" })).pipe(Effect.provide(services(store)))),
      )
      expect(failed.message).toContain("Give a folder that this user may write to")
    })
  })
})
