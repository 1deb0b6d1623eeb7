import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import { postgresConnection, toldAddress } from "../../../pipeline/execute/PostgresAddress.ts"
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgresServer.ts"
import { s3Environment, startS3 } from "../../support/s3Server.ts"
import {
  dagProcess,
  dagStarted,
  isAlive,
  noDaemons,
  outputsOf,
  troublesomeRuns,
  until,
} from "../../support/troublesomeRuns.ts"

if (noPostgres !== undefined) console.warn(`Workers over PostgreSQL are not tried: ${noPostgres}`)

if (noDaemons !== undefined) console.warn(`Of workers over PostgreSQL, ${noDaemons}`)

const { close, journal, scratch, starts, words } = troublesomeRuns()
afterAll(close)

it.each([
  ["postgres://lab@db/rankdag", {}, true],
  ["postgres://lab@10.0.0.4:5433/rankdag?sslmode=verify-full", {}, true],
  ["postgres://lab@localhost/rankdag", {}, false],
  ["postgres://lab@127.0.0.1:5433/rankdag", {}, false],
  ["postgres://lab@[::1]/rankdag", {}, false],
  ["postgres:///rankdag", {}, false],
  ["postgres:///rankdag?host=/var/run/postgresql", {}, false],
  ["postgres://lab@%2Fvar%2Frun/rankdag", {}, false],
  ["postgres://lab@localhost/rankdag?sslmode=require", {}, true],
  ["postgres://lab@db/rankdag?sslmode=disable", {}, false],
  // What pg makes of these is another machine.
  ["postgres://lab@localhost/rankdag?host=db", {}, true],
  ["postgres:///rankdag", { PGHOST: "db" }, true],
  ["postgres://lab@localhost.example/rankdag", {}, true],
])("C194 beyond this machine %s with %o is asked by TLS", (address, environment, isTls) => {
  const connection = Either.getOrThrow(postgresConnection(address, environment))
  expect(connection.ssl).toEqual(isTls && { rejectUnauthorized: true })
  expect(connection.connectionString).not.toContain("sslmode")
})

it.each([
  "postgres://lab:hidden@db/rankdag",
  "postgres://lab@db/rankdag?password=hidden",
  "postgres://lab@db/rankdag?sslmode=no-verify",
  "postgres://lab@db/rankdag?sslmode=prefer",
  "postgres://lab@db/rankdag?ssl=0",
  "postgres://lab@db/rankdag?uselibpqcompat=true&sslmode=require",
  "postgres",
])("C194 %s is refused", (address) => {
  const refused = Either.flip(postgresConnection(address, {}))
  expect(Either.getOrThrow(refused)).not.toContain("hidden")
  expect(toldAddress(address)).not.toMatch(/hidden|lab/)
})

it("C194 an address with a password, or a Node.js that is too old, is refused, and no password is told", async () => {
  const { code, err } = await dagProcess(words("secret", "secret", ["postgres://lab:hidden@127.0.0.1:1/rankdag"]))
  expect(code).toBe(1)
  expect(err).toMatch(/Node\.js 22\.12 or newer|a password stands in it/)
  expect(err).not.toContain("hidden")
  const store = join(scratch, "secret")
  for (const file of readdirSync(store, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) expect(readFileSync(join(file.parentPath, file.name), "latin1")).not.toContain("hidden")
  }
}, 120_000)

describe.skipIf(noPostgres !== undefined)("workers over PostgreSQL", { timeout: 600_000 }, () => {
  let server: PostgresServer
  const workers: Array<ChildProcess> = []
  /** What workers wrote on their standard error. */
  const lines = new Map<ChildProcess, string>()
  const said = (of: ReadonlyArray<ChildProcess>): string => of.map((child) => lines.get(child) ?? "").join("")
  beforeAll(async () => {
    server = await startPostgres()
  }, 120_000)
  afterEach(() => {
    for (const worker of workers.splice(0)) worker.kill("SIGKILL")
  })
  afterAll(() => server?.stop())

  const worker = async (store: string) => {
    const { child } = await dagStarted(["worker", "--executor", server.address, "--artifacts", join(scratch, store)])
    workers.push(child)
    child.stderr?.on("data", (text: Buffer) => lines.set(child, (lines.get(child) ?? "") + text.toString()))
    return child
  }

  it("C195 make what one process makes, byte for byte, and each node once", async () => {
    const here = await dagProcess(words("plain", "here", ["local"], "rerank.threads=2"))
    await Promise.all([worker("there"), worker("there")])
    const there = await dagProcess(words("plain", "there", [server.address], "rerank.threads=2"))
    expect(there.err).toContain("▸ retrieve.outside.alpha")
    expect(outputsOf(there)).toEqual(outputsOf(here))
    expect([starts("plain", "alpha"), starts("plain", "beta")]).toEqual([2, 2])
  })

  it("C196 a process that dies is tried again, three times at most, an error of its own is not; runs may be killed, and the database", async () => {
    await Promise.all([worker("dies"), worker("dies")])
    const asked = words("dies", "dies", [server.address], "retrieve.alpha.dies=2", "retrieve.beta.waits=8000")
    const first = await dagStarted(asked)
    await until(() => starts("dies", "beta") === 1, 120)
    first.child.kill("SIGKILL")
    server.kill()
    server.start()
    const again = await dagProcess(asked)
    expect(again.code).toBe(0)
    expect([starts("dies", "alpha"), starts("dies", "beta")]).toEqual([3, 1])
    const fails = await dagProcess(words("fails", "dies", [server.address], "retrieve.alpha.fails=true"))
    expect(fails.err).toContain("alpha was told to fail")
    expect(starts("fails", "alpha")).toBe(1)
  })

  it.skipIf(noDaemons !== undefined)(
    "C196 a killed worker's task begins again within 45 s, and one that blocks its event loop for longer than that is taken once",
    async () => {
      const lost = await worker("lost")
      const asked = words("lost", "lost", [server.address], "retrieve.alpha.waits=9000", "retrieve.beta.blocks=50000")
      const running = await dagStarted(asked)
      await until(() => journal("lost").length === 1, 120)
      const [first] = journal("lost").map(({ system }) => system)
      const second = await worker("lost")
      await until(() => journal("lost").length === 2, 120)
      const alphas = journal("lost").find(({ system }) => system === "alpha")
      const killedAt = performance.now()
      for (const each of [lost, second]) if ((each === lost) === (first === "alpha")) each.kill("SIGKILL")
      await until(() => !isAlive(alphas?.pid ?? 0))
      await worker("lost")
      await until(() => starts("lost", "alpha") === 2, 120)
      const seconds = (performance.now() - killedAt) / 1000
      console.info(`a dead worker's task began again after ${seconds.toFixed(1)} s`)
      expect(seconds).toBeLessThan(45)
      expect((await running.ended).code).toBe(0)
      expect(starts("lost", "beta")).toBe(1)
    },
  )

  it("C201 a worker's task shows its progress, and leaves its attempt, what it waited and what it printed", async () => {
    const store = join(scratch, "seen")
    const asked = words("seen", "seen", [server.address], "retrieve.alpha.dies=1").map((word) =>
      word === "plain" ? "json" : word,
    )
    const running = await dagStarted(asked)
    await until(() => existsSync(join(store, "plans")), 60)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const joinedAt = performance.now()
    await worker("seen")
    await until(() => existsSync(join(store, "logs/nodes")) && said(workers).includes("begins"), 60)
    console.info(
      `a worker that joined had work after ${((performance.now() - joinedAt) / 1000).toFixed(1)} s, its start included`,
    )
    const { code, err } = await running.ended
    expect(code).toBe(0)
    expect(err).toMatch(/"_tag":"NodeProgress","node":"retrieve\.outside\.alpha"/)
    const records = readdirSync(join(store, "manifests/retrieve.outside")).map((file): string =>
      readFileSync(join(store, "manifests/retrieve.outside", file), "utf8"),
    )
    const made = records.map((record) =>
      /"executor":\{"name":"postgres","attempt":(\d),"queuedSeconds":([0-9.]+)\}/.exec(record),
    )
    expect(made.map((found) => found?.[1]).sort()).toEqual(["1", "2"])
    for (const found of made) expect(Number(found?.[2])).toBeGreaterThan(0.5)
    const logs = await dagProcess(["logs", "retrieve.outside.alpha", "--artifacts", store])
    expect(logs.out).toBe("alpha is about to die\n")
  })

  it.skipIf(noDaemons !== undefined)(
    "C202 a worker whose code differs refuses and names the file, and that is no attempt",
    async () => {
      const [store, checkout] = [join(scratch, "differs"), join(scratch, "checkout")]
      const root = join(import.meta.dirname, "../../..")
      for (const name of readdirSync(root)) {
        const isCode =
          name.endsWith(".ts") || ["cli", "measures", "neural", "pipeline", "schemas", "stages"].includes(name)
        if (isCode || name === "package.json") cpSync(join(root, name), join(checkout, name), { recursive: true })
      }
      symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"))
      const changed = join(checkout, "stages/retrieve/retrieveOutside.ts")
      writeFileSync(changed, readFileSync(changed, "utf8").replace("is found twice", "is there twice"))
      writeFileSync(join(checkout, "plain.ts"), 'import { main } from "./cli/main.ts"\nmain(process.argv.slice(2))\n')
      const other = spawn(
        process.execPath,
        ["--import", "tsx", "plain.ts", "worker", "--executor", server.address, "--artifacts", store],
        { cwd: checkout, stdio: ["ignore", "pipe", "pipe"] },
      )
      workers.push(other)
      other.stderr.on("data", (text: Buffer) => lines.set(other, (lines.get(other) ?? "") + text.toString()))
      const running = await dagStarted(words("differs", "differs", [server.address]))
      await until(() => said(workers).includes("refused"), 120)
      expect(said(workers)).toMatch(
        /retrieve\.outside\.\w+ refused: .*code differs .*\(stages\/retrieve\/retrieveOutside\.ts\)/,
      )
      expect(journal("differs")).toEqual([])
      await worker("differs")
      const { code, err } = await running.ended
      expect(err).toMatch(/the worker .* refuses it: .*stages\/retrieve\/retrieveOutside\.ts/)
      expect(code).toBe(0)
      const records = readdirSync(join(store, "manifests/retrieve.outside")).map((file): string =>
        readFileSync(join(store, "manifests/retrieve.outside", file), "utf8"),
      )
      for (const record of records) expect(record).toContain('"executor":{"name":"postgres","attempt":1,')
    },
  )

  it("C206 --detach leaves, workers go on with all that follows, and the same command finds what one process makes", async () => {
    const targets = ["--target", "eval"]
    const asked = (name: string, store: string, ...executor: ReadonlyArray<string>) => [
      ...words(name, store, executor, "rerank.threads=2", "retrieve.alpha.waits=1500"),
      ...targets,
    ]
    const here = await dagProcess(asked("leaving", "stays", "local"))
    // What a run that was killed had offered is gone on with too.
    const { child, ended } = await dagStarted(asked("leaving", "leaves", server.address))
    await until(() => existsSync(join(scratch, "leaves/logs/nodes")), 240)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    child.kill("SIGKILL")
    await ended
    const left = await dagProcess(asked("leaving", "leaves", server.address, "--detach"))
    expect(left).toMatchObject({ code: 0, out: "" })
    expect(left.err).toMatch(/ready and given to workers, who go on with \d+ more/)
    const first = await worker("leaves")
    await until(() => starts("leaving", "alpha") === 2, 120)
    // Gives it back, for others to begin at once.
    first.kill("SIGTERM")
    await Promise.all([worker("leaves"), worker("leaves")])
    await until(() => existsSync(join(scratch, "leaves/manifests/compare")), 240)
    const again = await dagProcess(asked("leaving", "leaves", server.address))
    expect(outputsOf(again)).toEqual(outputsOf(here))
    const statuses: ReadonlyArray<{ readonly status: string }> = JSON.parse(again.out).stages
    expect(statuses.filter(({ status }) => status === "ran")).toEqual([])
    expect([starts("leaving", "alpha"), starts("leaving", "beta")]).toEqual([3, 2])
  })

  it.skipIf(noDaemons !== undefined)(
    "C206 what fails of a run that left is tried when the command is given again, and not before",
    async () => {
      const asked = [
        ...words("gone", "gone", [server.address, "--detach"], "retrieve.alpha.fails=true", "retrieve.beta.waits=3000"),
        ...["--target", "eval"],
      ]
      expect((await dagProcess(asked)).code).toBe(0)
      await worker("gone")
      // Only when what follows it was given out is it done.
      await until(() => said(workers).includes("retrieve.outside.beta made"), 240)
      await new Promise((resolve) => setTimeout(resolve, 5000))
      expect([starts("gone", "alpha"), starts("gone", "beta")]).toEqual([1, 1])
      expect((await dagProcess(asked)).code).toBe(0)
      await until(() => starts("gone", "alpha") === 2, 120)
    },
  )

  it.skipIf(noDaemons !== undefined)(
    "C206 a worker that is killed before it gave out what follows: another finds the result and gives it out",
    async () => {
      const asked = (...executor: ReadonlyArray<string>) => [
        ...words("window", "window", executor, "rerank.threads=2"),
        ...["--target", "eval"],
      ]
      expect((await dagProcess(asked(server.address, "--detach"))).code).toBe(0)
      const first = await worker("window")
      await until(() => existsSync(join(scratch, "window/manifests/ingest")), 120)
      first.kill("SIGKILL")
      await worker("window")
      await until(() => existsSync(join(scratch, "window/manifests/compare")), 240)
      expect(said(workers)).toContain("ingest is there")
      const again = await dagProcess(asked(server.address))
      const here = await dagProcess(words("window", "here", ["local"], "rerank.threads=2").concat("--target", "eval"))
      expect(outputsOf(again)).toEqual(outputsOf(here))
    },
  )

  it("C203 after `worker --set-up`, roles that may make no tables give tasks out and take them", async () => {
    const url = new URL(server.address)
    const sql = (user: string, statement: string) =>
      spawnSync("psql", ["-h", url.hostname, "-p", url.port, "-U", user, "-d", "rankdag", "-c", statement], {
        encoding: "utf8",
      })
    sql("lab", "CREATE ROLE guest LOGIN")
    const setUp = await dagProcess(["worker", "--executor", server.address, "--set-up", "guest"])
    expect(setUp.err).toContain("guest may use them")
    expect(sql("guest", "CREATE TABLE pgboss.own (a int)").stderr).toContain("permission denied")
    const address = server.address.replace("lab@", "guest@")
    const { child } = await dagStarted(["worker", "--executor", address, "--artifacts", join(scratch, "guest")])
    workers.push(child)
    const { code } = await dagProcess(words("guest", "guest", [address], "retrieve.alpha.dies=1"))
    expect(code).toBe(0)
    expect(starts("guest", "alpha")).toBe(2)
  })

  it.skipIf(noDaemons !== undefined)(
    "C204 workers with folders of their own make what a bucket then holds, and what they printed is there",
    async () => {
      const s3 = await startS3(join(scratch, "s3"))
      try {
        for (const [name, value] of Object.entries(s3Environment(s3.port))) vi.stubEnv(name, value)
        const shared = (cache: string) => ["--artifacts", "s3://lab/team", "--cache", join(scratch, cache)]
        for (const cache of ["box-1", "box-2"]) {
          const { child } = await dagStarted(["worker", "--executor", server.address, ...shared(cache)])
          workers.push(child)
        }
        const asked = words("bucket", "bucket", [server.address], "retrieve.alpha.dies=1", "rerank.threads=2")
        const at = asked.indexOf("--artifacts")
        const { code, out, err } = await dagProcess([...asked.slice(0, at), ...shared("asker"), ...asked.slice(at + 2)])
        expect({ code, err }).toMatchObject({ code: 0 })
        const here = await dagProcess(words("plain", "here", ["local"], "rerank.threads=2"))
        expect(outputsOf({ code, out, err })).toEqual(outputsOf(here))
        expect([starts("bucket", "alpha"), starts("bucket", "beta")]).toEqual([2, 1])
        const logs = await dagProcess(["logs", "retrieve.outside.alpha", ...shared("asker")])
        expect(logs.out).toBe("alpha is about to die\n")
      } finally {
        vi.unstubAllEnvs()
        await s3.stop()
      }
    },
  )
})
