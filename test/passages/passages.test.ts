import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { readSettings } from "../../cli/Settings.ts"
import { experiment, type WiredDataset } from "../../experiment.ts"
import { type DuckDb, layerDuckDb, readRows, type StageError } from "../../pipeline/index.ts"
import { type Answer, EvaluationSummary, Kinds } from "../../schemas/index.ts"
import { foldAnswer } from "../../stages/passages/index.ts"
import { Executor, inputNamed, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const small: SmallCollection = {
  passages: {
    d1: "roses in the garden by the old tower of the harbour",
    d2: "bread",
    d3: "market bread river roses roses tower",
    q2: "bread at the market and bread again in the harbour",
  },
  queries: { q1: "roses tower", q2: "bread" },
  test: [
    ["q1", "d3", 2],
    ["q1", "d1", 1],
    ["q2", "d2", 1],
  ],
}

const windows = ["candidates.from=bm25", "passages.window=4", "passages.stride=3"]
const cross = () => ({ source: smallModel("bert-cross"), name: "cross" })

const failure = <A, R>(effect: Effect.Effect<A, StageError, R>) =>
  Effect.map(Effect.flip(effect), ({ _tag, message }) => `${_tag}: ${message}`)

/** Rows of an artifact's table by query: docids with scores, in the order of their ranks. */
const byQuery = (rows: ReadonlyArray<{ readonly qid: string; readonly docid: string; readonly score: number }>) => {
  const answers: Record<string, Array<Answer[number]>> = {}
  for (const { docid, qid, score } of rows) {
    const known = answers[qid] ?? []
    known.push({ docid, score })
    answers[qid] = known
  }
  return answers
}

/** Runs of a system over documents, and over the passages that it was folded from. */
const runsOf = (executor: Executor, wired: WiredDataset, system: string) =>
  Effect.gen(function* () {
    const node = nodeNamed(wired, `passages.fold.${system}`)
    const rows = (run: { readonly path: string }) => readRows({ kind: Kinds.Run, path: run.path })
    const documents = byQuery(yield* rows(yield* executor.artifact({ kind: Kinds.Run, node, output: "run" })))
    return { documents, passages: byQuery(yield* rows(yield* executor.artifact(inputNamed(node, "run")))) }
  })

const stored = (fold: string) => ({
  stage: "passages.fold",
  config: { fold, separator: "#", leaveOutOwn: false },
  facts: {},
  inputs: {},
})

describe("long documents", () => {
  it.effect("I202 documents are split, searched and reranked as passages, and scores come back to documents", () =>
    live(
      Effect.gen(function* () {
        const wired = yield* wireSmall(small, [cross()], ...windows)
        const executor = new Executor()
        const split = inputNamed(
          inputNamed(inputNamed(nodeNamed(wired, "passages.fold.bm25"), "run").node, "index").node,
          "passages",
        )
        const passages = yield* executor.artifact({ ...split, kind: Kinds.Passages })
        expect((yield* readRows(passages)).map(({ docid, text }) => [docid, text])).toEqual([
          ["d1#0", "roses in the garden"],
          ["d1#1", "garden by the old"],
          ["d1#2", "old tower of the"],
          ["d1#3", "the harbour"],
          ["d2#0", "bread"],
          ["d3#0", "market bread river roses"],
          ["d3#1", "roses roses tower"],
          ["q2#0", "bread at the market"],
          ["q2#1", "market and bread again"],
          ["q2#2", "again in the harbour"],
        ])
        const qrels = yield* executor.artifact({ kind: Kinds.Qrels, node: split.node, output: "qrels" })
        expect((yield* readRows(qrels)).map(({ docid, grade, qid }) => `${qid} ${docid} ${grade}`)).toEqual([
          "q1 d1#0 1",
          "q1 d1#1 1",
          "q1 d1#2 1",
          "q1 d1#3 1",
          "q1 d3#0 2",
          "q1 d3#1 2",
          "q2 d2#0 1",
        ])
        for (const system of ["bm25", "cross"]) {
          const runs = yield* runsOf(executor, wired, system)
          expect(Object.keys(runs.documents)).toEqual(["q1", "q2"])
          for (const [qid, answer] of Object.entries(runs.documents)) {
            expect(answer, `${system} ${qid}`).toEqual(yield* foldAnswer(stored("max"), runs.passages[qid] ?? []))
          }
          // BM25's own words: d3's second passage has both, of d1 each passage has one at most.
          if (system === "bm25") expect(runs.documents["q1"]?.map(({ docid }) => docid)).toEqual(["d3", "d1"])
        }
        const { path } = yield* executor.artifact(wired.summary)
        const summary = Schema.decodeSync(Schema.parseJson(EvaluationSummary))(
          readFileSync(join(path, "summary.json"), "utf8"),
        )
        expect(summary.notes.map(({ text }) => text)).toContain(
          "results are documents, the score of each is its best passage's; a passage is 4 words, the next begins after 3",
        )
        // Of q1 both relevant documents are among the candidates, of q2 the only one.
        const all = summary.candidates.find(({ kind, split }) => kind === "all" && split === "test")
        expect(all).toMatchObject({ queries: 2, recall: 1, depth: 3 })
        expect(all?.oracle["nDCG@10"]).toBeCloseTo(1, 12)
      }),
    ),
  )

  it.effect("I203 a document's score is the best, the first, the mean or the sum of its ranked passages'", () =>
    live(
      Effect.gen(function* () {
        for (const fold of ["first", "mean", "sum"]) {
          const wired = yield* wireSmall(small, [], ...windows, `passages.fold=${fold}`)
          const { documents, passages } = yield* runsOf(new Executor(), wired, "bm25")
          const of = (document: string) => (passages["q2"] ?? []).filter(({ docid }) => docid.startsWith(document))
          const numbered = of("q2#").toSorted((a, b) => (a.docid < b.docid ? -1 : 1))
          expect(numbered.map(({ docid }) => docid)).toEqual(["q2#0", "q2#1"])
          const [first = 0, second = 0] = numbered.map(({ score }) => score)
          const score = fold === "first" ? first : fold === "sum" ? first + second : (first + second) / 2
          expect(documents["q2"]?.find(({ docid }) => docid === "q2")?.score).toBeCloseTo(score, 12)
          for (const [qid, answer] of Object.entries(documents)) {
            const again = yield* foldAnswer(stored(fold), passages[qid] ?? [])
            expect(answer.map(({ docid }) => docid)).toEqual(again.map(({ docid }) => docid))
          }
        }
      }),
    ),
  )

  it.effect("I204 a query's own document is left out of what is folded, and of the candidates that are measured", () =>
    live(
      Effect.gen(function* () {
        const wired = yield* wireSmall(small, [], ...windows, "retrieve.leaveOutOwn=true")
        const { documents, passages } = yield* runsOf(new Executor(), wired, "bm25")
        expect(passages["q2"]?.some(({ docid }) => docid.startsWith("q2#"))).toBe(true)
        expect(documents["q2"]?.map(({ docid }) => docid).toSorted()).toEqual(["d2", "d3"])
      }),
    ),
  )

  /** PyTerrier 1.0's `max_passage`, `first_passage` and `mean_passage` of these rows. */
  const theirs = {
    max: { d1: 3, d3: 2.5 },
    first: { d1: 1, d3: 2.5 },
    mean: { d1: 2, d3: 2.5 },
  }

  it.effect("I205 another tool's run over passages is folded by the same rule; PyTerrier gives the same", () =>
    live(
      Effect.gen(function* () {
        const folder = temporaryFolder("runs")
        const path = join(folder, "passages.trec")
        const rows = ["d1%p0 1 1", "d1%p1 2 3", "d1%p3 3 2", "d3%p1 4 2.5", "d3%p0 5 2.5"]
        writeFileSync(path, rows.map((row) => `q1 Q0 ${row} theirs\n`).join(""))
        const base = yield* wireSmall(small, [])
        const files = base.collection.passages.node
        if (files._tag !== "StageNode") throw new Error("no folder")
        const { node } = inputNamed(files, "files")
        if (node._tag !== "SourceNode") throw new Error("no folder")
        const wire = (...sets: Array<string>) =>
          Effect.gen(function* () {
            const settings = yield* readSettings({
              datasets: [node.root],
              device: "cpu",
              sets: ['retrieve.systems=["bm25"]', "passages.separator=%p", 'passages.runs=["theirs"]', ...sets],
            })
            const collections = yield* wireCollections(settings, [`theirs=${path}`])
            const wired = yield* wiring(settings, () =>
              experiment(settings, collections, { device: "cpu", name: "test" }),
            )
            return wired.datasets[0]!
          })
        for (const [fold, expected] of Object.entries(theirs)) {
          const executor = new Executor()
          const wired = yield* wire(`passages.fold=${fold}`)
          const { documents } = yield* runsOf(executor, wired, "theirs")
          expect(Object.fromEntries(documents["q1"]?.map(({ docid, score }) => [docid, score]) ?? [])).toEqual(expected)
          expect([...executor.warnings.values()].flat().filter((told) => told.includes("docid"))).toEqual([])
        }
        expect(yield* failure(wire("candidates.from=theirs"))).toMatch(
          /^PassagesUnsuitable: candidates.from: .*over passages/,
        )
        expect(yield* failure(wire('passages.runs=["others"]'))).toMatch(
          /^PassagesUnsuitable: passages.runs: .*others.*theirs/,
        )
      }),
    ),
  )

  it.effect(
    "I206 passages that cannot be are refused: a stride beyond the window, a docid that is another's, a run over documents to rerank",
    () =>
      live(
        Effect.gen(function* () {
          expect(yield* failure(wireSmall(small, [], ...windows, "passages.stride=5"))).toMatch(
            /^PassagesUnsuitable: passages.stride: 5 words .*4 words/,
          )
          expect(yield* failure(wireSmall(small, [], "passages.window=4"))).toMatch(
            /^PassagesUnsuitable: candidates.from: the run given is over documents/,
          )
          const clash = { ...small, passages: { ...small.passages, "d2#0": "roses" } }
          const wired = yield* wireSmall(clash, [], ...windows)
          expect(yield* failure(new Executor().make(nodeNamed(wired, "passages.fold.bm25")))).toMatch(
            /^PassageIdsCollide: .*document d2 .*d2#0.*passages.separator/,
          )
        }),
      ),
  )
})
