import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import {
  aggregate,
  compareTrecOrder,
  judgements,
  judgeRun,
  measureName,
  oracleScore,
  parseMeasures,
  scoreQuery,
} from "../../measures/index.ts"
import { layerDuckDb, readRows, type StoredArtifact } from "../../pipeline/index.ts"
import { compareBytes, EvaluationSummary, Kinds, type QueryKind, type RowOf, type Split } from "../../schemas/index.ts"
import { run as runStage } from "../../stages/evaluate/evaluate.ts"
import { EvaluateConfig, evaluate } from "../../stages/evaluate/index.ts"
import { randomPair } from "../support/randomRuns.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

interface Query {
  readonly qid: string
  readonly text: string
  readonly kind: QueryKind
  readonly split: Split
}
interface Qrel {
  readonly qid: string
  readonly docid: string
  readonly grade: number
}
interface Result {
  readonly system: string
  readonly qid: string
  readonly docid: string
  readonly rank: number
  readonly score: number
}

const byQid = (a: { readonly qid: string }, b: { readonly qid: string }) => compareBytes(a.qid, b.qid)

/** A run's rows as a stage stores them. */
const runRows = (
  system: string,
  queries: ReadonlyArray<{ qid: string; run: ReadonlyArray<{ docid: string; score: number }> }>,
): ReadonlyArray<Result> =>
  [...queries]
    .sort(byQid)
    .flatMap(({ qid, run }) =>
      [...run].sort(compareTrecOrder).map(({ docid, score }, i) => ({ system, qid, docid, rank: i + 1, score })),
    )

interface Given {
  readonly measures: ReadonlyArray<string>
  readonly queries: ReadonlyArray<Query>
  readonly qrels: ReadonlyArray<Qrel>
  readonly runs: ReadonlyArray<ReadonlyArray<Result>>
  readonly candidates?: ReadonlyArray<Result>
  readonly judgedOnly?: boolean
  readonly leftOut?: ReadonlyArray<RowOf<Kinds.Passages["columns"]>>
  readonly agreements?: ReadonlyArray<StoredArtifact<Kinds.Agreement>>
}

const stored = (given: Given) =>
  Effect.gen(function* () {
    const runs: Array<StoredArtifact<Kinds.Run>> = []
    for (const rows of given.runs) runs.push(yield* storedTable(Kinds.Run, rows))
    const [measure = "", ...more] = given.measures
    const warnings: Array<string> = []
    const outputs = {
      scores: temporaryFolder("scores"),
      summary: temporaryFolder("summary"),
      profile: temporaryFolder("profile"),
    }
    const result = yield* runStage({
      config: Schema.decodeSync(EvaluateConfig)({
        measures: [measure, ...more],
        judgedOnly: given.judgedOnly ?? false,
        repeats: [],
        profileDepth: 40,
      }),
      inputs: {
        runs,
        candidates: yield* storedTable(
          Kinds.Candidates,
          (given.candidates ?? given.runs[0] ?? []).map(({ system: _, ...row }) => ({ ...row, grade: null })),
        ),
        qrels: yield* storedTable(Kinds.Qrels, given.qrels),
        queries: yield* storedTable(Kinds.Queries, given.queries),
        leftOut: given.leftOut === undefined ? [] : [yield* storedTable(Kinds.Passages, given.leftOut)],
        agreements: given.agreements ?? [],
      },
      outputs,
      scratch: temporaryFolder("scratch"),
      progress: () => undefined,
      warn: (message) => warnings.push(message),
    })
    const summaryText = readFileSync(join(outputs.summary, "summary.json"), "utf8")
    return {
      result,
      warnings,
      outputs,
      summary: Schema.decodeSync(Schema.parseJson(EvaluationSummary))(summaryText),
      scores: yield* readRows(storedFolder(Kinds.Scores, outputs.scores)),
      profile: yield* readRows(storedFolder(Kinds.DepthProfile, outputs.profile)),
    }
  })

const live = <A, E>(effect: Effect.Effect<A, E, Effect.Effect.Context<ReturnType<typeof stored>>>) =>
  Effect.provide(effect, layerDuckDb())

const failure = (given: Given) =>
  Effect.map(Effect.exit(stored(given)), (exit) => {
    if (Exit.isSuccess(exit)) throw new Error("should fail")
    return Cause.squash(exit.cause)
  })

/** Two systems over 60 random pairs, split and kind by number; the second is the first with other scores. */
const random = () => {
  const queries = Array.from({ length: 60 }, (_, index) => randomPair(index)).flat()
  const rows = queries.map(
    ({ qid }, i): Query => ({
      qid,
      text: `query ${qid}`,
      kind: i % 3 === 0 ? "browse" : "question",
      split: i % 4 === 0 ? "dev" : "test",
    }),
  )
  const other = queries.map((query) => ({
    ...query,
    run: query.run.map(({ docid, score }, i) => ({ docid, score: ((score * 7) % 5) + (i % 3) })),
  }))
  const qrels = queries.flatMap(({ qid, qrels }) => qrels.map((qrel) => ({ qid, ...qrel })))
  return { queries, other, rows, qrels }
}

const measures = [
  "RR@10",
  "nDCG@5",
  "nDCG(dcg='exp-log2')@10",
  "AP(rel=2)",
  "R@100",
  "official",
  "P(judged_only=True)@5",
]
const parsed = measures.flatMap((text) => {
  const all = parseMeasures(text)
  return all.ok ? all.value : []
})

describe("the evaluate stage", () => {
  it("E10 is wired as data and refuses a measure it does not know", () => {
    expect(evaluate.name).toBe("evaluate")
    expect(() => Schema.decodeUnknownSync(EvaluateConfig)({ measures: ["nDGC@10"] })).toThrow(/nearest is nDCG/)
  })

  it.effect("E10 writes one row a system, query and measure, equal to the measures of plain data", () =>
    live(
      Effect.gen(function* () {
        const { queries, other, rows, qrels } = random()
        const { scores, summary, warnings } = yield* stored({
          measures,
          queries: [...rows].sort(byQid),
          qrels: [...qrels].sort((a, b) => byQid(a, b) || compareBytes(a.docid, b.docid)),
          runs: [runRows("zeta", queries), runRows("alpha", other)],
          candidates: runRows("", queries),
        })
        const expected = [
          ["alpha", other],
          ["zeta", queries],
        ] as const
        const rowOf = new Map(rows.map((row) => [row.qid, row]))
        const expectedScores = expected.flatMap(([system, all]) =>
          (["dev", "test"] as const).flatMap((split) =>
            parsed.flatMap((measure) =>
              all
                .filter(({ qid, qrels }) => qrels.length > 0 && rowOf.get(qid)?.split === split)
                .sort(byQid)
                .map(({ qid, run, qrels }) => {
                  const ranking = judgeRun(run, qrels)
                  if ("_tag" in ranking) throw new Error("twice")
                  const value = scoreQuery(measure, ranking.grades, ranking.judged)
                  return { system, split, qid, kind: rowOf.get(qid)?.kind, measure: measureName(measure), value }
                }),
            ),
          ),
        )
        expect(scores).toEqual(expectedScores)
        expect(warnings).toEqual([])

        expect(summary.measures).toEqual(parsed.map(measureName))
        expect(summary.systems.map(({ system, split, kind }) => `${system} ${split} ${kind}`)).toEqual(
          ["zeta", "alpha"].flatMap((system) =>
            ["dev", "test"].flatMap((split) =>
              ["all", "question", "browse"].map((kind) => `${system} ${split} ${kind}`),
            ),
          ),
        )
        for (const row of summary.systems) {
          const slice = expectedScores.filter(
            ({ system, split, kind }) =>
              system === row.system && split === row.split && (row.kind === "all" || row.kind === kind),
          )
          for (const measure of parsed) {
            const name = measureName(measure)
            const values = slice.filter((score) => score.measure === name).map(({ value }) => value)
            expect(row.queries).toBe(values.length)
            expect(Math.abs(row.measures[name]! - aggregate(measure, values))).toBeLessThan(1e-12)
          }
          const missing = queries.filter(
            ({ qid, run, qrels }) =>
              run.length === 0 &&
              qrels.length > 0 &&
              rowOf.get(qid)?.split === row.split &&
              (row.kind === "all" || row.kind === rowOf.get(qid)?.kind),
          )
          expect(row.missing).toBe(missing.length)
        }
        for (const row of summary.candidates) {
          const slice = queries.filter(
            ({ qid, qrels }) =>
              qrels.length > 0 &&
              rowOf.get(qid)?.split === row.split &&
              (row.kind === "all" || row.kind === rowOf.get(qid)?.kind),
          )
          const oracle = slice.sort(byQid).map(({ run, qrels }) => {
            const ranking = judgeRun(run, qrels)
            if ("_tag" in ranking) throw new Error("twice")
            return parsed.map((measure) => oracleScore(measure, ranking.grades, ranking.judged))
          })
          parsed.forEach((measure, m) => {
            const mean = aggregate(
              measure,
              oracle.map((values) => values[m]!),
            )
            expect(Math.abs(row.oracle[measureName(measure)]! - mean)).toBeLessThan(1e-12)
          })
        }
      }),
    ),
  )

  it.effect("E7 a run stored in another order is ranked anew, with the same result and a warning", () =>
    live(
      Effect.gen(function* () {
        const { queries, rows, qrels } = random()
        const sorted = runRows("bm25", queries)
        const given = { measures, queries: rows, qrels, candidates: sorted }
        const one = yield* stored({ ...given, runs: [sorted] })
        const shuffled = sorted.map((row, i) => ({ ...row, rank: i })).toReversed()
        const two = yield* stored({ ...given, runs: [shuffled] })
        expect(two.warnings).toEqual(["bm25: its run was not stored in trec_eval's order and was ranked anew"])
        expect(two.scores).toEqual(one.scores)
        expect(two.summary).toEqual(one.summary)
      }),
    ),
  )

  it.effect("E14 the depth profile has the figures of its measures with each cutoff, by split and kind", () =>
    live(
      Effect.gen(function* () {
        const { queries, other, rows, qrels } = random()
        const { profile, summary } = yield* stored({
          measures: ["nDCG@1", "nDCG@40", "P@7", "R@40", "RR@10", "AP@40"],
          queries: rows,
          qrels,
          runs: [runRows("b", queries), runRows("a", other)],
        })
        let compared = 0
        for (const { system, split, kind, measures } of summary.systems) {
          for (const [name, value] of Object.entries(measures)) {
            const [measure, depth] = name.split("@")
            const found = profile.filter(
              (row) =>
                row.system === system &&
                row.split === split &&
                row.kind === kind &&
                row.measure === measure &&
                row.depth === Number(depth),
            )
            expect(found.map((row) => row.value)).toEqual([expect.closeTo(value, 12)])
            // The interval of the profile is that of the measure itself, which was found from the queries' values.
            const interval = summary.systems.find(
              (row) => row.system === system && row.split === split && row.kind === kind,
            )?.intervals[name]
            for (const [bound, found_] of [
              [interval?.[0], found[0]?.lower],
              [interval?.[1], found[0]?.upper],
            ]) {
              if (bound === undefined) expect(found_).toBeNull()
              else expect(found_).toBeCloseTo(bound ?? 0, 9)
            }
            compared++
          }
        }
        expect(compared).toBe(2 * 2 * 3 * 6)
        expect(profile.length).toBe(2 * 2 * 3 * 5 * 40)
      }),
    ),
  )

  it.effect(
    "E15 says which share of the first ten nobody judged, and takes measures over judged results on request",
    () =>
      live(
        Effect.gen(function* () {
          const { queries, rows, qrels } = random()
          const { summary } = yield* stored({
            measures: ["P@10", "Judged@10", "NumRet"],
            queries: rows,
            qrels,
            runs: [runRows("a", queries)],
            judgedOnly: true,
          })
          expect(summary.measures).toEqual(["P@10", "P(judged_only=True)@10", "Judged@10", "NumRet"])
          for (const { unjudged, measures, queries: count, missing } of summary.systems) {
            const judged = (measures["Judged@10"] ?? Number.NaN) * (count / (count - missing))
            expect(unjudged).toBeCloseTo(1 - judged, 12)
            expect(measures["P(judged_only=True)@10"]).toBeGreaterThanOrEqual(measures["P@10"] ?? Number.NaN)
          }
        }),
      ),
  )

  it.effect("E11 the same inputs give the same bytes", () =>
    live(
      Effect.gen(function* () {
        const { queries, other, rows, qrels } = random()
        const given = { measures, queries: rows, qrels, runs: [runRows("a", queries), runRows("b", other)] }
        const one = yield* stored(given)
        const two = yield* stored(given)
        for (const [output, file] of [
          ["scores", "part-00000.parquet"],
          ["summary", "summary.json"],
          ["profile", "part-00000.parquet"],
        ] as const) {
          const read = (outputs: typeof one.outputs): Buffer => readFileSync(join(outputs[output], file))
          expect(read(one.outputs).equals(read(two.outputs))).toBe(true)
        }
      }),
    ),
  )

  const queries: ReadonlyArray<Query> = [{ qid: "q1", text: "one", kind: "question", split: "test" }]
  const qrels: ReadonlyArray<Qrel> = [{ qid: "q1", docid: "d1", grade: 1 }]
  const result = { system: "s", qid: "q1", docid: "d1", rank: 1, score: 1 }
  const base: Given = { measures: ["AP"], queries, qrels, runs: [[result]] }

  it.effect("E8 duplicates in run and qrels, scores that are not finite, confused systems are named", () =>
    live(
      Effect.gen(function* () {
        expect(
          yield* failure({ ...base, runs: [[result, { ...result, rank: 2 }]], candidates: [result] }),
        ).toMatchObject({
          _tag: "DuplicateDocument",
          where: "s",
          qid: "q1",
          docid: "d1",
        })
        expect(yield* failure({ ...base, qrels: [...qrels, ...qrels] })).toMatchObject({ where: "qrels", docid: "d1" })
        for (const score of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          expect(yield* failure({ ...base, runs: [[{ ...result, score }]] })).toMatchObject({
            _tag: "ScoreNotFinite",
            docid: "d1",
          })
        }
        expect(yield* failure({ ...base, runs: [[result], [result]] })).toMatchObject({
          _tag: "SystemsConfused",
          system: "s",
        })
        expect(
          yield* failure({ ...base, runs: [[result, { ...result, system: "t", docid: "d2", rank: 2, score: 0 }]] }),
        ).toMatchObject({ _tag: "SystemsConfused", system: "s" })
        expect(yield* failure({ ...base, qrels: [{ ...qrels[0]!, qid: "q2" }] })).toMatchObject({
          _tag: "NothingJudged",
        })
      }),
    ),
  )

  it.effect("E13 a measure whose largest grade the qrels exceed is refused, and computed where they do not", () =>
    live(
      Effect.gen(function* () {
        const graded = { ...base, qrels: [{ ...qrels[0]!, grade: 3 }] }
        for (const measure of ["ERR(max_rel=2)@20", "RBP(max_rel=2)"]) {
          expect(yield* failure({ ...graded, measures: [measure] })).toMatchObject({
            _tag: "GradeTooLarge",
            measure,
            maxRel: 2,
            grade: 3,
          })
        }
        const { scores } = yield* stored({ ...graded, measures: ["ERR(max_rel=3)@20", "RBP(max_rel=3)", "RBP(rel=1)"] })
        expect(scores.map(({ value }) => value)).toEqual([7 / 8, 1 - 0.8, 1 - 0.8])
      }),
    ),
  )

  it.effect("P20 the interval of a mean of values that pass 1 is Student's, within the measure's range", () =>
    live(
      Effect.gen(function* () {
        const grades = [13, 1, 1, 1, 1, 1, 1, 1]
        const asked = grades.map((_, i): Query => ({ qid: `q${i}`, text: "text", kind: "browse", split: "test" }))
        const { scores, summary } = yield* stored({
          measures: ["RBP", "RBP(rel=1)"],
          queries: asked,
          qrels: grades.map((grade, i) => ({ qid: `q${i}`, docid: "a", grade })),
          runs: [asked.map(({ qid }) => ({ system: "s", qid, docid: "a", rank: 1, score: 1 }))],
        })
        expect(scores.filter(({ measure }) => measure === "RBP").map(({ value }) => value)).toEqual(
          grades.map((grade) => (1 - 0.8) * grade),
        )
        const [row] = summary.systems
        // scipy 1.17: t.interval(0.95, 7, loc=0.5, scale=sem); its lower end is below 0.
        expect(row?.intervals["RBP"]?.[0]).toBe(0)
        expect(row?.intervals["RBP"]?.[1]).toBeCloseTo(1.2093872754778352, 9)
        expect(row?.measures["RBP"]).toBeCloseTo(0.5, 12)
        expect(row?.intervals["RBP(rel=1)"]).toEqual([expect.closeTo(0.2, 12), expect.closeTo(0.2, 12)])
      }),
    ),
  )

  it.effect("E12 a split that a system was not run on has no row; a query without judgements does not count", () =>
    live(
      Effect.gen(function* () {
        const more: ReadonlyArray<Query> = [
          ...queries,
          { qid: "q2", text: "two", kind: "browse", split: "test" },
          { qid: "q3", text: "three", kind: "browse", split: "train" },
          { qid: "q4", text: "four", kind: "browse", split: "test" },
        ]
        const {
          summary,
          result: outcome,
          warnings,
        } = yield* stored({
          ...base,
          queries: more,
          qrels: [
            ...qrels,
            { qid: "q2", docid: "d1", grade: 1 },
            { qid: "q3", docid: "d1", grade: 1 },
            { qid: "q9", docid: "d1", grade: 1 },
          ],
          runs: [[result, { ...result, qid: "q4" }], []],
          candidates: [result],
        })
        expect(summary.systems).toEqual([
          {
            system: "s",
            split: "test",
            kind: "all",
            queries: 2,
            missing: 1,
            unjudged: 0,
            measures: { AP: 0.5 },
            intervals: {},
          },
          {
            system: "s",
            split: "test",
            kind: "question",
            queries: 1,
            missing: 0,
            unjudged: 0,
            measures: { AP: 1 },
            intervals: {},
          },
          {
            system: "s",
            split: "test",
            kind: "browse",
            queries: 1,
            missing: 1,
            unjudged: 0,
            measures: { AP: 0 },
            intervals: {},
          },
        ])
        expect(summary.candidates[0]).toEqual({
          split: "test",
          kind: "all",
          queries: 2,
          depth: 1,
          recall: 0.5,
          oracle: { AP: 0.5 },
        })
        expect(outcome.facts).toEqual({ judgedQueries: 3, danglingQrels: 1 })
        expect(warnings).toEqual([
          "1 qrels belong to no query of the collection and were left out",
          "the run of run is empty and has no row in the table",
        ])
      }),
    ),
  )

  it.effect("E15 a note below a split says that nothing is relevant, that everything is, and what was left out", () =>
    live(
      Effect.gen(function* () {
        const asked = (["test", "dev"] as const).map(
          (split, i): Query => ({ qid: `q${i}`, text: "t", kind: "browse", split }),
        )
        const noted = (grades: ReadonlyArray<readonly [string, string, number]>, leftOut?: ReadonlyArray<string>) =>
          Effect.map(
            stored({
              measures: ["AP"],
              queries: asked,
              qrels: grades.map(([qid, docid, grade]) => ({ qid, docid, grade })),
              runs: [asked.map(({ qid }) => ({ system: "s", qid, docid: "a", rank: 1, score: 1 }))],
              ...(leftOut === undefined
                ? {}
                : { leftOut: leftOut.map((docid) => ({ docid, title: null, text: "t" })) }),
            }),
            ({ summary }) => summary.notes.map(({ split, text }) => `${split}: ${text}`),
          )
        expect(
          yield* noted([
            ["q0", "a", 1],
            ["q0", "b", 0],
            ["q1", "a", 1],
          ]),
        ).toEqual([])
        expect(
          yield* noted([
            ["q0", "a", 0],
            ["q0", "b", -1],
            ["q1", "a", 1],
            ["q1", "b", 4],
            ["q1", "c", 2],
          ]),
        ).toEqual([
          "dev: no grade is below 1 (they are 1 to 4), so that everything judged counts as relevant; a measure takes another level, as in AP(rel=4)",
          "test: no query has a relevant passage: the highest grade is 0, and passages are relevant from 1",
        ])
        expect(
          yield* noted(
            [
              ["q0", "a", 1],
              ["q1", "a", 1],
            ],
            ["a", "q0", "x"],
          ),
        ).toEqual(["test: the passage of the query's own id is left out, of 1 query"])
        expect(
          yield* noted(
            [
              ["q0", "a", 1],
              ["q1", "a", 1],
            ],
            ["a", "x"],
          ),
        ).toEqual([])
      }),
    ),
  )

  it("E9 judgements are read largest first", () => {
    expect([...judgements([0, 3, -1]).grades]).toEqual([3, 0, -1])
  })
})
