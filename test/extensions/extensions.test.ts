import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { beforeAll, describe, expect, it } from "vitest"
import { loadExtensions } from "../../cli/extensions.ts"
import { extensionsOf, readSettings } from "../../cli/Settings.ts"
import { bring, kitOf } from "../../extension.ts"
import { parseMeasure } from "../../measures/index.ts"
import { lossExpression, lossOf } from "../../neural/losses/index.ts"
import * as Onnx from "../../neural/onnx/index.ts"
import { layerOnnxRuntime, OnnxRuntime } from "../../neural/runtime/index.ts"
import { layerDuckDb, readRows } from "../../pipeline/index.ts"
import { isRecord, Kinds } from "../../schemas/index.ts"
import type { OutsideHit } from "../../stages/retrieve/index.ts"
import { dagProcess, writeTinyCollection } from "../support/commandLine.ts"
import { Executor, nodeNamed, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"

const kit = kitOf(Schema)

const mine = join(import.meta.dirname, "mine.ts")
const small = { passages: { d1: "red bread", d2: "bread", d10: "wine" }, queries: { q1: "red bread", q2: "wine" } }

/** What a system of the small collection found. */
const rowsOf = (node: string, ...sets: Array<string>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const wired = yield* wireSmall(small, [], ...sets)
      const { outputs } = yield* new Executor().make(nodeNamed(wired, node))
      return yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
  )

/** The message of what a system of the small collection fails with. */
const failureOf = (node: string, ...sets: Array<string>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const wired = yield* wireSmall(small, [], ...sets)
      const error: unknown = yield* Effect.flip(new Executor().make(nodeNamed(wired, node)))
      return error instanceof Error ? error.message : String(error)
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
  )

const configOf = (node: string, ...sets: Array<string>) => {
  const found = nodeNamed(Effect.runSync(wireSmall(small, [], ...sets)), node)
  return found._tag === "StageNode" ? found.config : undefined
}

const refused = async (text: string): Promise<string> => {
  const file = join(temporaryFolder("extension"), "bad.ts")
  writeFileSync(file, text)
  const { message } = await Effect.runPromise(Effect.flip(loadExtensions([file])))
  expect(message).toContain(`${file}: `)
  return message
}

describe("modules from outside, loaded into this process", () => {
  beforeAll(() => Effect.runPromise(loadExtensions([mine])))

  it("C130 a first stage is a system, its settings stand under its name, and a seed makes it repeat", async () => {
    const asked = ['retrieve.systems=["random"]']
    const rows = await rowsOf("retrieve.outside.random", ...asked)
    expect(rows.map(({ qid, rank, system }) => [system, qid, rank])).toEqual(
      ["q1", "q2"].flatMap((qid) => [1, 2, 3].map((rank) => ["random", qid, rank])),
    )
    expect(await rowsOf("retrieve.outside.random", ...asked)).toEqual(rows)
    const other = await rowsOf("retrieve.outside.random", ...asked, "retrieve.random.seed=2")
    expect(other.map(({ score }) => score)).not.toEqual(rows.map(({ score }) => score))
    const scaled = await rowsOf("retrieve.outside.random", ...asked, "retrieve.random.scale=2")
    expect(scaled.map(({ score }) => score)).toEqual(rows.map(({ score }) => 2 * score))
  })

  it("C130 a reranker is a system over the candidates; equal scores come by docid descending", async () => {
    const rows = await rowsOf("rerank.outside.overlap")
    expect(rows.map(({ docid, qid, rank, score }) => [qid, rank, docid, score])).toEqual([
      ["q1", 1, "d1", 2],
      ["q1", 2, "d2", 1],
      ["q1", 3, "d10", 0],
      ["q2", 1, "d10", 1],
      ["q2", 2, "d2", 0],
      ["q2", 3, "d1", 0],
    ])
  })

  it("C130 a loss is an expression like ours: ApproxNDCG has the value of its formula, whatever stands in the padding", async () => {
    const scores = [2, 0.5, -1, 0.4]
    const grades = [0, 2, 1, 0]
    const temperature = 0.5
    const sum = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0)
    const ranks = scores.map(
      (own, i) => 1 + sum(scores.map((other, j) => (i === j ? 0 : 1 / (1 + Math.exp((own - other) / temperature))))),
    )
    const dcg = (rankOf: (i: number) => number) =>
      sum(grades.map((grade, i) => (2 ** grade - 1) / Math.log2(1 + rankOf(i))))
    const expected = 1 - dcg((i) => ranks[i] ?? 0) / dcg((i) => [3, 1, 2, 4][i] ?? 0)

    const shape = [1, 5]
    const names = ["scores", "grades", "mask"] as const
    const [scored, graded, mask] = names.map((name) => Onnx.input(name, "float64", shape))
    if (scored === undefined || graded === undefined || mask === undefined) throw new Error("no inputs")
    const loss = lossOf("approxndcg", { temperature })
    expect(loss).toEqual({ kind: "approxndcg", temperature, code: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const { loss: total } = lossExpression(loss, { scores: scored, grades: graded, mask })
    const graph = { name: "loss", inputs: [scored, graded, mask], outputs: { total } }
    const values = (data: ReadonlyArray<number>) => ({ type: "float64" as const, shape, data: Float64Array.from(data) })
    const run = Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model)
      const session = yield* runtime.open({ name: "loss", bytes }, { device: "cpu", threads: 1 })
      const inputs = {
        scores: values([...scores, Number.NaN]),
        grades: values([...grades, Number.NaN]),
        mask: values([1, 1, 1, 1, 0]),
      }
      return (yield* session.run(inputs)).get("total")?.data[0]
    })
    const value = await Effect.runPromise(run.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
    expect(value).toBeCloseTo(expected, 12)
  })

  it("C131 what uses something from outside has the digest of its code in its configuration; what does not, has not", () => {
    const code = /^[0-9a-f]{64}$/
    expect(configOf("retrieve.outside.random", 'retrieve.systems=["random"]')).toMatchObject({
      code: expect.stringMatching(code),
      settings: { scale: 1 },
      seed: 1,
    })
    expect(configOf("rerank.outside.overlap")).toMatchObject({ code: expect.stringMatching(code), settings: {} })
    const measured = (measures: string) => {
      const { scores } = Effect.runSync(wireSmall(small, [], `evaluate.measures=${measures}`))
      return scores.node._tag === "StageNode" ? scores.node.config : undefined
    }
    expect(measured('["DCG@3","AP"]')).toMatchObject({
      measures: [expect.stringMatching(/^DCG@3 code:[0-9a-f]{64}$/), "AP"],
    })
    expect(configOf("retrieve.bm25")).not.toHaveProperty("code")
  })

  it("L207 a measure of grades takes no parameter that would change nothing", () => {
    expect(parseMeasure("DCG@3")).toMatchObject({ ok: true, value: { text: "DCG@3" } })
    expect(parseMeasure("DCG(rel=2)@3")).toMatchObject({ ok: false, error: { parameter: "rel" } })
    expect(parseMeasure("DCG(judged_only=True)@3")).toMatchObject({ ok: false, error: { parameter: "judged_only" } })
    expect(parseMeasure("DCG")).toMatchObject({ ok: false, error: { parameter: "cutoff" } })
  })

  it("C132 a mistyped name is told with the nearest, among ours and those from outside", () => {
    const problem = (set: string) => Effect.runSync(Effect.flip(readSettings({ datasets: [], sets: [set] }))).message
    expect(problem('retrieve.systems=["randm"]')).toContain("Did you mean «random»?")
    expect(problem('train.losses=["aproxndcg"]')).toContain("Did you mean «approxndcg»?")
    expect(problem("retrieve.random.scal=2")).toContain("retrieve.random.scale")
    expect(problem("retrieve.random.scale=0")).toMatch(/retrieve\.random\.scale: .*positive/)
    expect(problem('extensions=["x.ts"]')).toContain("--stages")
  })

  const answers: ReadonlyArray<readonly [string, unknown, string]> = [
    ["an unknown docid", [{ docid: "d3", score: 1 }], "result 1 is d3, which the collection does not have"],
    ["no number", [{ docid: "d1", score: Number.NaN }], "the score of d1 is NaN"],
    ["a text for a score", [{ docid: "d1", score: "1" }], "result 1 is no { docid, score }"],
    [
      "a passage twice",
      [
        { docid: "d1", score: 1 },
        { docid: "d1", score: 2 },
      ],
      "d1 is found twice",
    ],
    ["no array", "d1", "search gives no array"],
  ]
  it.each(answers)(
    "C133 a first stage that gives %s is an error that names module and query",
    async (_, answer, problem) => {
      const isAnswer = (given: unknown): given is ReadonlyArray<OutsideHit> => given === answer
      const open = () => ({ search: () => (isAnswer(answer) ? answer : []) })
      bring({ firstStages: [kit.defineFirstStage({ name: "broken", open })] }, "0", "/x/broken.ts")
      const message = await failureOf("retrieve.outside.broken", 'retrieve.systems=["broken"]')
      expect(message).toContain("/x/broken.ts: broken: query q1: ")
      expect(message).toContain(problem)
    },
  )

  const scores: ReadonlyArray<readonly [string, () => ReadonlyArray<number>, string]> = [
    ["too few scores", () => [1, 2], "score gives 2 numbers for 3 passages"],
    ["no number", () => [1, Number.POSITIVE_INFINITY, 2], "the score of d2 is Infinity"],
    [
      "an exception",
      () => {
        throw new Error("out of ideas")
      },
      "out of ideas",
    ],
  ]
  it.each(scores)(
    "C133 a reranker that gives %s is an error that names module and query",
    async (_, score, problem) => {
      bring({ rerankers: [kit.defineReranker({ name: "broken", open: () => ({ score }) })] }, "0", "/x/broken.ts")
      const message = await failureOf("rerank.outside.broken")
      expect(message).toContain("/x/broken.ts: broken: query q1: ")
      expect(message).toContain(problem)
    },
  )

  it("C133 a first stage refuses a collection that is larger than it allows", async () => {
    const tiny = kit.defineFirstStage({ name: "tiny", maxPassages: 2, open: () => ({ search: () => [] }) })
    bring({ firstStages: [tiny] }, "0", "/x/tiny.ts")
    expect(await failureOf("retrieve.outside.tiny", 'retrieve.systems=["tiny"]')).toMatch(/3 passages.*allows 2/)
  })

  it("C134 a module that cannot be used is refused with what is wrong and where", async () => {
    expect(await refused("export const x = 1")).toContain("default export is no function")
    expect(await refused("export default () => 1")).toContain("gives no object")
    expect(await refused("export default () => ({ measure: [] })")).toContain("Did you mean «measures»?")
    expect(await refused("export default () => ({ measures: [{}] })")).toContain(
      "measures[0] was not made by defineMeasure",
    )
    expect(await refused("export default () => {\n  return (\n}")).toMatch(/bad\.ts:3:1: Unexpected/)
    expect(await refused('import "./gone.ts"\nexport default () => ({})')).toMatch(/bad\.ts:1:8: Could not resolve/)
    const ours = join(import.meta.dirname, "../../measures/index.ts")
    expect(
      await refused(`import { measures } from ${JSON.stringify(ours)}\nexport default () => ({ measures })`),
    ).toMatch(/may import types alone/)
    const named = (name: string) =>
      `export default ({ defineFirstStage }) => ({ firstStages: [defineFirstStage({ name: "${name}", open: () => ({ search: () => [] }) })] })`
    expect(await refused(named("bm25"))).toContain("the first stage «bm25»: the name is taken")
    expect(await refused(named("depth"))).toContain("the name is taken")
    expect(await refused(named("a.b"))).toContain("are allowed")
    const loss =
      'export default ({ defineLoss }) => ({ losses: [defineLoss({ name: "softmax", parts: (l) => l.scores })] })'
    const set = (settings: string) =>
      `export default ({ defineFirstStage, Schema, setting }) => ({ firstStages: [defineFirstStage({ name: "set", settings: Schema.Struct({ ${settings} }), open: () => ({ search: () => [] }) })] })`
    expect(await refused(set("depth: Schema.Number"))).toContain("each of its settings needs a default")
    expect(await refused(set('seed: setting(Schema.Number, 1, "")'))).toContain("given a seed")
    expect(await refused(set('list: setting(Schema.Array(Schema.Number), [1], "")'))).toContain("its setting list")
    expect(await refused(named("random"))).toContain("the name is taken")
    const measure =
      'export default ({ defineMeasure, forms }) => ({ measures: [defineMeasure({ ...forms.cut, name: "DCG", score: () => 1 })] })'
    expect(await refused(measure)).toContain("the measure «DCG»: the name DCG is taken")
    expect(await refused(loss)).toContain("the loss «softmax»: the name is taken")
    const missing = await Effect.runPromise(Effect.flip(loadExtensions(["/x/none.ts"])))
    expect(missing.message).toContain("there is no such file")
  })
})

describe("modules from outside, by the command line", () => {
  it("L172 the JSON Schema with a module has the settings that it brings, and without it has not", async () => {
    const [plain, brought] = await Promise.all([dagProcess(["schema"]), dagProcess(["schema", "--stages", mine])])
    expect([plain.code, brought.code, brought.err]).toEqual([0, 0, ""])
    const at = (text: string, ...path: ReadonlyArray<string>): unknown =>
      path.reduce<unknown>((value, name) => (isRecord(value) ? value[name] : undefined), JSON.parse(text))
    const scale = ["properties", "retrieve", "properties", "random", "properties", "scale"]
    expect(at(plain.out, ...scale)).toBeUndefined()
    expect(at(brought.out, ...scale)).toMatchObject({ default: 1, description: "The greatest score" })
    expect(at(brought.out, "properties", "train", "properties", "loss", "properties", "approxndcg")).toBeDefined()
  })

  it("C135 a configuration names modules from its own folder; a comment changes no key, code does, and only of what uses it", async () => {
    const folder = temporaryFolder("outside")
    const collection = join(folder, "tiny")
    mkdirSync(collection)
    writeTinyCollection(collection)
    const module = join(folder, "mine.ts")
    const text = readFileSync(mine, "utf8")
    writeFileSync(join(folder, "discount.ts"), readFileSync(join(import.meta.dirname, "discount.ts")))
    writeFileSync(module, text)
    const config = join(folder, "experiment.json")
    writeFileSync(
      config,
      JSON.stringify({
        extensions: ["mine.ts"],
        retrieve: { systems: ["bm25", "random"] },
        evaluate: { measures: ["DCG@10", "nDCG@10"] },
      }),
    )
    expect(extensionsOf(config)).toEqual([module])
    const words = ["--config", config, "--dataset", collection, "--artifacts", join(folder, "store")]
    const first = await dagProcess(words)
    expect(first.err).not.toContain("✗")
    expect(first.code).toBe(0)
    expect(first.out).toContain("DCG@10")
    expect(first.out).toMatch(/random/)
    expect(first.out).toMatch(/overlap/)

    writeFileSync(module, `// a remark\n${text}`)
    expect(await dagProcess([...words, "--assert-hit"])).toMatchObject({ code: 0 })

    writeFileSync(module, text.replace("2 ** 32", "2 ** 33"))
    const changed = await dagProcess([...words, "--dry-run"])
    expect(changed.code).toBe(10)
    expect(changed.out).toMatch(/retrieve\.outside\.random +run/)
    expect(changed.out).toMatch(/retrieve\.bm25 +hit/)
    expect(changed.out).toMatch(/index +hit/)
  })
})
