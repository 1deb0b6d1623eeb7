import { spawn } from "node:child_process"
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, cpus, hostname } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { dag, writeTinyCollection } from "../support/commandLine.ts"
import { amendWeights, smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const home = temporaryFolder("cli-models")
const collection = join(home, "tiny")
const store = join(home, "store")
const cross = smallModel("bert-cross", "cross")
const sister = smallModel("bert-cross", "sister")
const small = ["--dataset", collection, "--set", 'retrieve.systems=["bm25"]', "--set", "rerank.threads=1"]
const models = JSON.stringify([
  { source: cross, name: "cross", maximumTokens: 30 },
  { source: sister, name: "sister", maximumTokens: 30 },
])
const reranking = [...small, "--set", `rerank.models=${models}`]
const inStore = ["--artifacts", store, "--device", "cpu"]

interface Stage {
  readonly name: string
  readonly status: string
  readonly key: string
  readonly output: string
  readonly warnings: ReadonlyArray<string>
  readonly facts: Readonly<Record<string, unknown>>
}

const stagesOf = (out: string): ReadonlyMap<string, Stage> => {
  const { stages }: { readonly stages: ReadonlyArray<Stage> } = JSON.parse(out)
  return new Map(stages.map((stage) => [stage.name, stage]))
}

describe.sequential("models on the command line", () => {
  beforeAll(async () => {
    mkdirSync(collection)
    writeTinyCollection(collection)
    await amendWeights(sister, (name, floats) => {
      if (name === "classifier.bias") floats.fill(1)
    })
  })

  it("N310 N323 models of one tokenizer share the tokens; what was shortened is told again on a hit", async () => {
    const first = await dag(...reranking, ...inStore, "--json")
    expect([first.code, first.err.includes("shortened")]).toEqual([0, true])
    const stages = stagesOf(first.out)
    expect(stages.get("tokenize.cross")?.key).toBe(stages.get("tokenize.sister")?.key)
    expect(stages.get("rerank.cross")?.key).not.toBe(stages.get("rerank.sister")?.key)
    expect(stages.get("rerank.cross")?.facts).toMatchObject({ device: "cpu", precision: "fp32" })
    expect(first.err).toMatch(/^✓ rerank\.cross +ran · .* pairs\/s · run \d+/m)
    const again = await dag(...reranking, ...inStore, "--json")
    const hit = stagesOf(again.out).get("rerank.cross")
    expect(hit?.status).toBe("hit")
    expect(hit?.warnings[0]).toMatch(/^\d+ of \d+ pairs' passages were shortened to fit 30 tokens$/)
    expect(again.err).toMatch(/^! rerank\.cross +\d+ of \d+ pairs' passages were shortened/m)
  })

  it("L41 an exported model is a model again; a folder that is not empty is refused unless forced", async () => {
    const to = join(home, "out")
    const exporting = ["export", "model", "--system", "cross", "--to", to, "--artifacts", store]
    const exported = await dag(...exporting)
    expect([exported.code, exported.err]).toEqual([0, ""])
    const files = readdirSync(to).sort()
    expect(files).toEqual([
      "config.json",
      "config_sentence_transformers.json",
      "model.json",
      "model.onnx",
      "model.safetensors",
      "modules.json",
      "onnx",
      "sentence_bert_config.json",
      "vocab.txt",
    ])
    for (const file of files) expect(exported.out).toContain(join(to, file))
    const refused = await dag(...exporting)
    expect(refused.code).toBe(2)
    expect(refused.err).toMatch(/is not empty.*--force/)
    writeFileSync(join(to, "model.json"), "")
    expect((await dag(...exporting, "--force")).code).toBe(0)
    expect(readFileSync(join(to, "model.json"), "utf8")).toContain('"classifier"')
    const unknown = await dag("export", "model", "--system", "crss", "--to", to, "--artifacts", store)
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("«cross»")])
    const inspected = await dag("model", "inspect", to, "--json")
    expect(JSON.parse(inspected.out)).toMatchObject({ problems: [], input: { maximumTokens: 30 } })
  })

  it("T84 T96 adapters are planned by a dry run, trained, and exported as peft has them, beside the merged model", async () => {
    const trained = join(home, "trained")
    mkdirSync(trained)
    writeTinyCollection(trained)
    const asked = ["bread at the market", "river and roses"].map(
      (text, at) => `${JSON.stringify({ _id: `t${at}`, text })}\n`,
    )
    appendFileSync(join(trained, "queries.jsonl"), asked.join(""))
    writeFileSync(join(trained, "qrels/train.tsv"), "query-id\tcorpus-id\tscore\nt0\td3\t1\nt1\td6\t1\n")
    const model = JSON.stringify([{ source: cross, name: "cross", maximumTokens: 30 }])
    const sets = [
      'retrieve.systems=["bm25"]',
      `train.models=${model}`,
      'train.losses=["softmax"]',
      "train.lora.rank=2",
      "train.steps=2",
      "train.threads=1",
      "train.lists.size=2",
      "train.lists.perStep=1",
      "train.validate.every=0",
      "rerank.threads=1",
    ]
    const training = ["--dataset", trained, ...sets.flatMap((set) => ["--set", set]), ...inStore]
    const dry = await dag(...training, "--dry-run", "--json")
    expect(dry.code).toBe(10)
    const { trainings }: { readonly trainings: ReadonlyArray<unknown> } = JSON.parse(dry.out)
    expect(trainings).toMatchObject([{ system: "cross-softmax", bytes: { moved: 0, device: 0 } }])
    const told = await dag(...training, "--dry-run")
    expect(told.out).toMatch(/^cross-softmax: trains .* numbers in .* of memory: .* gradients, .* values of 2 texts$/m)
    expect((await dag(...training)).code).toBe(0)
    const exported = (what: string, to: string) =>
      dag("export", what, "--system", "cross-softmax", "--to", to, "--artifacts", store)
    const [adapter, merged] = [join(home, "adapter"), join(home, "merged")]
    expect((await exported("adapter", adapter)).code).toBe(0)
    expect(readdirSync(adapter).sort()).toEqual([
      "README.md",
      "adapter.json",
      "adapter_config.json",
      "adapter_model.safetensors",
    ])
    expect(JSON.parse(readFileSync(join(adapter, "adapter_config.json"), "utf8"))).toMatchObject({
      peft_type: "LORA",
      r: 2,
    })
    expect((await exported("model", merged)).code).toBe(0)
    const inspected = await dag("model", "inspect", merged, "--json")
    expect(JSON.parse(inspected.out)).toMatchObject({ problems: [], head: { kind: "classifier" } })
  })

  it("L40 N407 model inspect prints a line for each part, or one document, and exits with 1 where a finding is an error; what is not there names the nearest", async () => {
    const text = await dag("model", "inspect", cross, "--head", "first-token")
    expect([text.code, text.err]).toEqual([
      1,
      expect.stringContaining("cannot be taken as it is: 2 findings are errors"),
    ])
    const sound = await dag("model", "inspect", cross)
    expect([sound.code, sound.err]).toEqual([0, ""])
    expect(text.out).toMatch(/^architecture +bert · /m)
    expect(text.out).toMatch(/^fit +missing: head\.score\.weight$/m)
    const absent = await dag("model", "inspect", join(cross, "../cros"))
    expect([absent.code, absent.out]).toEqual([2, ""])
    expect(absent.err).toMatch(/no such folder.*Did you mean «.*cross»/)
  })

  it("N305 N11 an unknown model and a missing device are errors of the command line, before anything runs", async () => {
    const fresh = join(home, "untouched")
    const unknown = await dag(...small, "--artifacts", fresh, "--set", `rerank.models=["${cross}s"]`)
    expect([unknown.code, existsSync(fresh)]).toEqual([2, false])
    expect(unknown.err).toMatch(/no such folder.*Did you mean «.*cross»/)
    if (existsSync("/dev/nvidia0")) return
    const cuda = await dag(...reranking, "--artifacts", fresh, "--device", "cuda")
    expect([cuda.code, existsSync(fresh)]).toEqual([2, false])
    expect(cuda.err).toMatch(/device «cuda» is not available\. Tried cuda: .*install\.js.*or take --device cpu/)
  })

  it("N326 a run that was killed while it scored goes on with the batches left, to the same bytes", async () => {
    const passages = Array.from({ length: 120 }, (_, i) => `tower number ${"x".repeat(i + 1)} of the harbour`)
    const large = join(home, "large")
    mkdirSync(join(large, "qrels"), { recursive: true })
    const lines = (texts: ReadonlyArray<string>, prefix: string): string =>
      texts.map((text, i) => `${JSON.stringify({ _id: `${prefix}${i}`, text, title: "" })}\n`).join("")
    writeFileSync(join(large, "corpus.jsonl"), lines(passages, "d"))
    // No two pairs are the same input, which is scored once.
    const queries = Array.from({ length: 20 }, (_, i) => `harbour tower ${String.fromCharCode(97 + i)}`)
    writeFileSync(join(large, "queries.jsonl"), lines(queries, "q"))
    const judged = queries.map((_, i) => `q${i}\td1\t1\n`).join("")
    writeFileSync(join(large, "qrels/test.tsv"), `query-id\tcorpus-id\tscore\n${judged}`)
    const model = JSON.stringify([{ source: cross, name: "cross" }])
    const words = (artifacts: string): ReadonlyArray<string> => [
      ...["--dataset", large, "--artifacts", artifacts, "--device", "cpu", "--target", "rerank.cross", "--jobs", "1"],
      ...["--set", 'retrieve.systems=["bm25"]', "--set", "rerank.threads=2", "--set", "rerank.tokensPerBatch=64"],
      ...["--set", `rerank.models=${model}`],
    ]
    // The program without its launcher: one process, whose end is not for another to soften.
    const script = join(home, "plain.ts")
    const root = join(import.meta.dirname, "../..")
    writeFileSync(
      script,
      `import { main } from ${JSON.stringify(join(root, "cli/main.ts"))}\nmain(process.argv.slice(2))`,
    )
    const killed = join(home, "killed")
    const child = spawn(process.execPath, ["--import", "tsx", script, ...words(killed), "--log", "json"], {
      cwd: root,
      stdio: ["ignore", "ignore", "pipe"],
    })
    let err = ""
    let progress = 0
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text
      progress = err.split('"NodeProgress","node":"rerank.cross"').length - 1
      if (progress > 5) child.kill("SIGKILL")
    })
    const signal = await new Promise((resolve) => child.on("close", (_, by) => resolve(by)))
    expect([signal, err.slice(0, progress > 5 ? 0 : 2000)]).toEqual(["SIGKILL", ""])
    expect(existsSync(join(killed, "latest/rerank.cross"))).toBe(false)

    const resumed = await dag(...words(killed), "--log", "json", "--json")
    expect(resumed.code).toBe(0)
    const begun = /"node":"rerank\.cross","progress":\{"done":(\d+),"resumedAt":\1,"total":(\d+)/.exec(resumed.err)
    expect(Number(begun?.[1])).toBeGreaterThan(0)
    expect(Number(begun?.[1])).toBeLessThan(Number(begun?.[2]))
    // The rate is that of what this run scored.
    const before = Number(begun?.[1]) / Number(begun?.[2])
    expect(stagesOf(resumed.out).get("rerank.cross")?.facts["shareBefore"]).toBeCloseTo(before, 10)
    const whole = await dag(...words(join(home, "whole")), "--json")
    expect(stagesOf(whole.out).get("rerank.cross")?.facts).not.toHaveProperty("shareBefore")
    expect(stagesOf(resumed.out).get("rerank.cross")?.output).toBe(stagesOf(whole.out).get("rerank.cross")?.output)
    rmSync(killed, { recursive: true })
  }, 180_000)

  it("C197 --on plans for other machines, whose keys have their hardware; here it is refused, and what is stored is found", async () => {
    const asked = ["--dataset", collection, "--set", 'retrieve.systems=["bm25"]', "--set", `rerank.models=${models}`]
    const on = (...words: ReadonlyArray<string>) =>
      dag(...asked, "--artifacts", store, "--target", "rerank.cross", "--json", ...words)
    const processor = cpus()[0]?.model.trim() ?? ""
    const elsewhere = await on("--on", "cpu:Another processor", "--set", "rerank.threads=1")
    expect(elsewhere.code).toBe(1)
    expect(elsewhere.err).toContain(
      `rerank.cross is planned for cpu:Another processor; ${hostname()} has cpu:${processor}, whose results would be others. To plan for machines like this one: --on "cpu:${processor}".`,
    )
    const card = await on("--on", "cuda:A card that nobody has")
    expect(card.err).toContain(`rerank.cross is planned for cuda:A card that nobody has; ${hostname()} has no cuda.`)
    const here = await on("--on", "here", "--set", "device=cpu")
    const said = await on("--device", "cpu", "--set", `rerank.threads=${availableParallelism()}`)
    const named = await on("--on", `cpu:${processor}`, "--set", `rerank.threads=${availableParallelism()}`)
    const keys = [here, said, named].map(({ out }) => stagesOf(out).get("rerank.cross"))
    expect(keys.map((stage) => stage?.key)).toEqual(keys.map(() => keys[0]?.key))
    expect(keys.map((stage) => stage?.status)).toEqual(["ran", "hit", "hit"])
    const wrong = await Promise.all([
      on("--on", "a card"),
      on("--on", "cpu:Another processor"),
      on("--on", "here", "--device", "cpu"),
    ])
    expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2])
    expect(wrong.map(({ err }) => err)).toEqual([
      expect.stringContaining("--on a card: expected here, or a device and its name"),
      expect.stringContaining("say on how many threads models run there"),
      expect.stringContaining("--on names a device"),
    ])
  })

  it("C198 what nodes need is refused where no executor chooses among machines, and where no node is named so", async () => {
    const local = await dag(...small, ...inStore, "--needs", "rerank=gpu")
    expect([local.code, local.err]).toEqual([
      2,
      expect.stringContaining("--needs is for --executor slurm and postgres://"),
    ])
    const executor = ["--executor", "slurm", "--needs"]
    const strange = await dag(...reranking, ...inStore, ...executor, "rerunk=gpu")
    expect([strange.code, strange.err]).toEqual([3, expect.stringContaining("Did you mean «rerank»?")])
    const label = await dag(...reranking, ...inStore, ...executor, "rerank=GPU")
    expect([label.code, label.err]).toEqual([2, expect.stringContaining("«GPU» is no label")])
  })
})
