import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { storePlace } from "../../cli/storePlace.ts"
import { dag, writeTinyCollection } from "../support/commandLine.ts"
import { treeOf } from "../support/processes.ts"
import { type S3Server, s3Environment, startS3 } from "../support/s3Server.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-shared-"))
const collection = join(scratch, "tiny")
const [mine, theirs] = [join(scratch, "mine"), join(scratch, "theirs")]

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let s3: S3Server
beforeAll(async () => {
  writeTinyCollection(collection)
  s3 = await startS3(join(scratch, "s3"))
  for (const [name, value] of Object.entries(s3Environment(s3.port))) vi.stubEnv(name, value)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await s3.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const shared = (cache: string) => ["--artifacts", "s3://lab/team", "--cache", cache]
const run = (cache: string, ...words: ReadonlyArray<string>) => dag("--dataset", collection, ...shared(cache), ...words)

describe.sequential("a bucket that a team shares", () => {
  it("L180 a bucket has artifacts before it, or what --cache says; a folder has something before it only where that is said", () => {
    const named = { insecure: false, environment: expect.anything() }
    expect(storePlace({ artifacts: "s3://lab/x", cache: undefined, insecure: true })).toMatchObject({
      directory: "artifacts",
      remote: { address: "s3://lab/x", insecure: true },
    })
    expect(storePlace({ artifacts: "/nfs/x", cache: "here", insecure: false })).toEqual({
      directory: "here",
      remote: { address: "/nfs/x", ...named },
    })
    expect(storePlace({ artifacts: "there", cache: undefined, insecure: false })).toEqual({ directory: "there" })
    expect(storePlace({ artifacts: "there", cache: "./there", insecure: false })).toEqual({ directory: "there" })
  })

  it("C150 C152 L180 one computes, another has the table without running anything, and reads what else there is as it is asked for", async () => {
    const first = await run(mine)
    expect(first.code, first.err).toBe(0)
    expect(first.err).toContain("to s3://lab/team")

    const before = existsSync(theirs)
    const dry = await run(theirs, "--dry-run")
    expect([dry.code, before, existsSync(theirs)]).toEqual([0, false, false])
    expect(dry.out).toMatch(/index +hit +from run \S+, in s3:\/\/lab\/team/)

    const second = await run(theirs, "--assert-hit")
    expect([second.code, second.out]).toEqual([0, first.out])
    const here = readdirSync(join(theirs, "manifests")).sort()
    expect(here).toEqual(["compare", "evaluate"])

    const counted = await dag("sql", "select count(*) from runs", "--format", "csv", ...shared(theirs))
    const expected = await dag("sql", "select count(*) from runs", "--format", "csv", ...shared(mine))
    expect([counted.code, counted.out]).toEqual([0, expected.out])
    expect(counted.err).toMatch(/^↓ runs: .* from s3:\/\/lab\/team/m)
    expect(expected.err).toBe("")

    // Without the bucket what is not here is told, and what is here is read.
    const alone = await dag("sql", "select count(*) from passages", "--artifacts", theirs)
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining("Name it: --artifacts s3://lab/team")])
    expect((await dag("sql", "select count(*) from scores", "--artifacts", theirs)).code).toBe(0)

    const words = ["search", "cat", "--system", "bm25", "--json"]
    const [ours, others] = [await dag(...words, ...shared(mine)), await dag(...words, ...shared(theirs))]
    const told = ({ out }: { readonly out: string }) => out.replaceAll(/"seconds": [\d.e-]+/g, "")
    expect([others.code, told(others)], others.err).toEqual([0, told(ours)])
    const lineage = await dag("lineage", "eval", ...shared(theirs))
    expect(lineage.out).toMatch(/stage index, key \w+, in s3:\/\/lab\/team/)
    expect(lineage.out).not.toContain("not on record")
    const node = await dag("lineage", "retrieve.bm25", ...shared(theirs))
    expect([node.code, node.out]).toEqual([0, expect.stringMatching(/^\S+ [0-9a-f]{64} ← retrieve\.bm25\n.*in s3:/)])
    const record = readdirSync(join(theirs, "runs")).map((name) => readFileSync(join(theirs, "runs", name), "utf8"))
    expect(record.join()).toContain('"from":"s3://lab/team"')
  })

  it("C154 L180 verify and gc speak of the local folder alone, and say so; credentials are nowhere in it", async () => {
    const checked = await dag("verify", ...shared(theirs))
    expect([checked.code, checked.out]).toEqual([0, expect.stringContaining("not looked at: s3://lab/team")])
    const collected = await dag("gc", "--dry-run", ...shared(theirs))
    expect(collected.out).toContain("s3://lab/team is left as it is")
    for (const line of treeOf(theirs)) expect(line).not.toContain("S3RVER")
    const files = readdirSync(theirs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    for (const file of files) {
      expect(readFileSync(join(file.parentPath, file.name), "latin1"), file.name).not.toContain("S3RVER")
    }
  })
})
