import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerOnnxRuntime, openModel, openScorer, openTokenizer, readCard, type Tokenizer } from "../../neural/index.ts"
import { type DuckDb, layerDuckDb, readRows, type StageError, type StoredArtifact } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import {
  Executor,
  inputNamed,
  nodeNamed,
  rerankSmall,
  type SmallCollection,
  wireSmall,
} from "../support/smallExperiment.ts"
import { amendWeights, smallModel, smallVocabulary } from "../support/smallModels.ts"
import { storedFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const tower = "the old tower of the harbour"
const small: SmallCollection = {
  passages: {
    d1: tower,
    d2: "fresh bread at the market",
    d3: "quiet roses in a garden by the river with many words that follow one another for a long time",
    d4: "",
    d5: tower,
    é9: tower,
  },
  queries: { q1: "harbour tower", q2: "roses" },
}

const cross = () => ({ source: smallModel("bert-cross"), name: "cross" })
const embedder = () => ({ source: smallModel("bert"), name: "embedder" })

/** The message of a failure, and its tag. */
const failure = <A>(effect: Effect.Effect<A, StageError, DuckDb>) =>
  Effect.map(Effect.flip(effect), ({ _tag, message }) => `${_tag}: ${message}`)

const bytesOf = (artifact: StoredArtifact | undefined): string =>
  readdirSync(artifact?.path ?? "")
    .sort()
    .map((file) =>
      createHash("sha256")
        .update(readFileSync(join(artifact?.path ?? "", file)))
        .digest("hex"),
    )
    .join()

const byDocid = (rows: ReadonlyArray<{ readonly qid: string; readonly docid: string; readonly score: number }>) =>
  new Map(rows.map(({ docid, qid, score }) => [`${qid} ${docid}`, score]))

/** A pair as BERT reads it, put together here without the library's own joining. */
const bertPair = (tokenizer: Tokenizer, query: string, passage: string) => {
  const [cls, sep] = [smallVocabulary.indexOf("[CLS]"), smallVocabulary.indexOf("[SEP]")]
  const first = [cls, ...tokenizer.encode(query), sep]
  const second = [...tokenizer.encode(passage), sep]
  return { ids: [...first, ...second], types: [...first.map(() => 0), ...second.map(() => 1)] }
}

describe("reranking", () => {
  it.effect(
    "N320 every candidate has one rank, by score, of equal ones by docid descending; in the model's precision",
    () =>
      live(
        Effect.gen(function* () {
          const model = cross()
          const { facts, outputs, rows } = yield* rerankSmall(small, model)
          expect(rows.map(({ qid }) => qid).join(" ")).toBe("q1 q1 q1 q1 q1 q1 q2 q2 q2 q2 q2 q2")
          for (const qid of ["q1", "q2"]) {
            const own = rows.filter((row) => row.qid === qid)
            expect(own.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6])
            expect(own.map(({ score }) => score)).toEqual(own.map(({ score }) => score).sort((a, b) => b - a))
            const tied = own.filter(({ docid }) => ["d1", "d5", "é9"].includes(docid))
            expect(tied.map(({ docid }) => docid)).toEqual(["é9", "d5", "d1"])
            expect(new Set(tied.map(({ score }) => score)).size).toBe(1)
          }
          // Whole 32-bit floats: not one is rounded to fewer digits.
          for (const { score } of rows) expect(score).toBe(Math.fround(score))
          expect(rows.some(({ score }) => Number(score.toFixed(6)) !== score)).toBe(true)
          expect(facts).toMatchObject({ pairs: 12, queries: 2, truncated: 0, device: "cpu", precision: "fp32" })
          const again = yield* rerankSmall(small, model)
          expect(bytesOf(again.outputs["run"])).toBe(bytesOf(outputs["run"]))
        }),
      ),
  )

  it.effect("N321 a pair's score is what the model gives for it alone, whatever else is in its batch", () =>
    live(
      Effect.gen(function* () {
        const model = cross()
        const { executor, node, rows } = yield* rerankSmall(small, model, "rerank.tokensPerBatch=4096")
        const { path } = yield* executor.artifact(inputNamed(node, "model"))
        const { tokenizer } = yield* openTokenizer(path)
        const alone = yield* openScorer({ path: join(path, "model.onnx") }, { device: "cpu", threads: 1 })
        const scores = byDocid(rows)
        for (const [qid, query] of Object.entries(small.queries)) {
          for (const [docid, passage] of Object.entries(small.passages)) {
            const [expected] = yield* alone.score([bertPair(tokenizer, query, passage)])
            expect(Math.abs((scores.get(`${qid} ${docid}`) ?? 9) - (expected ?? 0))).toBeLessThan(1e-5)
          }
        }
        const one = byDocid((yield* rerankSmall(small, model, "rerank.tokensPerBatch=1")).rows)
        for (const [pair, score] of scores) expect(Math.abs(score - (one.get(pair) ?? 9))).toBeLessThan(1e-5)
      }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
    ),
  )

  it.effect("C21 a model that has one thread keeps the core that it has, and asks for no other", () =>
    live(
      Effect.gen(function* () {
        const { executor, node } = yield* rerankSmall(small, cross())
        const { path } = yield* executor.artifact(inputNamed(node, "model"))
        const asked: string[] = []
        const ask = (what: string) => Effect.sync(() => void asked.push(what))
        const cores = { another: ask("another"), all: ask("all") }
        const card = yield* readCard(path)
        yield* openModel(path, card, { device: "cpu", threads: 1, tokensPerBatch: undefined, cores })
        expect(asked).toEqual([])
      }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
    ),
  )

  it.effect("N323 shortened passages are counted among the facts and in a warning; query and template stay whole", () =>
    live(
      Effect.gen(function* () {
        const { facts, rows, warnings } = yield* rerankSmall(small, { ...cross(), maximumTokens: 12 })
        expect(facts).toMatchObject({ pairs: 12, truncated: 10 })
        expect(warnings).toEqual(["10 of 12 pairs' passages were shortened to fit 12 tokens"])
        // What is cut off has no influence: passages that begin alike are equal.
        const alike = { ...small, passages: { a: `${tower} and more`, b: `${tower} of bread`, c: "market" } }
        const cut = byDocid((yield* rerankSmall(alike, { ...cross(), maximumTokens: 12 })).rows)
        expect(cut.get("q1 a")).toBe(cut.get("q1 b"))
        expect(cut.get("q1 a")).not.toBe(cut.get("q1 c"))
        expect(rows.length).toBe(12)
      }),
    ),
  )

  it.effect("N322 padding is told while it runs and among the facts", () =>
    live(
      Effect.gen(function* () {
        const { details, facts } = yield* rerankSmall(small, cross(), "rerank.tokensPerBatch=4096")
        const { paddedTokens, tokens } = facts
        expect(Number(paddedTokens)).toBeGreaterThan(Number(tokens))
        const waste = (100 * (1 - Number(tokens) / Number(paddedTokens))).toFixed(1)
        expect(details.at(-1)).toBe(`padding ${waste} % · cpu`)
        const alone = yield* rerankSmall(small, cross(), "rerank.tokensPerBatch=1")
        expect(alone.facts["paddedTokens"]).toBe(alone.facts["tokens"])
      }),
    ),
  )

  it.effect(
    "N324 an empty passage has a score; a query that leaves no room for a passage shares it, which is told and among the facts; by rerank.strict it is an error with its qid",
    () =>
      live(
        Effect.gen(function* () {
          const { rows } = yield* rerankSmall(small, cross())
          expect(rows.filter(({ docid }) => docid === "d4").every(({ score }) => Number.isFinite(score))).toBe(true)
          const long = { ...small, queries: { q1: "roses", q7: "a b c d e f g h" } }
          const template = { ...cross(), template: "{query} {document}", eos: false }
          const shared = yield* rerankSmall(long, { ...template, maximumTokens: 8 })
          expect(shared.facts).toMatchObject({ queriesWithoutRoom: 1, truncatedQueries: 1 })
          expect(shared.warnings).toContainEqual(
            expect.stringMatching(/^1 of 2 queries, q7, would leave no room for a passage within 8 tokens/),
          )
          const both = yield* rerankSmall(long, { ...template, truncation: "longest-first", maximumTokens: 8 })
          const ofLong = (rows: typeof shared.rows) => rows.filter(({ qid }) => qid === "q7")
          expect(ofLong(shared.rows)).toEqual(ofLong(both.rows))
          expect(both.facts).toMatchObject({ queriesWithoutRoom: 0 })
          expect(yield* failure(rerankSmall(long, { ...template, maximumTokens: 8 }, "rerank.strict=true"))).toMatch(
            /^QueryWithoutRoom: .*query q7 has 8 tokens.*within 8.*Raise maximumTokens/,
          )
          for (const model of [cross(), embedder()]) {
            const { facts, warnings } = yield* rerankSmall(long, { ...model, maximumTokens: 9 })
            expect(facts).toMatchObject({ truncatedQueries: 1 })
            expect(warnings.at(-1)).toBe(
              "1 of 2 queries were shortened to fit 9 tokens; maximumTokens raises the limit",
            )
          }
        }),
      ),
  )

  it.effect(
    "N573 truncation is a model's own, else rerank's for all; it is in the card, and tokens do not depend on it",
    () =>
      live(
        Effect.gen(function* () {
          const queries = { q1: "a b c", q2: "a b" }
          const models = [
            { ...cross(), maximumTokens: 14 },
            { ...cross(), name: "own", truncation: "passage", maximumTokens: 14 },
            { ...embedder(), maximumTokens: 14 },
          ]
          const wired = yield* wireSmall({ ...small, queries }, models, "rerank.truncation=query:2")
          const executor = new Executor()
          const tokens = new Set<string>()
          for (const [name, truncation, shortened] of [
            ["cross", "query:2", 1],
            ["own", "passage", 0],
            ["embedder", "query:2", 1],
          ] as const) {
            const node = nodeNamed(wired, `rerank.${name}`)
            const { facts, outputs, warnings } = yield* executor.make(node)
            expect(facts, name).toMatchObject({ truncatedQueries: shortened })
            if (shortened > 0)
              expect(warnings.join("\n")).toContain("shortened, to at most 2 tokens (truncation «query:2»)")
            const { path } = yield* executor.artifact(inputNamed(node, "model"))
            const card: unknown = JSON.parse(readFileSync(join(path, "model.json"), "utf8"))
            expect(card).toMatchObject({ input: { truncation } })
            const rows = byDocid(yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? "")))
            expect(rows.size).toBe(12)
            if (name !== "embedder") tokens.add(bytesOf(yield* executor.artifact(inputNamed(node, "tokenizer"))))
          }
          expect(tokens.size).toBe(1)
          // Behind its second token a query has no influence.
          const first = yield* rerankSmall({ ...small, queries: { q: "a b" } }, { ...cross(), maximumTokens: 14 })
          const cut = { ...cross(), truncation: "query:2", maximumTokens: 14 }
          const whole = yield* rerankSmall({ ...small, queries: { q: "a b c d" } }, cut)
          expect(whole.rows.map(({ score }) => score)).toEqual(first.rows.map(({ score }) => score))
        }),
      ),
  )

  it.effect("N329 copies of a passage are scored once and tie", () =>
    live(
      Effect.gen(function* () {
        const texts = ["old tower", "fresh bread", "roses by a river", "market"]
        const copied = Array.from({ length: 7 }, (_, i) => texts.map((text, t) => [`p${t}c${i}`, text])).flat()
        const queries = { q1: "harbour tower" }
        const copies = { passages: Object.fromEntries(copied), queries }
        const single = { passages: Object.fromEntries(copied.slice(0, texts.length)), queries }
        for (const model of [cross(), embedder()]) {
          const { facts, rows } = yield* rerankSmall(copies, model, "rerank.tokensPerBatch=20")
          const alone = yield* rerankSmall(single, model)
          expect(facts).toMatchObject({ pairs: 28, tokens: alone.facts["tokens"] })
          for (const t of texts.keys()) {
            const scores = rows.filter(({ docid }) => docid.startsWith(`p${t}`)).map(({ score }) => score)
            expect(scores.length).toBe(7)
            expect(new Set(scores).size).toBe(1)
          }
        }
      }),
    ),
  )

  it.effect("N325 a score that is no number names the pair, or the text, and leaves no run", () =>
    live(
      Effect.gen(function* () {
        const spoilt = { passages: { d1: "bread", d2: "zebra" }, queries: { q1: "tower" } }
        // The vector of «z», which occurs in one passage only.
        const z = smallVocabulary.indexOf("z")
        for (const [model, expected] of [
          [cross(), /^PairNotScored: cross gives NaN for query q1 with passage d2: /],
          [embedder(), /^PairNotScored: embedder gives NaN for passage d2: /],
        ] as const) {
          yield* Effect.promise(() =>
            amendWeights(model.source, (name, floats) => {
              if (name.endsWith("word_embeddings.weight")) floats[z * 24 + 3] = Number.NaN
            }),
          )
          const wired = yield* wireSmall(spoilt, [model])
          const executor = new Executor()
          const node = nodeNamed(wired, `rerank.${model.name}`)
          expect(yield* failure(executor.make(node))).toMatch(expected)
        }
      }),
    ),
  )

  it.effect("N327 a bi-encoder's score is the product of the vectors, each text encoded once", () =>
    live(
      Effect.gen(function* () {
        const model = { ...embedder(), queryPrefix: "harbour ", passagePrefix: "market " }
        const { executor, facts, node, rows } = yield* rerankSmall(small, model)
        const { path } = yield* executor.artifact(inputNamed(node, "model"))
        const { tokenizer } = yield* openTokenizer(path)
        const alone = yield* openScorer({ path: join(path, "model.onnx") }, { device: "cpu", threads: 1 })
        const [cls, sep] = [smallVocabulary.indexOf("[CLS]"), smallVocabulary.indexOf("[SEP]")]
        const vector = (text: string) => alone.score([{ ids: [cls, ...tokenizer.encode(text), sep] }])
        const scores = byDocid(rows)
        const texts = [
          ...Object.values(small.queries).map((query) => `harbour ${query}`),
          ...Object.values(small.passages).map((passage) => `market ${passage}`),
        ]
        // Copies are one text.
        const tokens = [...new Set(texts)].reduce((sum, text) => sum + tokenizer.encode(text).length + 2, 0)
        for (const [qid, query] of Object.entries(small.queries)) {
          const q = yield* vector(`harbour ${query}`)
          for (const [docid, passage] of Object.entries(small.passages)) {
            const p = yield* vector(`market ${passage}`)
            const product = q.reduce((sum, value, i) => sum + value * (p[i] ?? 0), 0)
            expect(Math.abs((scores.get(`${qid} ${docid}`) ?? 9) - product)).toBeLessThan(1e-5)
          }
        }
        expect(facts).toMatchObject({ pairs: 12, truncated: 0, tokens })
      }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
    ),
  )
})
