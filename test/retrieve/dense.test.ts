import { createHash } from "node:crypto"
import { appendFileSync, readdirSync, readFileSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerOnnxRuntime, openScorer, openTokenizer } from "../../neural/index.ts"
import { type DuckDb, layerDuckDb, readRows, type StageError, type StoredArtifact } from "../../pipeline/index.ts"
import { compareBytes, Kinds } from "../../schemas/index.ts"
import { run as encode } from "../../stages/encode/encode.ts"
import { run as retrieveDense } from "../../stages/retrieve/retrieveDense.ts"
import { Executor, inputNamed, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel, smallVocabulary, widened } from "../support/smallModels.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"
import { writeVectors } from "../support/vectorTables.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const failure = <A>(effect: Effect.Effect<A, StageError, DuckDb>) =>
  Effect.map(Effect.flip(effect), ({ _tag, message }) => `${_tag}: ${message}`)

const small: SmallCollection = {
  passages: {
    d1: "the harbour tower",
    d2: "bread",
    d3: "a quiet garden with roses",
    d4: "bread",
    d5: "",
    q2: "market tower",
  },
  queries: { q1: "tower garden", q2: "market bread", q3: "roses" },
  test: [
    ["q1", "d1", 1],
    ["q2", "d4", 1],
  ],
  dev: [["q3", "d3", 1]],
}
const source = smallModel("bert")
const dense = `retrieve.dense=${JSON.stringify([source])}`

const rowsOf = (executor: Executor, node: ReturnType<typeof nodeNamed>) =>
  Effect.gen(function* () {
    const { outputs } = yield* executor.make(node)
    return yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
  })

const hashes = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .sort()
    .map(
      (file) =>
        `${file} ${createHash("sha256")
          .update(readFileSync(join(folder, file)))
          .digest("hex")}`,
    )

/** One executor for all: the model's folder and its passages' vectors are made once. */
const executor = new Executor()

describe("a dense first stage", () => {
  it.effect("R65 ranks every passage by the product of its vector with the query's, ties by docid descending", () =>
    live(
      Effect.gen(function* () {
        const wired = yield* wireSmall(small, [], dense, 'retrieve.splits=["test"]')
        const node = nodeNamed(wired, "retrieve.dense")
        const rows = yield* rowsOf(executor, node)
        const { tokenizer } = yield* openTokenizer(source)
        const { path } = yield* executor.artifact(inputNamed(inputNamed(node, "passageVectors").node, "model"))
        const scorer = yield* openScorer({ path: join(path, "model.onnx") }, { device: "cpu", threads: 1 })
        const [cls, sep] = [smallVocabulary.indexOf("[CLS]"), smallVocabulary.indexOf("[SEP]")]
        const vector = (text: string) => scorer.score([{ ids: [cls, ...tokenizer.encode(text), sep] }])
        const passages = yield* Effect.forEach(Object.entries(small.passages), ([docid, text]) =>
          Effect.map(vector(text), (of) => ({ docid, of })),
        )
        const expected = yield* Effect.forEach(["q1", "q2"], (qid) =>
          Effect.map(vector(small.queries[qid] ?? ""), (query) =>
            passages
              .map(({ docid, of }) => ({
                docid,
                score: of.reduce((sum, value, i) => sum + value * (query[i] ?? 0), 0),
              }))
              .sort((a, b) => (Math.abs(a.score - b.score) < 1e-6 ? compareBytes(b.docid, a.docid) : b.score - a.score))
              .map(({ docid, score }, i) => ({
                system: "dense",
                qid,
                docid,
                rank: i + 1,
                score: expect.closeTo(score, 5),
              })),
          ),
        )
        expect(rows).toEqual(expected.flat())
      }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
    ),
  )

  it.effect(
    "R65 its name is dense, one's own, or with the model's where there are several; what settings name is asked",
    () =>
      live(
        Effect.gen(function* () {
          const namesOf = (choice: unknown) =>
            Effect.map(wireSmall(small, [], `retrieve.dense=${JSON.stringify(choice)}`), ({ runs }) =>
              runs.map(({ node }) => node.name).filter((name) => name.startsWith("retrieve.")),
            )
          expect(yield* namesOf([])).toEqual(["retrieve.bm25"])
          expect(yield* namesOf([{ source, name: "near" }])).toEqual(["retrieve.bm25", "retrieve.dense.near"])
          expect(yield* namesOf([source, { source: smallModel("bert", "other"), name: "other" }])).toEqual([
            "retrieve.bm25",
            "retrieve.dense.dense-bert",
            "retrieve.dense.other",
          ])
        }),
      ),
  )

  it.effect("R40 R65 it leaves out the query's own passage, and candidates come from it", () =>
    live(
      Effect.gen(function* () {
        const sets = [dense, "retrieve.leaveOutOwn=true", "candidates.from=dense", "candidates.depth=2"]
        const wired = yield* wireSmall(small, [], ...sets)
        const node = nodeNamed(wired, "retrieve.dense")
        const executor = new Executor()
        const rows = yield* rowsOf(executor, node)
        expect(rows.filter(({ qid }) => qid === "q2").map(({ docid }) => docid)).not.toContain("q2")
        const candidates = wired.tables.find(({ kind }) => kind.name === "candidates")
        const { path } = yield* executor.artifact(candidates ?? inputNamed(node, "queries"))
        expect((yield* readRows(storedFolder(Kinds.Candidates, path))).map(({ qid, docid }) => [qid, docid])).toEqual(
          rows.filter(({ rank }) => rank <= 2).map(({ qid, docid }) => [qid, docid]),
        )
      }),
    ),
  )

  it.effect("R66 the same vectors, byte for byte, with one thread or two, and after a kill", () =>
    live(
      Effect.gen(function* () {
        const node = nodeNamed(yield* wireSmall(small, [], dense), "retrieve.dense")
        const vectors = inputNamed(node, "passageVectors")
        const { path } = yield* executor.artifact(vectors)
        const stored = <K extends "model" | "tokenizer" | "tokens">(name: K) =>
          executor.artifact(inputNamed(vectors.node, name))
        const context = (threads: number, scratch = temporaryFolder("scratch")) =>
          Effect.gen(function* () {
            const [model, tokenizer, tokens] = [
              yield* stored("model"),
              yield* stored("tokenizer"),
              yield* stored("tokens"),
            ]
            return {
              config: {
                texts: "passages" as const,
                hardware: { device: "cpu" as const, name: "test" },
                precision: "fp32" as const,
                threads,
                tokensPerBatch: 16,
              },
              inputs: {
                model: { ...model, kind: Kinds.Model },
                tokenizer: { ...tokenizer, kind: Kinds.Tokenizer },
                tokens: { ...tokens, kind: Kinds.Tokens },
              },
              outputs: { vectors: temporaryFolder("vectors") },
              scratch,
              progress: () => undefined,
              warn: () => undefined,
            }
          })
        const one = yield* context(1)
        yield* encode(one)
        const two = yield* context(2)
        yield* encode(two)
        expect(hashes(two.outputs.vectors)).toEqual(hashes(one.outputs.vectors))
        // All but what a kill cut off is there, half of a batch with it.
        truncateSync(join(one.scratch, "vectors.f32"), 200)
        const resumed = yield* context(1, one.scratch)
        const { facts } = yield* encode(resumed)
        expect(hashes(resumed.outputs.vectors)).toEqual(hashes(one.outputs.vectors))
        expect(facts).toMatchObject({ texts: 6, distinct: 5, dimensions: 24 })
        expect(readdirSync(path).sort()).toEqual(["names", "norms.f32", "vectors.f32", "vectors.json"])
      }),
    ),
  )

  it.effect(
    "R68 a model encodes in 8 bits where it is said, beside what it makes in fp32; vectors are of one precision",
    () =>
      live(
        Effect.gen(function* () {
          const source = yield* Effect.promise(() => widened(smallModel("bert")))
          const choices = (precision: string) =>
            `retrieve.dense=${JSON.stringify([
              { source, name: "near" },
              { source, name: "near8", precision },
            ])}`
          const wired = yield* wireSmall(small, [], choices("int8"))
          const vectors = (name: string) =>
            Effect.gen(function* () {
              const artifact = inputNamed(nodeNamed(wired, `retrieve.dense.${name}`), "passageVectors")
              const { path } = yield* executor.artifact(artifact)
              const bytes = readFileSync(join(path, "vectors.f32"))
              return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
            })
          const [full, reduced] = [yield* vectors("near"), yield* vectors("near8")]
          expect(
            inputNamed(inputNamed(nodeNamed(wired, "retrieve.dense.near8"), "passageVectors").node, "model").node.name,
          ).toBe("quantize.near8.int8")
          const error = full.reduce((most, value, i) => Math.max(most, Math.abs(value - (reduced[i] ?? Number.NaN))), 0)
          expect(error).toBeGreaterThan(0)
          expect(error).toBeLessThan(0.05)
          const said = yield* Effect.flip(wireSmall(small, [], choices("fp32,int8")))
          expect(String(said)).toContain("vectors are of one precision, and fp32 and int8 are asked for")
        }),
      ),
  )

  it.effect("R67 a model that makes no vectors is refused, with what to do", () =>
    live(
      Effect.gen(function* () {
        const cross = JSON.stringify([smallModel("bert-cross")])
        const node = nodeNamed(yield* wireSmall(small, [], `retrieve.dense=${cross}`), "retrieve.dense")
        const said = yield* failure(new Executor().make(node))
        expect(said).toContain("NoEmbedder: bert-cross has the head classifier")
        expect(said).toContain("Name an embedding model")
      }),
    ),
  )

  it.effect("R67 vectors of another dimension or of other queries are refused", () =>
    live(
      Effect.gen(function* () {
        const node = nodeNamed(yield* wireSmall(small, [], dense), "retrieve.dense")
        const queries = yield* executor.artifact(inputNamed(node, "queries"))
        const vectors = (path: string): StoredArtifact<typeof Kinds.Vectors> => storedFolder(Kinds.Vectors, path)
        const searched = (passages: string, asked: string) =>
          failure(
            retrieveDense({
              config: { splits: ["test"], depth: 3, leaveOutOwn: false },
              inputs: {
                passageVectors: vectors(passages),
                queryVectors: vectors(asked),
                queries: { ...queries, kind: Kinds.Queries },
              },
              outputs: { run: temporaryFolder("run") },
              scratch: temporaryFolder("scratch"),
              progress: () => undefined,
              warn: () => undefined,
            }),
          )
        const passages = yield* writeVectors([["d1", [1, 2, 3]]])
        const narrow = yield* writeVectors([
          ["q1", [1, 2]],
          ["q2", [2, 1]],
        ])
        const others = yield* writeVectors([
          ["q1", [1, 2, 3]],
          ["q9", [2, 1, 3]],
        ])
        expect(yield* searched(passages, narrow)).toContain(
          "VectorsUnsuitable: dense: queries' vectors have 2 numbers and passages' 3",
        )
        expect(yield* searched(passages, others)).toContain("query q2 has no vector where it should be")
        appendFileSync(join(others, "vectors.f32"), "more")
        expect(yield* searched(passages, others)).toContain("VectorTableError")
      }),
    ),
  )
})
