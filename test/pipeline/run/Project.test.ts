import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { layerArtifactStore, layerDuckDb, layerFingerprint, renderReason, run } from "../../../pipeline/index.ts"
import { diamond, setMischief } from "../../support/smallDag.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-project-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => setMischief({}))

/** The code of the small stages, as a project of its own whose files can be edited: join → helper → deeper. */
const code = {
  "package.json": '{ "name": "project", "version": "1.0.0" }',
  "test/support/make.ts": "export const run = (text: string): string => text\n",
  "test/support/join.ts": 'import { joined } from "./helper.ts"\nexport const run = joined\n',
  "test/support/count.ts": 'import { ten } from "./deeper.ts"\nexport const run = () => ten\n',
  "test/support/helper.ts":
    'import { comma } from "./deeper.ts"\nexport const joined = (texts: Array<string>): string => texts.join(comma)\n',
  "test/support/deeper.ts": 'export const comma = ","\nexport const ten = 10\n',
}

const put = (root: string, files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

/** As a new process would: each run has a fingerprint service of its own. */
const runIn = (root: string) =>
  Effect.runPromise(
    run(diamond()).pipe(
      Effect.either,
      Effect.provide(
        Layer.mergeAll(
          layerArtifactStore(join(root, "artifacts")),
          layerFingerprint({ projectRoot: root, hintsFile: join(root, "hints.json") }),
          layerDuckDb(),
        ),
      ),
    ),
  )

const ran = async (root: string) => {
  const report = Either.getOrThrow(await runIn(root))
  return {
    ran: report.nodes.filter(({ status }) => status === "ran").map(({ name }) => name),
    reasons: Object.fromEntries(report.nodes.map(({ name, reason }) => [name, renderReason(reason).slice(1)])),
  }
}

describe("an edit of a stage's code", () => {
  it("C60 a comment, another format, another type: nothing runs", async () => {
    const root = join(scratch, "cosmetic")
    put(root, code)
    expect((await ran(root)).ran).toHaveLength(5)
    put(root, {
      "test/support/helper.ts": [
        "// Joins.",
        'import { comma } from "./deeper.ts"',
        "",
        "export const joined = (list: ReadonlyArray<string>): string =>",
        "  list.join(comma) /* all of them */",
        "",
      ].join("\n"),
    })
    expect((await ran(root)).ran).toEqual([])
  })

  it("C61 a change two imports away runs exactly the stages that reach it, and the reason names the file", async () => {
    const root = join(scratch, "helper")
    put(root, code)
    await ran(root)
    put(root, { "test/support/deeper.ts": 'export const comma = ";"\nexport const ten = 10\n' })
    const changed = await ran(root)
    expect(changed.ran).toEqual(["join.left", "join.right", "join.top"])
    expect(changed.reasons["join.left"]).toEqual(["  code: test/support/deeper.ts changed"])
  })

  it("C11 code that is edited while it runs: its result is not kept, and the error says to run again", async () => {
    const root = join(scratch, "edited")
    put(root, code)
    setMischief({
      during: (node) => {
        if (node === "left") put(root, { "test/support/helper.ts": `${code["test/support/helper.ts"]}// edited\n` })
      },
    })
    const failed = Either.getOrThrow(Either.flip(await runIn(root)))
    expect(failed.message).toMatch(
      /join\.left: test\/support\/join\.ts, or a module it imports, was edited while .* Run again/,
    )
    setMischief({})
    const again = await ran(root)
    expect(again.ran).toContain("join.left")
    expect(again.ran).not.toContain("make.a")
  })
})
