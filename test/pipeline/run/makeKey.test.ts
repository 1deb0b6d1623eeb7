import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import {
  ArtifactStore,
  type AskedKey,
  inProcess,
  makeJobs,
  makeKey,
  type Plan,
  readPlan,
  run,
  storePlan,
} from "../../../pipeline/index.ts"
import { diamond, executed, type Mischief, services, setMischief } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-make-key-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

/** Runs a plan and stores it, as an executor does. */
const stored = (store: string, plan: Plan) =>
  Effect.runPromise(
    Effect.gen(function* () {
      let hash = ""
      const report = yield* run(plan, {
        executor: (making, given) =>
          Effect.flatMap(storePlan(given, { made: "here" }, making.session), (name) => {
            hash = name
            return inProcess(making, given)
          }),
      })
      return { hash, keyOf: (name: string) => report.nodes.find((node) => node.name === name)?.key ?? "" }
    }).pipe(Effect.provide(services(join(scratch, store)))),
  )

const ask = (store: string, plan: Plan, hash: string, asked: Omit<AskedKey, "forced"> & Partial<AskedKey>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const how = { purpose: "make", inJob: makeJobs(1, false).inJob, onEvent: () => {} }
      return yield* makeKey(plan, yield* readPlan(hash), { forced: false, ...asked }, how)
    }).pipe(
      Effect.match({
        onSuccess: (made) => ({ _tag: made._tag, message: "" }),
        onFailure: ({ _tag, message }) => ({ _tag, message }),
      }),
      Effect.provide(services(join(scratch, store))),
    ),
  )

const forget = (store: string, stage: string, key: string) =>
  rmSync(join(scratch, store, "manifests", stage, `${key}.json`))

describe("a key that is asked for", () => {
  const journal = join(scratch, "journal")
  const trouble = (more: Mischief = {}) => setMischief({ journal, ...more })

  it("C185 is found where it is, and made where it is not, with or without its node's name", async () => {
    trouble()
    const { hash, keyOf } = await stored("found", diamond())
    const top = keyOf("join.top")
    expect((await ask("found", diamond(), hash, { key: top }))._tag).toBe("Found")
    forget("found", "join", top)
    expect((await ask("found", diamond(), hash, { key: top }))._tag).toBe("Made")
    expect((await ask("found", diamond(), hash, { key: top, node: "join.top", forced: true }))._tag).toBe("Made")
    expect(executed(journal).filter((node) => node === "top").length).toBe(3)
  })

  it("C186 with other code nothing is made, and the file that differs is named", async () => {
    trouble()
    const { hash, keyOf } = await stored("code", diamond())
    const key = keyOf("join.top")
    forget("code", "join", key)
    trouble({ code: { join: "edited" } })
    const before = executed(journal).length
    const refused = await ask("code", diamond(), hash, { key, node: "join.top" })
    expect(refused._tag).toBe("CodeDiffers")
    expect(refused.message).toContain("test/support/join.ts")
    expect(executed(journal).length).toBe(before)
  })

  it("C186 with other settings, or without what it reads, nothing is made, and it is said which", async () => {
    trouble()
    const { hash, keyOf } = await stored("settings", diamond())
    const key = keyOf("join.top")
    forget("settings", "join", key)
    const other = await ask("settings", diamond({ top: "another" }), hash, { key, node: "join.top" })
    expect(other.message).toContain("here it would be")
    forget("settings", "make", keyOf("make.a"))
    const missing = await ask("settings", diamond(), hash, { key, node: "join.top" })
    expect(missing).toMatchObject({ _tag: "KeyUnknown" })
    expect(missing.message).toContain("make.a")
  })

  it("C185 while another process makes it, it is given back at once", async () => {
    trouble()
    const { hash, keyOf } = await stored("held", diamond())
    const key = keyOf("join.top")
    forget("held", "join", key)
    const held = await Effect.runPromise(
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const session = yield* store.session("test")
        expect(yield* session.tryLock(key)).toBeUndefined()
        return yield* Effect.promise(() => ask("held", diamond(), hash, { key }))
      }).pipe(Effect.scoped, Effect.provide(services(join(scratch, "held")))),
    )
    expect(held._tag).toBe("Held")
  })
})
