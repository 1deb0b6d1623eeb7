import type { ChildProcess } from "node:child_process"
import { cpus } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgresServer.ts"
import { smallModel } from "../../support/smallModels.ts"
import { dagProcess, dagStarted, noDaemons, outputsOf, troublesomeRuns, until } from "../../support/troublesomeRuns.ts"

if (noPostgres !== undefined) console.warn(`Workers with labels are not tried: ${noPostgres}`)

if (noDaemons !== undefined) console.warn(`Of workers with labels, ${noDaemons}`)

const { close, scratch } = troublesomeRuns()
afterAll(close)

const model = smallModel("bert-cross", "cross")
const processor = cpus()[0]?.model.trim() ?? ""

describe.skipIf(noPostgres !== undefined)("workers with labels", { timeout: 600_000 }, () => {
  let server: PostgresServer
  const workers: Array<ChildProcess> = []
  const lines = new Map<ChildProcess, string>()
  beforeAll(async () => {
    server = await startPostgres()
  }, 120_000)
  afterEach(() => {
    for (const each of workers.splice(0)) each.kill("SIGKILL")
  })
  afterAll(() => server?.stop())

  const worker = async (store: string, labels: string) => {
    const words = ["worker", "--executor", server.address, "--artifacts", join(scratch, store), "--labels", labels]
    const { child } = await dagStarted(words)
    workers.push(child)
    child.stderr?.on("data", (text: Buffer) => lines.set(child, (lines.get(child) ?? "") + text.toString()))
    return {
      said: () => lines.get(child) ?? "",
      /** Nodes that it began. */
      began: () => [...(lines.get(child) ?? "").matchAll(/^· (\S+) [0-9a-f]{12} begins$/gm)].map((found) => found[1]),
    }
  }

  /** A run that reranks by a model, planned for a machine. */
  const words = (store: string, executor: string, on: string, ...more: ReadonlyArray<string>) => [
    ...["--dataset", join(scratch, "tiny"), "--artifacts", join(scratch, store), "--executor", executor, "--on", on],
    ...["--json", "--target", "rerank.cross", "--log", "plain", "--set", 'retrieve.systems=["bm25"]'],
    ...["--set", `rerank.models=${JSON.stringify([{ source: model, name: "cross" }])}`],
    ...["--set", "rerank.threads=2", ...more],
  ]

  it("C197 C198 each takes what its labels meet, and what is planned for their hardware is what it is here", async () => {
    const on = `cpu:${processor}`
    const [large, fast] = [await worker("shared", "mem=80"), await worker("shared", "fast,mem=8")]
    const needs = ["--needs", "rerank=mem=40", "--needs", "retrieve=fast", "--needs", "index=fast"]
    const there = await dagProcess(words("shared", server.address, on, ...needs))
    expect(there).toMatchObject({ code: 0 })
    const here = await dagProcess(words("alone", "local", on))
    expect(outputsOf(there)).toEqual(outputsOf(here))
    expect(large.began().filter((node) => node?.startsWith("rerank"))).toEqual(["rerank.cross"])
    expect(large.began().filter((node) => /^(retrieve|index)/.test(node ?? ""))).toEqual([])
    expect(fast.began().filter((node) => /^(retrieve|index|rerank)/.test(node ?? ""))).toEqual([
      "index",
      "retrieve.bm25",
    ])
  })

  it.skipIf(noDaemons !== undefined)(
    "C197 C198 what needs a label that nobody has waits, and that is told; on other hardware it is refused",
    async () => {
      const plain = await worker("card", "mem=80")
      const running = await dagStarted(words("card", server.address, "cuda:A card that nobody has"))
      let told = ""
      running.child.stderr?.on("data", (text: Buffer) => (told += text.toString()))
      await until(() => told.includes("No worker that has gpu has taken anything for a minute"), 300)
      expect(plain.began()).toContain("tokenize.cross")
      expect(plain.began()).not.toContain("rerank.cross")
      const card = await worker("card", "gpu")
      await until(() => told.includes("refuses it"), 120)
      expect(told).toMatch(/the worker .* refuses it: rerank\.cross is planned for cuda:A card that nobody has/)
      expect(card.began()).toEqual(["rerank.cross"])
      running.child.kill("SIGINT")
      expect((await running.ended).code).toBe(130)
    },
  )
})
