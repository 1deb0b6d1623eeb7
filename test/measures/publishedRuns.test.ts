import { existsSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { judgeRun, parseMeasure, scoreQuery } from "../../measures/index.ts"

const folder = new URL("../../../shared/data/msmarco-passage-sub/", import.meta.url)

const rows = (file: string): ReadonlyArray<ReadonlyArray<string>> =>
  readFileSync(new URL(file, folder), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/))

const byQuery = <A>(entries: Iterable<readonly [string, A]>): Map<string, Array<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const [qid, value] of entries) {
    const group = groups.get(qid)
    if (group === undefined) groups.set(qid, [value])
    else group.push(value)
  }
  return groups
}

/** Figures that the runs' authors published, over the whole qrels of each track; recall counts grades 2 and 3. */
const published = [
  ["bm25", "dl19", 0.5058, 0.491],
  ["bm25", "dl20", 0.4796, 0.5599],
  ["bm25-rm3", "dl19", 0.5216, 0.5259],
  ["bm25-rm3", "dl20", 0.4896, 0.6182],
  ["splade-pp-ed", "dl19", 0.7308, 0.639],
  ["splade-pp-ed", "dl20", 0.7197, 0.7653],
  ["tas-b", "dl19", 0.721, 0.6097],
  ["tas-b", "dl20", 0.6854, 0.7135],
  ["openai-ada2", "dl19", 0.7035, 0.6235],
  ["openai-ada2", "dl20", 0.6759, 0.7237],
] as const

describe.skipIf(!existsSync(folder))("published runs of TREC DL 2019 and 2020 (skipped without ../shared)", () => {
  it.each(published)("E1 %s on %s: nDCG@10 %f, R(rel=2)@100 %f", (system, track, ndcg, recall) => {
    const qrels = byQuery(
      rows(`original/qrels.${track}-passage.txt`).map(([qid = "", , docid = "", grade]) => [
        qid,
        { docid, grade: Number(grade) },
      ]),
    )
    const run = byQuery(
      rows(`runs/${system}.${track}.top100.trec`).map(([qid = "", , docid = "", , score]) => [
        qid,
        { docid, score: Number(score) },
      ]),
    )
    const mean = (name: string): number => {
      const measure = parseMeasure(name)
      if (!measure.ok) throw new Error(name)
      const values = [...qrels].map(([qid, judged]) => {
        const ranking = judgeRun(run.get(qid) ?? [], judged)
        if ("_tag" in ranking) throw new Error(ranking.docid)
        return scoreQuery(measure.value, ranking.grades, ranking.judged)
      })
      return values.reduce((sum, value) => sum + value, 0) / values.length
    }
    expect(mean("nDCG@10")).toBeCloseTo(ndcg, 4)
    expect(mean("R(rel=2)@100")).toBeCloseTo(recall, 4)
  })
})
