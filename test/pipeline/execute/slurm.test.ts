import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { s3Environment, startS3 } from "../../support/s3Server.ts"
import { noSlurm, type SlurmCluster, startSlurm } from "../../support/slurmCluster.ts"
import {
  dagProcess,
  dagStarted,
  isAlive,
  noDaemons,
  outputsOf,
  troublesomeRuns,
  until,
} from "../../support/troublesomeRuns.ts"

if (noSlurm !== undefined) console.warn(`Slurm is not tried: ${noSlurm}`)

if (noDaemons !== undefined) console.warn(`Of tasks on Slurm, ${noDaemons}`)

const { close, journal, scratch, starts, words } = troublesomeRuns()
afterAll(close)

describe.skipIf(noSlurm !== undefined)("tasks on Slurm", { timeout: 300_000 }, () => {
  let cluster: SlurmCluster
  beforeAll(async () => {
    cluster = await startSlurm()
    process.env["SLURM_CONF"] = cluster.conf
  }, 60_000)
  afterAll(() => {
    delete process.env["SLURM_CONF"]
    cluster?.stop()
  })

  it("C187 give what one process gives, byte for byte, and are told while they run", async () => {
    const threads = "rerank.threads=2"
    const here = await dagProcess(words("plain", "here", ["local"], threads))
    const there = await dagProcess(
      words("plain", "there", ["slurm", "--slurm", "--time=1:00 --comment='a b'"], threads),
    )
    expect(outputsOf(there)).toEqual(outputsOf(here))
    expect(there.err).toContain("▸ retrieve.outside.alpha")
    expect(starts("plain", "alpha")).toBe(2)
    expect(readdirSync(join(scratch, "there/logs"))).toEqual(["nodes", "slurm"])
    expect(cluster.squeue()).toBe("")
  })

  it.skipIf(noDaemons !== undefined)(
    "C188 what dies is given again, three times at most; an error of its own is not",
    async () => {
      const twice = await dagProcess(words("dies", "dies", ["slurm"], "retrieve.alpha.dies=2"))
      expect(twice.code).toBe(0)
      expect(starts("dies", "alpha")).toBe(3)
      const dead = await dagProcess(
        words("dead", "dead", ["slurm"], "retrieve.alpha.dies=9", "retrieve.beta.fails=true"),
      )
      expect(dead.code).toBe(1)
      expect(dead.err).toContain("beta was told to fail")
      expect(starts("dead", "beta")).toBe(1)
    },
  )

  it.skipIf(noDaemons !== undefined)(
    "C189 a run that is killed leaves its tasks at work, and the same command goes on with them",
    async () => {
      const asked = words("killed", "killed", ["slurm"], "retrieve.alpha.waits=12000", "retrieve.beta.waits=12000")
      const { child, ended } = await dagStarted(asked)
      await until(() => starts("killed", "alpha") + starts("killed", "beta") === 2)
      child.kill("SIGKILL")
      await ended
      expect(journal("killed").every(({ pid }) => isAlive(pid))).toBe(true)
      const again = await dagProcess(asked)
      expect(again.code).toBe(0)
      expect(journal("killed").length).toBe(2)
    },
  )

  it("C189 a run that is interrupted takes its tasks back", async () => {
    const { child, ended } = await dagStarted(words("back", "back", ["slurm"], "retrieve.alpha.waits=100000"))
    await until(() => starts("back", "alpha") === 1)
    const pids = journal("back").map(({ pid }) => pid)
    child.kill("SIGINT")
    expect((await ended).code).toBe(130)
    await until(() => !pids.some(isAlive) && cluster.squeue() === "")
  })

  it("C190 --detach submits what is ready and leaves; Slurm goes on with all that follows", async () => {
    const asked = (executor: ReadonlyArray<string>) => words("left", "left", executor, "rerank.threads=2")
    const { code, err, out } = await dagProcess(asked(["slurm", "--detach", "--slurm", "--comment='a b' -A lab"]))
    expect({ code, out }).toEqual({ code: 0, out: "" })
    expect(err).toMatch(/given to Slurm, which goes on with \d+ more/)
    await until(() => cluster.squeue() === "")
    expect(journal("left").length).toBe(2)
    const after = await dagProcess([...asked(["slurm"]), "--assert-hit"])
    expect(after).toMatchObject({ code: 0 })
    const here = await dagProcess(words("plain", "here", ["local"], "rerank.threads=2"))
    expect(outputsOf(after)).toEqual(outputsOf(here))
  })

  it("C190 of a run that left, a process that dies is tried again, and what fails when the command is given again", async () => {
    const asked = (executor: ReadonlyArray<string>) =>
      words("chain", "chain", executor, "retrieve.alpha.dies=1", "retrieve.beta.fails=true")
    expect(await dagProcess(asked(["slurm", "--detach"]))).toMatchObject({ code: 0 })
    await until(() => cluster.squeue() === "")
    expect([starts("chain", "alpha"), starts("chain", "beta")]).toEqual([2, 1])
    const { code, err } = await dagProcess(asked(["slurm"]))
    expect(code).toBe(1)
    expect(err).toContain("retrieve.outside.beta")
    expect([starts("chain", "alpha"), starts("chain", "beta")]).toEqual([2, 2])
  })

  it("C190 the same command takes over what a run left, and Ctrl-C takes it back", async () => {
    const asked = (executor: ReadonlyArray<string>) => words("over", "over", executor, "retrieve.alpha.waits=100000")
    expect(await dagProcess(asked(["slurm", "--detach"]))).toMatchObject({ code: 0 })
    const states = () =>
      cluster
        .squeue()
        .split("\n")
        .flatMap((line) => line.split(" ")[1] ?? [])
        .sort()
        .join()
    await until(() => starts("over", "beta") === 1 && states() === "PENDING,RUNNING")
    const { child, ended } = await dagStarted(asked(["slurm"]))
    await until(() => states() === "RUNNING")
    child.kill("SIGINT")
    expect((await ended).code).toBe(130)
    await until(() => cluster.squeue() === "")
    expect(starts("over", "alpha")).toBe(1)
  })

  it.skipIf(noDaemons !== undefined)(
    "C188 a node that vanishes costs an attempt, and another node makes it",
    async () => {
      const asked = words("node", "node", ["slurm"], "retrieve.alpha.waits=4000", "retrieve.beta.waits=4000")
      const { ended } = await dagStarted(asked)
      await until(() => journal("node").length === 2)
      for (const { pid } of journal("node").slice(0, 1)) process.kill(pid, "SIGKILL")
      cluster.kill("n1")
      const { code } = await ended
      cluster.start("n1")
      expect(code).toBe(0)
      expect(existsSync(join(scratch, "node/manifests"))).toBe(true)
      expect(journal("node").length).toBeGreaterThanOrEqual(3)
    },
  )

  it.skipIf(noDaemons !== undefined)("C204 nodes with disks of their own make what a bucket then holds", async () => {
    const cache = join(scratch, "own")
    const apart = await startSlurm(2, cache)
    const s3 = await startS3(join(scratch, "s3"))
    try {
      vi.stubEnv("SLURM_CONF", apart.conf)
      for (const [name, value] of Object.entries(s3Environment(s3.port))) vi.stubEnv(name, value)
      // Slurm's queue is looked at every five seconds: what ends sooner may never be seen at work.
      const asked = words(
        "bucket",
        "bucket",
        ["slurm"],
        "retrieve.alpha.dies=1",
        "retrieve.alpha.waits=7000",
        "rerank.threads=2",
      )
      const at = asked.indexOf("--artifacts")
      const shared = ["--artifacts", "s3://lab/team", "--cache", cache]
      const there = await dagProcess([...asked.slice(0, at), ...shared, ...asked.slice(at + 2)])
      expect(there).toMatchObject({ code: 0 })
      expect(there.err).toContain("▸ retrieve.outside.alpha")
      const made = ["n1", "n2"].flatMap((node) => {
        const folder = join(apart.disk(node), "manifests/retrieve.outside")
        return existsSync(folder) ? readdirSync(folder) : []
      })
      expect(made.length).toBe(2)
      const here = await dagProcess(words("plain", "here", ["local"], "rerank.threads=2"))
      expect(outputsOf(there)).toEqual(outputsOf(here))
      expect([starts("bucket", "alpha"), starts("bucket", "beta")]).toEqual([2, 1])

      const left = words("gone", "gone", ["slurm", "--detach"], "retrieve.alpha.waits=12000", "rerank.threads=2")
      const team = ["--artifacts", "s3://lab/another", "--cache", cache]
      const place = left.indexOf("--artifacts")
      const gone = [...left.slice(0, place), ...team, ...left.slice(place + 2)]
      expect(await dagProcess(gone)).toMatchObject({ code: 0 })
      await until(() => apart.squeue() === "")
      // While one was at work, the other ended and another machine looked what follows: nothing was given twice.
      expect([starts("gone", "alpha"), starts("gone", "beta")]).toEqual([1, 1])
      expect(await dagProcess([...gone.filter((word) => word !== "--detach"), "--assert-hit"])).toMatchObject({
        code: 0,
      })
    } finally {
      vi.unstubAllEnvs()
      apart.stop()
      await s3.stop()
    }
  })
})
