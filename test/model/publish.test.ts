import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { InferenceSession, Tensor } from "onnxruntime-node"
import { openTokenizer } from "../../neural/index.ts"
import { modelFolder, publishModel } from "../../stages/model/index.ts"
import { openPairScorer } from "../../stages/rerank/index.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const saved = join(import.meta.dirname, "../reference/sentence-transformers/folders")

const pairs = [
  { query: "red stone", passage: "a blue stone in the garden" },
  { query: "blue", passage: "red query" },
]

/** A model's folder as `export model` writes it, and its scores of the pairs. */
const published = (source: string, settings: Readonly<Record<string, unknown>> = {}) =>
  Effect.gen(function* () {
    const folder = join(temporaryFolder("published"), "model")
    yield* Effect.promise(() => import("node:fs/promises").then(({ mkdir }) => mkdir(folder, { recursive: true })))
    yield* modelFolder({ source, ...settings }, folder)
    const files = yield* publishModel(folder, folder)
    const { score } = yield* openPairScorer(folder, { device: "cpu", threads: 1 })
    return { folder, files, scores: (yield* score(pairs)).scores }
  }).pipe(Effect.scoped)

const row = (ids: ReadonlyArray<number>) => new Tensor("int64", BigInt64Array.from(ids.map(BigInt)), [1, ids.length])

/** The published graph's output for one text. */
const ran = (folder: string, ids: ReadonlyArray<number>, types: ReadonlyArray<number>) =>
  Effect.promise(async () => {
    const session = await InferenceSession.create(join(folder, "onnx/model.onnx"), { intraOpNumThreads: 1 })
    const inputs: Record<string, Tensor> = { input_ids: row(ids), attention_mask: row(ids.map(() => 1)) }
    if (session.inputNames.includes("token_type_ids")) inputs["token_type_ids"] = row(types)
    const outputs = await session.run(inputs)
    const [[name, tensor] = []] = Object.entries(outputs)
    const data = tensor?.data
    if (!(data instanceof Float32Array)) throw new Error("no floats")
    return { name, dims: tensor?.dims ?? [], data }
  })

const bertPair = (folder: string, query: string, passage: string) =>
  Effect.map(openTokenizer(folder), ({ tokenizer }) => {
    const [cls = 0, sep = 0] = [tokenizer.special.cls, tokenizer.special.sep]
    const first = [cls, ...tokenizer.encode(query), sep]
    const second = [...tokenizer.encode(passage), sep]
    return { ids: [...first, ...second], types: [...first.map(() => 0), ...second.map(() => 1)] }
  })

describe("models as other programs load them", () => {
  it.effect("N580 a cross-encoder's onnx/model.onnx gives the logits of all its labels", () =>
    Effect.gen(function* () {
      for (const [name, labels, settings] of [
        ["cross-1", 1, {}],
        ["cross-3", 3, { label: 1 }],
      ] as const) {
        const { files, folder, scores } = yield* published(join(saved, name), settings)
        expect(files).toEqual([
          "config_sentence_transformers.json",
          "modules.json",
          "onnx/model.onnx",
          "sentence_bert_config.json",
        ])
        for (const [at, { passage, query }] of pairs.entries()) {
          const { ids, types } = yield* bertPair(folder, query, passage)
          const { data, dims, name: output } = yield* ran(folder, ids, types)
          expect([output, dims]).toEqual(["logits", [1, labels]])
          const total = Math.log(data.reduce((sum, logit) => sum + Math.exp(logit), 0))
          const score = labels === 1 ? data[0]! : data[1]! - total
          expect(Math.abs(score - scores[at]!)).toBeLessThan(1e-5)
        }
      }
    }),
  )

  it.effect(
    "N581 a bi-encoder's gives the tokens' states before pooling, and the files beside it say how they are pooled",
    () =>
      Effect.gen(function* () {
        const { files, folder, scores } = yield* published(join(saved, "bi-cls"))
        expect(files).toContain("1_Pooling/config.json")
        const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"))
        expect(json("1_Pooling/config.json")).toMatchObject({ pooling_mode: "cls", include_prompt: true })
        expect(json("config_sentence_transformers.json")).toMatchObject({ similarity_fn_name: "cosine" })
        const { tokenizer } = yield* openTokenizer(folder)
        const [cls = 0, sep = 0] = [tokenizer.special.cls, tokenizer.special.sep]
        for (const [at, { passage, query }] of pairs.entries()) {
          const vectors: Array<Float32Array> = []
          for (const text of [query, passage]) {
            const ids = [cls, ...tokenizer.encode(text), sep]
            const { data, dims, name } = yield* ran(
              folder,
              ids,
              ids.map(() => 0),
            )
            expect([name, dims.slice(0, 2)]).toEqual(["last_hidden_state", [1, ids.length]])
            vectors.push(data.subarray(0, dims[2]))
          }
          const [a = new Float32Array(), b = new Float32Array()] = vectors
          const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
          expect(Math.abs(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) - scores[at]!)).toBeLessThan(1e-5)
        }
        // It is a source again, with the same scores.
        const again = yield* published(folder)
        expect(again.scores).toEqual(scores)
      }),
  )

  it.effect(
    "N582 heads that transformers does not have are published as a graph with their score as the only logit",
    () =>
      Effect.gen(function* () {
        for (const [fixture, head] of [
          ["t5-relu", { kind: "first-token" }],
          ["t5-seq2seq-tied", { kind: "decoder-logit", token: 11 }],
          ["bert-cross", undefined],
        ] as const) {
          const { files, folder } = yield* published(smallModel(fixture), head === undefined ? {} : { head })
          expect(files.includes("modules.json")).toBe(head === undefined)
          const { data, dims, name } = yield* ran(folder, [5, 6, 7], [0, 0, 0])
          expect([name, dims]).toEqual(["logits", [1, 1]])
          const own = yield* Effect.promise(() => InferenceSession.create(join(folder, "model.onnx")))
          const inputs: Record<string, Tensor> = { input_ids: row([5, 6, 7]), attention_mask: row([1, 1, 1]) }
          if (own.inputNames.includes("token_type_ids")) inputs["token_type_ids"] = row([0, 0, 0])
          const outputs = yield* Effect.promise(() => own.run(inputs))
          expect([...data]).toEqual([...(outputs["scores"]?.data ?? [])])
        }
      }),
  )

  const node = process.env["PARITY_NODE"]
  const python = process.env["PARITY_PYTHON"]
  /** A Python whose transformers is one that optimum works with. */
  const optimum = process.env["PARITY_OPTIMUM"]
  /** Those of which transformers.js has the states, which the script pools, come first. */
  const plain = ["cross-1", "cross-1-identity", "bi-mean", "bi-cls", "bi-prompts"]
  const others = [...plain, "bi-dense", "bi-dense-orders", "bi-embedding-gemma", "bi-qwen3-embedding"]

  it.effect.skipIf(node === undefined && python === undefined && optimum === undefined)(
    "N583 transformers.js and sentence-transformers load what is published and give its scores (skipped without PARITY_NODE, PARITY_PYTHON, PARITY_OPTIMUM)",
    () =>
      Effect.gen(function* () {
        const made = yield* Effect.forEach(others, (name) => published(join(saved, name)))
        const folders = made.map(({ folder }, at) => ({
          path: folder,
          kind: others[at]?.startsWith("cross") === true ? "cross" : "bi",
          pooling: others[at] === "bi-cls" ? "cls" : "mean",
          ...(others[at] === "bi-prompts" ? { queryPrefix: "red query: ", passagePrefix: "blue stone" } : {}),
        }))
        const request = (count: number) =>
          JSON.stringify({
            folders: folders.slice(0, count),
            pairs: pairs.map(({ passage, query }) => [query, passage]),
          })
        const programs = [
          ...(node === undefined ? [] : [["node", "load.mjs", node] as const]),
          ...(python === undefined ? [] : [[python, "load.py", "torch"] as const]),
          ...(optimum === undefined ? [] : [[optimum, "load.py", "onnx"] as const]),
        ]
        for (const [program, script, argument] of programs) {
          const path = join(import.meta.dirname, "../reference/published", script)
          const count = script === "load.mjs" ? plain.length : others.length
          const out = execFileSync(program, [path, argument], { input: request(count), encoding: "utf8" })
          const theirs: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>> = JSON.parse(out.slice(out.indexOf("[[[")))
          let largest = 0
          for (const [at, { scores }] of made.slice(0, count).entries()) {
            for (const [pair, score] of scores.entries()) {
              largest = Math.max(largest, Math.abs(score - (theirs[at]?.[pair]?.[0] ?? Number.POSITIVE_INFINITY)))
            }
          }
          process.stdout.write(`${script} ${argument}: ${largest.toExponential(1)}\n`)
          expect(largest).toBeLessThan(1e-4)
        }
      }),
    { timeout: 300_000 },
  )

  it("N583 the scripts and folders of that comparison are there", () => {
    for (const name of others) expect(readdirSync(saved)).toContain(name)
    for (const script of ["load.mjs", "load.py"]) {
      expect(existsSync(join(import.meta.dirname, "../reference/published", script))).toBe(true)
    }
  })
})
