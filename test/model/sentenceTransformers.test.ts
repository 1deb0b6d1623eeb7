import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerDuckDb } from "../../pipeline/index.ts"
import type { ModelSettings } from "../../schemas/index.ts"
import { rerankSmall } from "../support/smallExperiment.ts"

const root = join(import.meta.dirname, "../reference/sentence-transformers")

const Golden = Schema.parseJson(
  Schema.Struct({
    queries: Schema.Array(Schema.String),
    passages: Schema.Array(Schema.String),
    cases: Schema.Record({
      key: Schema.String,
      value: Schema.Struct({ kind: Schema.String, scores: Schema.Array(Schema.Array(Schema.Number)) }),
    }),
  }),
)
const golden = Schema.decodeSync(Golden)(readFileSync(join(root, "golden.json"), "utf8"))

const collection = {
  queries: Object.fromEntries(golden.queries.map((text, i) => [`q${i}`, text])),
  passages: Object.fromEntries(golden.passages.map((text, i) => [`d${i}`, text])),
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** The reference's numbers of a pair, from which the score that is compared with ours is made. */
type Score = (values: ReadonlyArray<number>) => number
const first: Score = (values) => values[0] ?? Number.NaN
/** The log-probability of a label. */
const share =
  (label: number): Score =>
  (logits) =>
    (logits[label] ?? Number.NaN) - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))

interface Case {
  readonly settings?: Partial<Omit<typeof ModelSettings.Encoded, "source">>
  /** Of the reference's numbers for a pair, ours; and what ours becomes before. */
  readonly theirs?: Score
  readonly ours?: (score: number) => number
  readonly warnings?: ReadonlyArray<RegExp>
  /** What differences are divided by, where the reference's scores are far beyond 1. */
  readonly scale?: number
}

const shortened = /passages were shortened to fit \d+ tokens/
const shortenedQueries = /of 5 queries were shortened to fit \d+ tokens/

const cases: Readonly<Record<string, Case>> = {
  "bi-mean": {},
  "bi-cls": {},
  "bi-limit": { warnings: [shortened, shortenedQueries] },
  "bi-old-limit": { warnings: [shortened, shortenedQueries] },
  "bi-prompts": {},
  "bi-default-prompt": { warnings: [/default_prompt_name «find» is of encode\(\)/] },
  "bi-truncated": {},
  "bi-prompt-left-out": {},
  "bi-roberta": { warnings: [shortened, shortenedQueries] },
  "bi-dot": {},
  "bi-dot-truncated": {},
  "cross-1": { ours: sigmoid },
  "cross-1-identity": {},
  "cross-2": { theirs: share(1), warnings: [/2 labels \(0 LABEL_0, 1 LABEL_1\): label 1 is taken/] },
  "cross-3": { settings: { label: "Exact" }, theirs: share(0) },
  "cross-3-sigmoid": { settings: { label: 2 }, theirs: (values) => values[2] ?? Number.NaN, ours: sigmoid },
  "cross-prompt": { ours: sigmoid, warnings: [shortened] },
  "cross-limit": { ours: sigmoid, warnings: [shortened, shortenedQueries] },
  "cross-backend": { ours: sigmoid },
  "cross-fast": { ours: sigmoid },
  "bi-distilbert-last": {},
  "bi-albert-max": {},
  "bi-mpnet-weighted": {},
  // Products of sums over up to 47 tokens: float32 has steps of 1.5e-5 there.
  "bi-sqrt": { scale: 100 },
  "bi-dense": {},
  "bi-dense-orders": {},
  "bi-embedding-gemma": {},
  "bi-qwen3-embedding": {},
  "cross-distilbert": { ours: sigmoid },
  "cross-albert": { ours: sigmoid },
  "cross-mpnet": { ours: sigmoid },
  "bi-modernbert": { warnings: [shortened] },
  "cross-modernbert": { ours: sigmoid, warnings: [shortened, shortenedQueries] },
  "bi-deberta": { warnings: [shortened] },
  "cross-deberta": { ours: sigmoid, warnings: [shortened, shortenedQueries] },
}

/** Scores of all pairs, [query][passage], by the whole path from the folder to the run. */
const scored = (name: string, settings: Case["settings"]) =>
  Effect.map(
    rerankSmall(collection, { source: join(root, "folders", name), name: "model", ...settings }),
    ({ executor, rows }) => {
      const byPair = new Map(rows.map(({ docid, qid, score }) => [`${qid} ${docid}`, score]))
      const scores = golden.queries.map((_, q) =>
        golden.passages.map((_, d) => byPair.get(`q${q} d${d}`) ?? Number.NaN),
      )
      const warnings = [...executor.warnings].flatMap(([node, told]) => (/^(?:model|rerank)\b/.test(node) ? told : []))
      return { scores, warnings }
    },
  ).pipe(Effect.provide(layerDuckDb()))

describe("folders as sentence-transformers saves them", () => {
  for (const [
    name,
    { ours = (score: number) => score, scale = 1, settings, theirs = first, warnings = [] },
  ] of Object.entries(cases)) {
    it.effect(`N400 ${name} gives the scores of sentence-transformers`, () =>
      Effect.gen(function* () {
        const expected = golden.cases[name]?.scores ?? []
        const found = yield* scored(name, settings)
        let largest = 0
        for (const [q, row] of found.scores.entries()) {
          const numbers = (expected[q]?.length ?? 0) / row.length
          for (const [d, score] of row.entries()) {
            const values = expected[q]?.slice(d * numbers, (d + 1) * numbers) ?? []
            const difference = Math.abs(ours(score) - theirs(values)) / scale
            largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference)
          }
        }
        if (process.env["PARITY"] !== undefined) process.stdout.write(`${name} ${largest.toExponential(1)}\n`)
        expect(largest).toBeLessThan(1e-5)
        expect(found.warnings).toHaveLength(warnings.length)
        for (const [i, wanted] of warnings.entries()) expect(found.warnings[i]).toMatch(wanted)
      }),
    )
  }

  it("N400 every folder has its case", () => {
    expect(readdirSync(join(root, "folders")).sort()).toEqual(Object.keys(cases).sort())
    expect(Object.keys(golden.cases).sort()).toEqual(Object.keys(cases).sort())
  })
})
