import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { wireCollections } from "../../cli/collections.ts"
import { readSettings } from "../../cli/Settings.ts"
import { experiment } from "../../experiment.ts"
import { layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { type Analysis, Analyzer, noMoreTerms, termsOf } from "../../stages/retrieve/Analyzer.ts"
import { analyses, analysisNamed } from "../../stages/retrieve/analyses.ts"
import { wordAt } from "../../stages/retrieve/WordTable.ts"
import { writeTinyCollection } from "../support/commandLine.ts"
import { Executor, inputNamed, nodeNamed, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"
import { unescapeText } from "./golden.ts"

const { english: _, ...others } = analyses

describe("analyzers of other languages", () => {
  it.each(Object.entries(others))("R9 %s yields the terms that Lucene's analyzer yields", (name, analysis) => {
    const file = new URL(`../reference/lucene/languages/${name}.tsv.gz`, import.meta.url)
    const lines = gunzipSync(readFileSync(file)).toString("utf8").split("\n").slice(0, -1)
    expect(lines.length).toBeGreaterThanOrEqual(200)
    const analyzer = new Analyzer(analysis)
    const wrong = lines.flatMap((line) => {
      const [text = "", terms = ""] = line.split("\t")
      analyzer.reset(unescapeText(text))
      const found: Array<string> = []
      for (let term = analyzer.next(); term !== noMoreTerms; term = analyzer.next()) {
        found.push(wordAt(analyzer.terms, term))
      }
      return found.join("\u0001") === terms ? [] : [{ text, found, terms }]
    })
    expect(wrong).toEqual([])
  })

  it.each<readonly [Analysis, string, string]>([
    [analyses.german, "Die größten Häuser und Haeuser", "grosst haus haus"],
    [analyses.french, "L’amitié des nations, aujourd'hui qu'elles s'aimaient", "amit nation aujourd'hui elle aimaient"],
    [analyses.dutch, "Fietsen, ei, kinderen", "fiets eier kinder"],
    [analyses.cjk, "東京タワー ABC ｶﾞ 京", "東京 京タ タワ ワー abc ガ 京"],
    [analyses.whitespace, "The Dogs'  well-known\tdog's", "The Dogs' well-known dog's"],
  ])("R9 $name", (analysis, text, expected) => {
    expect(termsOf(analysis, text).join(" ")).toBe(expected)
  })

  it("R9 an index says whose terms it has, and a query's are the same; one that is not known is an error", async () => {
    const passages = { d1: "Die Häuser am Meer", d2: "ein Haus", d3: "Meere" }
    const run = Effect.gen(function* () {
      const wired = yield* wireSmall(
        { passages, queries: { q1: "haeuser" } },
        [],
        'retrieve.systems=["bm25"]',
        "retrieve.analyzer=german",
      )
      const { outputs } = yield* new Executor().make(nodeNamed(wired, "retrieve.bm25"))
      return yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
    })
    const rows = await Effect.runPromise(run.pipe(Effect.scoped, Effect.provide(layerDuckDb())))
    expect(rows.map(({ docid }) => docid)).toEqual(["d2", "d1"])
    expect(() => analysisNamed("lucene-english-3")).toThrow(
      /of the analyzer lucene-english-3, .* Build the index again/,
    )
    const misspelt = wireSmall({ passages, queries: { q1: "haus" } }, [], "retrieve.analyzer=germn")
    const error = await Effect.runPromise(Effect.flip(misspelt))
    expect(String(error instanceof Error ? error.message : error)).toMatch(/retrieve\.analyzer.*german/s)
  })
  it("R9 a collection may have an analyzer and an index of its own", async () => {
    const folders = ["deutsch", "english", "other"].map((name) => {
      const folder = join(temporaryFolder("languages"), name)
      mkdirSync(folder)
      writeTinyCollection(folder)
      return folder
    })
    const datasets = [
      { source: folders[0], analyzer: "german" },
      { source: folders[1] },
      { source: folders[2], index: join(folders[2] ?? "", "corpus.jsonl") },
    ]
    const wired = await Effect.runPromise(
      Effect.gen(function* () {
        const sets = [`datasets=${JSON.stringify(datasets)}`, 'retrieve.systems=["bm25"]', "train.models=[]"]
        const settings = yield* readSettings({ datasets: [], device: "cpu", sets })
        const collections = yield* wireCollections(settings, [])
        return experiment(settings, collections, { device: "cpu", name: "test" }).datasets
      }),
    )
    const indexes = wired.map((each, at) => {
      const { node } = inputNamed(nodeNamed(each, `retrieve.bm25@${["deutsch", "english", "other"][at]}`), "index")
      return node._tag === "StageNode" ? [node.stage.name, node.config] : []
    })
    expect(indexes).toEqual([
      ["index", { analyzer: "german" }],
      ["index", {}],
      ["index.ciff", { file: "corpus.jsonl" }],
    ])
  })
})
