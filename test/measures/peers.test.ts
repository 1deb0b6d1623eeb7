import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { judgeRun, type Measure, parseMeasure } from "../../measures/index.ts"

type ByQuery = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Made by test/reference/measures/peers.py. */
const golden: {
  readonly qrels: ByQuery
  readonly run: ByQuery
  readonly ranx: Readonly<Record<string, ReadonlyArray<number>>>
  readonly sentenceTransformers: Readonly<Record<string, number>>
} = JSON.parse(readFileSync(join(import.meta.dirname, "../reference/measures/peers.json"), "utf8"))

const measureOf = (name: string): Measure => {
  const parsed = parseMeasure(name)
  if (!parsed.ok) throw new Error(name)
  return parsed.value
}

// ranx answers in the order of the qids as strings.
const judged = Object.keys(golden.qrels)
  .toSorted()
  .map((qid) => {
    const run = Object.entries(golden.run[qid] ?? {}).map(([docid, score]) => ({ docid, score }))
    const qrels = Object.entries(golden.qrels[qid] ?? {}).map(([docid, grade]) => ({ docid, grade }))
    const ranking = judgeRun(run, qrels)
    if ("_tag" in ranking) throw new Error(ranking.docid)
    return { ...ranking, relevant: qrels.filter(({ grade }) => grade >= 1).length }
  })

describe("names of peers", () => {
  it.each(Object.keys(golden.ranx))("E50 %s is ranx's, query by query", (name) => {
    const measure = measureOf(name)
    judged.forEach(({ grades, judged }, at) => {
      expect(measure.score(grades, judged)).toBeCloseTo(golden.ranx[name]?.[at] ?? Number.NaN, 12)
    })
  })

  it.each(Object.keys(golden.sentenceTransformers))(
    "E50 %s is sentence-transformers', where its qrels say yes or no",
    (name) => {
      const measure = measureOf(name)
      const binary = (grades: Int32Array) => grades.map((grade) => Math.min(grade, 1))
      const cutoff = Number(/\d+$/.exec(name)?.[0])
      const values = judged
        .filter(({ relevant }) => relevant > 0)
        .map(({ grades, judged, relevant }) => {
          const value = measure.score(binary(grades), { grades: binary(judged.grades) })
          // Its map@k divides by what could stand among the first k.
          return name.startsWith("map") ? (value * relevant) / Math.min(cutoff, relevant) : value
        })
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      expect(mean).toBeCloseTo(golden.sentenceTransformers[name] ?? Number.NaN, 12)
    },
  )
})
