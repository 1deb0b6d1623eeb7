import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { type Plan, preview, type RunEvent, type RunOptions, run } from "../../pipeline/index.ts"
import { diamond, executed, type Mischief, services, setMischief } from "../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-runner-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

let stores = 0
const freshStore = (): string => join(scratch, `store-${stores++}`)

interface Ran {
  readonly statuses: Readonly<Record<string, string>>
  readonly executed: ReadonlyArray<string>
  readonly events: ReadonlyArray<RunEvent>
}

const runIn = async (store: string, plan: Plan, options: RunOptions = {}, mischief: Mischief = {}): Promise<Ran> => {
  const journal = join(scratch, `journal-${stores++}`)
  setMischief({ journal, ...mischief })
  const events: Array<RunEvent> = []
  const report = await Effect.runPromise(
    run(plan, { ...options, onEvent: (event) => events.push(event) }).pipe(Effect.provide(services(store))),
  )
  return {
    statuses: Object.fromEntries(report.nodes.map((node) => [node.name, node.status])),
    executed: executed(journal).filter((line) => !line.includes("step")),
    events,
  }
}

describe("running", () => {
  it("C1 a second run executes nothing", async () => {
    const store = freshStore()
    const first = await runIn(store, diamond())
    expect(first.executed).toEqual(["a", "left", "right", "top"])
    expect(new Set(Object.values(first.statuses))).toEqual(new Set(["ran"]))
    const second = await runIn(store, diamond())
    expect(second.executed).toEqual([])
    expect(new Set(Object.values(second.statuses))).toEqual(new Set(["hit"]))
    const previews = await Effect.runPromise(preview(diamond()).pipe(Effect.provide(services(store))))
    expect(previews.map(({ status }) => status)).toEqual(["hit", "hit", "hit", "hit", "hit"])
  })
})
