import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  aggregate,
  judgements,
  judgeRun,
  type Measure,
  measureName,
  oracleScore,
  parseMeasures,
  scoreQuery,
  UNJUDGED,
} from "../../measures/index.ts"
import { compareBytes } from "../../schemas/index.ts"

const measuresOf = (...texts: ReadonlyArray<string>): ReadonlyArray<Measure> =>
  texts.flatMap((text) => {
    const parsed = parseMeasures(text)
    if (!parsed.ok) throw new Error(text)
    return parsed.value
  })

/** Measures that a better order can only raise, and whose values lie in [0, 1] whatever the grades up to 4. */
const ranked = measuresOf(
  ...["RR", "RR@3", "RR(rel=2)@10", "nDCG", "nDCG@5", "nDCG(dcg='exp-log2')@5", "nDCG(judged_only=True)@3", "AP"],
  ...["AP(rel=2)@4", "AP(judged_only=True)", "P@1", "P@5", "P(rel=3)@2", "P(judged_only=True)@2", "R@3", "R(rel=2)@2"],
  ...[
    "F1@2",
    "F1(rel=2)@3",
    "Success@2",
    "RBP(rel=1)",
    "RBP(p=0.5,max_rel=4)@4",
    "ERR",
    "ERR@3",
    "Rprec",
    "Rprec(rel=2)",
    "IPrec@0.0",
  ],
  ...["IPrec@0.3", "IPrec@1.0", "Bpref", "Bpref(rel=2)", "infAP", "gm_map", "gm_bpref", "11pt_avg", "Judged@2"],
)
const unordered = measuresOf(
  "SetP",
  "SetP(relative=True)",
  "SetP(judged_only=True)",
  "SetR",
  "SetF",
  "SetF(beta=2.0)",
  "SetAP",
)
const counts = measuresOf("NumQ", "NumRel", "NumRet", "NumRelRet")
const custom = measuresOf("nDCG(gains={1:3,2:1,3:0})@3", "nDCG(gains={0:2,4:-1})")
const all = [...ranked, ...unordered, ...counts, ...custom]

const docid = fc.oneof(fc.string({ minLength: 1 }), fc.fullUnicodeString({ minLength: 1 }))
const grade = fc.integer({ min: -2, max: 4 })

/** A query: documents, each possibly retrieved with a score (many ties) and possibly judged. */
const query = fc
  .uniqueArray(
    fc.record({
      docid,
      score: fc.option(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ noNaN: true, noDefaultInfinity: true }))),
      grade: fc.option(grade),
    }),
    { selector: (document) => document.docid, maxLength: 12 },
  )
  .map((documents) => ({
    run: documents.flatMap(({ docid, score }) => (score === null ? [] : [{ docid, score }])),
    qrels: documents.flatMap(({ docid, grade }) => (grade === null ? [] : [{ docid, grade }])),
  }))

const judge = (...input: Parameters<typeof judgeRun>) => {
  const ranking = judgeRun(...input)
  if ("_tag" in ranking) throw new Error(ranking.docid)
  return ranking
}

const permutations = (items: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  items.length <= 1
    ? [items]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))

describe("properties of the measures", () => {
  it("E5 every value lies in its measure's range: 0 to 1 but for counts, which are whole, and grades as gains", () => {
    const graded = measuresOf("RBP", "RBP(p=0.5)@3")
    for (const measure of [...ranked, ...unordered, ...custom]) expect(measure.range).toEqual([0, 1])
    for (const measure of [...counts, ...graded]) expect(measure.range).toEqual([0, Number.POSITIVE_INFINITY])
    let passedOne = 0
    fc.assert(
      fc.property(query, ({ run, qrels }) => {
        const { grades, judged } = judge(run, qrels)
        for (const measure of [...all, ...graded]) {
          const value = scoreQuery(measure, grades, judged)
          const [least, greatest] = measure.range
          expect(value, measureName(measure)).toBeGreaterThanOrEqual(least)
          expect(value, measureName(measure)).toBeLessThanOrEqual(greatest + 1e-12)
          if (graded.includes(measure) && value > 1) passedOne++
        }
        for (const measure of counts) expect(Number.isInteger(scoreQuery(measure, grades, judged))).toBe(true)
      }),
    )
    expect(passedOne).toBeGreaterThan(0)
  })

  it("E5 scaling and shifting the scores changes nothing", () => {
    const scores = fc.array(fc.record({ score: fc.integer({ min: -50, max: 50 }), grade: fc.option(grade) }), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(
        scores,
        fc.integer({ min: -20, max: 20 }),
        fc.integer({ min: -5, max: 5 }),
        (documents, shift, power) => {
          const qrels = documents.flatMap(({ grade }, i) => (grade === null ? [] : [{ docid: `d${i}`, grade }]))
          const run = documents.map(({ score }, i) => ({ docid: `d${i}`, score }))
          const moved = run.map(({ docid, score }) => ({ docid, score: (score + shift) * 2 ** power }))
          expect(judge(moved, qrels).grades).toEqual(judge(run, qrels).grades)
        },
      ),
    )
  })

  it("E5 the order of the rows of run and qrels changes nothing", () => {
    const shuffled = query.chain(({ run, qrels }) =>
      fc.record({
        run: fc.constant(run),
        qrels: fc.constant(qrels),
        otherRun: fc.shuffledSubarray(run, { minLength: run.length }),
        otherQrels: fc.shuffledSubarray(qrels, { minLength: qrels.length }),
      }),
    )
    fc.assert(
      fc.property(shuffled, ({ run, qrels, otherRun, otherQrels }) => {
        expect(judge(otherRun, otherQrels)).toEqual(judge(run, qrels))
      }),
    )
  })

  it("E5 exchanging two neighbours so that the better one comes first lowers no measure", () => {
    const grades = fc.array(fc.oneof(grade, fc.constant(UNJUDGED)), { minLength: 2, maxLength: 10 })
    fc.assert(
      fc.property(grades, fc.array(grade, { maxLength: 4 }), fc.nat(), (list, unretrieved, at) => {
        const i = at % (list.length - 1)
        const better = list.with(i, Math.max(list[i]!, list[i + 1]!)).with(i + 1, Math.min(list[i]!, list[i + 1]!))
        const worse = list.with(i, Math.min(list[i]!, list[i + 1]!)).with(i + 1, Math.max(list[i]!, list[i + 1]!))
        const judged = judgements([...list.filter((value) => value !== UNJUDGED), ...unretrieved])
        for (const measure of ranked) {
          // infAP takes half of a pooled document above to be relevant before any is judged, which can outweigh a rank.
          if (measure.name === "infAP") continue
          const high = scoreQuery(measure, Int32Array.from(better), judged)
          const low = scoreQuery(measure, Int32Array.from(worse), judged)
          expect(high, measureName(measure)).toBeGreaterThanOrEqual(low - 1e-12)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("E6 the oracle is the largest value over all orders of the candidates", () => {
    const candidates = fc.array(fc.oneof(grade, fc.constant(UNJUDGED)), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(candidates, fc.array(grade, { maxLength: 3 }), (list, unretrieved) => {
        const judged = judgements([...list.filter((value) => value !== UNJUDGED), ...unretrieved])
        const orders = permutations(list).map((order) => Int32Array.from(order))
        for (const measure of all) {
          const best = Math.max(...orders.map((order) => scoreQuery(measure, order, judged)))
          expect(
            Math.abs(oracleScore(measure, Int32Array.from(list), judged) - best),
            measureName(measure),
          ).toBeLessThan(1e-12)
        }
      }),
      { numRuns: 200 },
    )
  })

  it("E6 the oracle of a run's own documents is at least the run", () => {
    fc.assert(
      fc.property(query, ({ run, qrels }) => {
        const { grades, judged } = judge(run, qrels)
        for (const measure of all) {
          expect(oracleScore(measure, grades, judged)).toBeGreaterThanOrEqual(
            scoreQuery(measure, grades, judged) - 1e-12,
          )
        }
      }),
    )
  })

  it("E7 ties go to the larger docid by UTF-8 bytes, where UTF-16 order is the other one", () => {
    expect("😀" < "～").toBe(true)
    expect(compareBytes("😀", "～")).toBeGreaterThan(0)
    const { grades } = judge(
      [
        { docid: "～", score: 1 },
        { docid: "😀", score: 1 },
      ],
      [{ docid: "😀", grade: 1 }],
    )
    expect([...grades]).toEqual([1, UNJUDGED])
    fc.assert(
      fc.property(fc.fullUnicodeString(), fc.fullUnicodeString(), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
      }),
    )
  })

  it("E7 scores are compared as doubles", () => {
    const run = [
      { docid: "a", score: 1 + 2 ** -40 },
      { docid: "b", score: 1 },
    ]
    expect([...judge(run, [{ docid: "a", grade: 1 }]).grades]).toEqual([1, UNJUDGED])
  })

  it("E8 a document named twice is an error that says where", () => {
    const twice = [
      { docid: "a", score: 1, grade: 1 },
      { docid: "a", score: 2, grade: 0 },
    ]
    expect(judgeRun(twice, [])).toEqual({ _tag: "NamedTwice", where: "run", docid: "a" })
    expect(judgeRun([], twice)).toEqual({ _tag: "NamedTwice", where: "qrels", docid: "a" })
  })

  it("E9 a query whose grades are all negative has no relevant documents", () => {
    const judged = judgements([-1, -2])
    for (const measure of [...ranked, ...unordered]) {
      if (measure.name !== "Judged") expect(scoreQuery(measure, Int32Array.of(-1, UNJUDGED), judged)).toBe(0)
    }
  })

  it("E9 a missing query scores 0 in all but the counts that do not depend on the run", () => {
    const judged = judgements([2, 1, 0])
    for (const measure of [...ranked, ...unordered]) expect(scoreQuery(measure, new Int32Array(), judged)).toBe(0)
    expect(counts.map((measure) => scoreQuery(measure, new Int32Array(), judged))).toEqual([1, 2, 0, 0])
  })

  it("E2 means, sums and geometric means", () => {
    const over = (name: string, values: ReadonlyArray<number>) => measuresOf(name).map((m) => aggregate(m, values))[0]
    expect(over("AP", [0.5, 0.25, 0])).toBe(0.25)
    expect(over("gm_map", [0.5, 0.25, 0])).toBeCloseTo((0.5 * 0.25 * 0.00001) ** (1 / 3), 12)
    expect(over("NumRel", [2, 3])).toBe(5)
  })
})
