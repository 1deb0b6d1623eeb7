import type { ChildProcess } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { exitCodeOf } from "../../../cli/ExitCode.ts"
import { CodeDiffers } from "../../../pipeline/index.ts"
import { dagProcess, dagStarted, isAlive, outputsOf, troublesomeRuns, until } from "../../support/troublesomeRuns.ts"

const { close, journal, scratch, starts, words } = troublesomeRuns()
afterAll(close)

const started: Array<ChildProcess> = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL")
})

/** Of all processes, where the system tells of them as Linux does. */
const commandLines = (): ReadonlyArray<string> =>
  existsSync("/proc/self/cmdline")
    ? readdirSync("/proc").flatMap((pid) => {
        try {
          return /^\d+$/.test(pid) ? readFileSync(join("/proc", pid, "cmdline"), "latin1") : []
        } catch {
          return []
        }
      })
    : []

describe("a process for each node", () => {
  it("C182 gives what one process gives, byte for byte, tells as much, and leaves no empty logs", async () => {
    const here = await dagProcess(words("plain", "here", ["local"]))
    const there = await dagProcess(words("plain", "there", ["children"]))
    expect([here.code, there.code]).toEqual([0, 0])
    expect(outputsOf(there)).toEqual(outputsOf(here))
    expect(there.err).toContain("▸ retrieve.outside.alpha")
    expect(new Set(journal("plain").map(({ pid }) => pid)).size).toBe(3)
    expect(readdirSync(join(scratch, "there/logs"))).toEqual(["nodes"])
    const again = await dagProcess(words("plain", "there", ["local"]))
    expect(journal("plain").length).toBe(4)
    expect(outputsOf(again)).toEqual(outputsOf(here))
  })

  it("C183 a process that dies is tried again, three times at most; then its end and its last words are told", async () => {
    const twice = await dagProcess(words("dies", "dies", ["children"], "retrieve.alpha.dies=2"))
    expect(twice.code).toBe(0)
    expect(starts("dies", "alpha")).toBe(3)
    const always = await dagProcess(words("dead", "dead", ["children"], "retrieve.alpha.dies=9"))
    expect(always.code).toBe(1)
    expect(starts("dead", "alpha")).toBe(3)
    expect(always.err).toMatch(/retrieve\.outside\.alpha.*died 3 times, at last by signal SIGKILL/)
    expect(always.err).toContain("alpha is about to die")
    const logs = ["logs", "--artifacts", join(scratch, "dead")]
    expect((await dagProcess([...logs, "retrieve.outside.alpha"])).out).toBe("alpha is about to die\n")
    expect(await dagProcess([...logs, "retrieve.outside.alfa"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean «retrieve.outside.alpha»"),
    })
    const folder = join(scratch, "dies/manifests/retrieve.outside")
    const attempts = readdirSync(folder).map((file) => {
      const record: unknown = JSON.parse(readFileSync(join(folder, file), "utf8"))
      return /"executor":\{"name":"children","attempt":(\d)/.exec(JSON.stringify(record))?.[1]
    })
    expect(attempts.sort()).toEqual(["1", "3"])
  })

  it("C183 a stage's own error is told as it is, and not tried again", async () => {
    const { code, err } = await dagProcess(words("fails", "fails", ["children"], "retrieve.alpha.fails=true"))
    expect(code).toBe(1)
    expect(err).toContain("alpha was told to fail")
    expect(starts("fails", "alpha")).toBe(1)
  })

  it.each(["SIGKILL", "SIGINT"] as const)("C184 a run that ends by %s takes its processes with it", async (signal) => {
    const name = `parent-${signal}`
    const { child, ended } = await dagStarted(words(name, name, ["children"], "retrieve.alpha.waits=60000"))
    started.push(child)
    await until(() => journal(name).some(({ system }) => system === "alpha"))
    const pids = journal(name).map(({ pid }) => pid)
    child.kill(signal)
    const { code } = await ended
    expect(code).toBe(signal === "SIGINT" ? 130 : null)
    await until(() => !pids.some(isAlive))
    // Also the one that waits for a task.
    await until(() => commandLines().every((line) => !line.includes(join(scratch, name))))
    const after = await dagProcess(words(name, name, ["children"], "retrieve.alpha.waits=1"))
    expect(after.code).toBe(0)
    expect(readdirSync(join(scratch, name, "tmp"))).toEqual([])
  })

  it("C185 a key is made by hand from the plan that a run stored; what is there is found", async () => {
    const store = join(scratch, "hand")
    const first = await dagProcess(words("hand", "hand", ["children"]))
    expect(first.code).toBe(0)
    const [plan] = readdirSync(join(store, "plans")).map((file) => file.replace(".json", ""))
    const manifests = join(store, "manifests/retrieve.outside")
    const [manifest] = readdirSync(manifests)
    const key = manifest?.replace(".json", "") ?? ""
    const ask = ["make", key, "--plan", plan ?? "", "--artifacts", store]
    expect((await dagProcess(ask)).out).toBe(`${key} is in the store\n`)
    rmSync(join(manifests, `${key}.json`))
    const made = await dagProcess(ask, { cwd: scratch })
    expect(made.out).toMatch(new RegExp(`^${key} made in [0-9.]+ s\n$`))
    const again = await dagProcess([...words("hand", "hand", ["local"]), "--assert-hit"])
    expect(outputsOf(again)).toEqual(outputsOf(first))
    const unknown = await dagProcess(["make", "0".repeat(64), "--plan", plan ?? "", "--artifacts", store])
    expect(unknown.err).toContain("No node of the plan has the key 000000000000")
    const none = await dagProcess(["make", key, "--plan", "1".repeat(64), "--artifacts", store])
    expect(none.err).toContain("is not there")
    writeFileSync(join(store, "plans", `${"2".repeat(64)}.json`), readFileSync(join(store, "plans", `${plan}.json`)))
    const forged = await dagProcess(["make", key, "--plan", "2".repeat(64), "--artifacts", store])
    expect(forged.err).toContain("has other bytes than its name says")
  })

  it("C209 while a process works the next one loads the program, and ends with the run where nothing is left for it", async () => {
    const { child, ended } = await dagStarted(words("next", "next", ["children"], "retrieve.alpha.waits=3000"))
    started.push(child)
    const store = join(scratch, "next")
    const waiting = () => commandLines().filter((line) => line.includes(store) && line.includes("make\0next")).length
    await until(() => journal("next").some(({ system }) => system === "alpha"))
    if (existsSync("/proc/self/cmdline")) await until(() => waiting() > 1)
    expect((await ended).code).toBe(0)
    await until(() => waiting() === 0)
    const alone = await dagProcess(["make", "next", "--plan", "0".repeat(64), "--artifacts", store])
    expect(alone.err).toContain("next is what a process is told that starts another")
  })

  it("C186 code that differs from the plan's has an exit code of its own", () => {
    expect(exitCodeOf(new CodeDiffers({ key: "0".repeat(64), differences: ["stages/x.ts"] }))).toBe(6)
  })
})
