import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { aggregate, judgeRun, type Measure, measureName, parseMeasures, scoreQuery } from "../../measures/index.ts"

/** The folder `test` of trec_eval 9.0.8's source: its files are not ours to distribute. */
const folder = process.env["RANKDAG_TREC_EVAL_TESTS"]

const lines = (name: string): ReadonlyArray<ReadonlyArray<string>> =>
  readFileSync(join(folder ?? "", name), "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/\s+/))

const group = <A>(rows: ReadonlyArray<readonly [string, A]>): Map<string, Array<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const [key, value] of rows) groups.set(key, [...(groups.get(key) ?? []), value])
  return groups
}

const read = (qrelsFile: string, runFile: string) => {
  const qrels = group(
    lines(qrelsFile).map(([qid = "", , docid = "", grade]) => [qid, { docid, grade: Number(grade) }] as const),
  )
  const run = group(
    lines(runFile).map(([qid = "", , docid = "", , score]) => [qid, { docid, score: Number(score) }] as const),
  )
  return new Map(
    [...qrels].map(([qid, judged]) => {
      const ranking = judgeRun(run.get(qid) ?? [], judged)
      if ("_tag" in ranking) throw new Error(ranking.docid)
      return [qid, ranking] as const
    }),
  )
}

/** The measure a printed name stands for, with trec_eval's `-l`; `undefined` for names that are not computed here. */
const measureOf = (name: string, level: number): Measure | undefined => {
  const parsed = parseMeasures(name)
  if (!parsed.ok || parsed.value.length !== 1 || parsed.value[0] === undefined) return undefined
  const [measure] = parsed.value
  const text = measureName(measure)
  if (level === 1 || text === "NumRet") return measure
  const [, base = "", parameters = "", at = ""] =
    /^([^(@]+)(?:\((.*)\))?(@.+)?$/.exec(text.replace(/\brel=\d+,?/, "")) ?? []
  const atLevel = parseMeasures(`${base}(rel=${level}${parameters === "" ? "" : `,${parameters}`})${at}`)
  return atLevel.ok ? atLevel.value[0] : measure
}

const compare = (queries: ReturnType<typeof read>, outFile: string, level: number): number => {
  let compared = 0
  for (const [name = "", qid = "", printed = ""] of lines(outFile)) {
    const measure = measureOf(name, level)
    if (measure === undefined) continue
    const value = (ranking: { grades: Int32Array; judged: { grades: Int32Array } }) =>
      scoreQuery(measure, ranking.grades, ranking.judged)
    const one = queries.get(qid)
    const ours =
      qid === "all" ? aggregate(measure, [...queries.values()].map(value)) : one === undefined ? Number.NaN : value(one)
    expect(Math.abs(ours - Number(printed)), `${outFile} ${name} ${qid} as ${measureName(measure)}`).toBeLessThan(
      0.00005 + 1e-9,
    )
    compared++
  }
  return compared
}

describe.skipIf(folder === undefined)("trec_eval's quicktest (skipped without RANKDAG_TREC_EVAL_TESTS)", () => {
  it("E1 official measures", () => {
    expect(compare(read("qrels.test", "results.test"), "out.test", 1)).toBeGreaterThan(25)
  })

  it("E1 all_trec, per query", () => {
    expect(compare(read("qrels.test", "results.test"), "out.test.aq", 1)).toBeGreaterThan(200)
  })

  it("E2 all_trec with -c over a run that misses queries", () => {
    expect(compare(read("qrels.test", "results.trunc"), "out.test.aqc", 1)).toBeGreaterThan(100)
  })

  it("E1 all_trec with relevance level 2", () => {
    expect(compare(read("qrels.rel_level", "results.test"), "out.test.aql", 2)).toBeGreaterThan(200)
  })
})
