import { spawnSync } from "node:child_process"
import { afterAll, describe, expect, it } from "vitest"
import { dagStarted, noDaemons, outputsOf, troublesomeRuns, until } from "../../support/troublesomeRuns.ts"

const { close, journal, starts, words } = troublesomeRuns()
afterAll(close)

/** A system of its own, as far as processes see it: as on another machine, no process number of the others' says anything. */
const apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
const noNamespaces = spawnSync(apart[0] ?? "", [...apart.slice(1), "true"]).status !== 0
const waiting = it.skipIf(noDaemons !== undefined)
if (noDaemons !== undefined) console.warn(`Of several machines, ${noDaemons}`)
if (noNamespaces) console.warn("Machines are not tried: unshare --pid needs root, or is not there")

describe.skipIf(noNamespaces)("the same command on several machines over one folder", { timeout: 300_000 }, () => {
  it("C193 makes each node once, and all come to the same", async () => {
    const asked = words("three", "three", ["local"], "retrieve.alpha.waits=6000", "retrieve.beta.waits=6000")
    const runs = await Promise.all([1, 2, 3].map(() => dagStarted(asked, apart)))
    const ended = await Promise.all(runs.map((run) => run.ended))
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0])
    expect([starts("three", "alpha"), starts("three", "beta")]).toEqual([1, 1])
    const [first, ...others] = ended.map(outputsOf)
    for (const other of others) expect(other).toEqual(first)
  })

  // Nearly a minute until a dead process's lock is old.
  waiting("C193 where one dies another makes what it was at, when its lock is old", async () => {
    const asked = words("dies", "machine", ["local"], "retrieve.alpha.waits=15000")
    const first = await dagStarted(asked, apart)
    await until(() => starts("dies", "alpha") === 1)
    const second = await dagStarted(asked, apart)
    await new Promise((resolve) => setTimeout(resolve, 5000))
    first.child.kill("SIGKILL")
    const killed = performance.now()
    await first.ended
    await until(() => starts("dies", "alpha") === 2, 120)
    expect((performance.now() - killed) / 1000).toBeLessThan(60)
    expect((await second.ended).code).toBe(0)
    expect(journal("dies").filter(({ system }) => system === "beta").length).toBe(1)
  })
})
