import type { ChildProcess } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgresServer.ts"
import { dagProcess, dagStarted, isAlive, outputsOf, troublesomeRuns, until } from "../../support/troublesomeRuns.ts"

if (noPostgres !== undefined) console.warn(`Workers over PostgreSQL are not tried: ${noPostgres}`)

const { close, journal, scratch, starts, words } = troublesomeRuns()
afterAll(close)

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

  it("C196 where a worker is killed its process dies with it, and another worker makes the node", async () => {
    const lost = await worker("lost")
    const running = await dagStarted(words("lost", "lost", [server.address], "retrieve.alpha.waits=9000"))
    await until(() => starts("lost", "alpha") === 1, 120)
    const killedAt = performance.now()
    lost.kill("SIGKILL")
    await until(() => !journal("lost").some(({ pid, system }) => system === "alpha" && isAlive(pid)))
    await worker("lost")
    await until(() => starts("lost", "alpha") === 2, 120)
    console.info(`a dead worker's task began again after ${((performance.now() - killedAt) / 1000).toFixed(1)} s`)
    expect((await running.ended).code).toBe(0)
  })
})
