import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type FilterSettings, type NegativeSource, Random } from "../../schemas/index.ts"
import { divided, type Recipe, sampleList } from "../../stages/train/sampleList.ts"
import { type TrainingData, unjudged, writeRanks } from "../../stages/train/TrainingData.ts"

/** One query with candidates of these grades, in the first stage's order; the last `hidden` are relevant and not retrieved. */
const oneQuery = (grades: ReadonlyArray<number>, hidden = 0, passageCount = 1000): TrainingData => {
  const count = grades.length + hidden
  const scores = Float64Array.from({ length: count }, (_, i) => (i < grades.length ? 20 - i / 10 : 0))
  const teacher = {
    scores: Float64Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 10),
    ranks: new Uint32Array(count),
  }
  writeRanks(teacher.scores, 0, count, teacher.ranks)
  return {
    qids: ["q"],
    kinds: ["question"],
    queryTexts: Uint32Array.of(0),
    starts: Uint32Array.of(0, count),
    passages: Uint32Array.from({ length: count }, (_, i) => 3 * i),
    ranks: Uint32Array.from({ length: count }, (_, i) => (i < grades.length ? i + 1 : 0)),
    scores,
    grades: Int32Array.from({ length: count }, (_, i) => grades[i] ?? 1),
    teacher,
    own: Int32Array.of(-1),
    passageCount,
  }
}

const noFilter: FilterSettings = { by: "none" }
const recipe = (given: Partial<Recipe> = {}): Recipe => ({
  size: 8,
  relevant: 0.5,
  positives: "all",
  sources: [{ kind: "candidates", from: 1, share: 1 }],
  filter: noFilter,
  ...given,
})

const grades = fc.array(fc.constantFrom(unjudged, unjudged, 0, 1, 3), { minLength: 1, maxLength: 40 })
const source: fc.Arbitrary<NegativeSource> = fc
  .record({
    kind: fc.constantFrom("random" as const, "candidates" as const, "teacher" as const, "mined" as const),
    from: fc.integer({ min: 1, max: 10 }),
    width: fc.integer({ min: 0, max: 20 }),
    share: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ from, kind, share, width }) => ({ kind, from, to: from + width, share }))
const sources = fc.array(source, { minLength: 1, maxLength: 3 })
const filter: fc.Arbitrary<FilterSettings> = fc.oneof(
  fc.constant(noFilter),
  fc.record({
    by: fc.constantFrom("first-stage" as const, "teacher" as const),
    margin: fc.double({ min: -1, max: 5, noNaN: true }),
  }),
)

describe("a list of candidates", () => {
  it("T41 has at most m items, none twice, relevant ones first, and no relevant passage among the negatives", () => {
    fc.assert(
      fc.property(
        grades,
        fc.nat(3),
        sources,
        filter,
        fc.integer({ min: 2, max: 20 }),
        fc.nat(),
        (given, hidden, from, by, size, seed) => {
          const data = oneQuery(given, hidden)
          const mined = Uint32Array.from({ length: data.passages.length }, (_, i) => data.passages.length - i)
          const list = sampleList(data, 0, recipe({ size, sources: from, filter: by }), new Random(seed), mined)
          const total = data.grades.filter((grade) => grade > 0).length
          expect(list.passages.length).toBeLessThanOrEqual(size)
          expect(new Set(list.passages).size).toBe(list.passages.length)
          expect(list.relevant).toBe(Math.min(total, Math.max(1, Math.floor(size / 2))))
          const gradeOf = new Map([...data.passages].map((passage, c) => [passage, data.grades[c]!]))
          list.passages.forEach((passage, i) => {
            const grade = Math.max(0, gradeOf.get(passage) ?? 0)
            expect(list.grades[i]).toBe(grade)
            expect(grade > 0).toBe(i < list.relevant)
          })
        },
      ),
    )
  })

  it("T41 takes relevant passages that the first stage missed only where it found none, or where all are asked for", () => {
    fc.assert(
      fc.property(grades, fc.integer({ min: 1, max: 4 }), fc.nat(), (given, hidden, seed) => {
        const data = oneQuery(given, hidden)
        const missed = (positives: Recipe["positives"], size: number): number => {
          const list = sampleList(data, 0, recipe({ positives, size, relevant: 1 }), new Random(seed))
          const last = given.length * 3
          return [...list.passages.subarray(0, list.relevant)].filter((passage) => passage >= last).length
        }
        const some = given.some((grade) => grade > 0)
        expect(missed("found", 50)).toBe(some ? 0 : hidden)
        expect(missed("all", 50)).toBe(hidden)
      }),
    )
  })

  it("M7 a random negative is never the query's own passage where that is left out", () => {
    const few = oneQuery([1], 0, 12)
    const random = recipe({ size: 12, sources: [{ kind: "random", from: 1, share: 1 }] })
    const drawn = (own: number) => {
      const passages = new Set<number>()
      for (let seed = 0; seed < 40; seed++) {
        const list = sampleList({ ...few, own: Int32Array.of(own) }, 0, random, new Random(seed))
        for (const passage of list.passages) passages.add(passage)
      }
      return [...passages].sort((a, b) => a - b)
    }
    expect(drawn(-1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(drawn(5)).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
  })

  it("T41 is filled up from all candidates where a source has too few, and shorter only where these run out", () => {
    const data = oneQuery([1, ...Array.from({ length: 9 }, () => unjudged)])
    const narrow = recipe({ sources: [{ kind: "candidates", from: 2, to: 3, share: 1 }] })
    expect(sampleList(data, 0, narrow, new Random(1)).passages).toHaveLength(8)
    expect(sampleList(data, 0, { ...narrow, size: 20 }, new Random(1)).passages).toHaveLength(10)
  })

  it("T42 takes negatives from each source's ranks by its share", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const data = oneQuery([1, ...Array.from({ length: 99 }, () => unjudged)])
        const sources: ReadonlyArray<NegativeSource> = [
          { kind: "candidates", from: 1, to: 20, share: 2 },
          { kind: "candidates", from: 51, share: 1 },
        ]
        const list = sampleList(data, 0, recipe({ size: 16, sources }), new Random(seed))
        const ranks = [...list.passages].slice(1).map((passage) => passage / 3 + 1)
        expect(ranks.filter((rank) => rank <= 20)).toHaveLength(10)
        expect(ranks.filter((rank) => rank > 50)).toHaveLength(5)
      }),
    )
  })

  it("T42 ranks of the teacher and of the model in training choose as those of the first stage do", () => {
    const data = oneQuery([1, ...Array.from({ length: 49 }, () => unjudged)])
    const mined = Uint32Array.from({ length: 50 }, (_, i) => 50 - i)
    for (const [kind, ranks] of [
      ["mined", mined],
      ["teacher", data.teacher?.ranks],
    ] as const) {
      const asked = recipe({ size: 6, sources: [{ kind, from: 2, to: 9, share: 1 }] })
      const list = sampleList(data, 0, asked, new Random(3), mined)
      for (const passage of list.passages.subarray(1)) {
        const rank = ranks?.[passage / 3] ?? 0
        expect(rank).toBeGreaterThanOrEqual(2)
        expect(rank).toBeLessThanOrEqual(9)
      }
    }
  })

  it("T42 random negatives come from all passages", () => {
    const data = oneQuery([1, unjudged, unjudged], 0, 10_000)
    const seen = new Set<number>()
    for (let seed = 0; seed < 200; seed++) {
      const list = sampleList(data, 0, recipe({ sources: [{ kind: "random", from: 1, share: 1 }] }), new Random(seed))
      expect(list.passages).toHaveLength(8)
      for (const passage of list.passages.subarray(1)) seen.add(passage)
    }
    expect(seen.size).toBeGreaterThan(1200)
    expect(Math.max(...seen)).toBeGreaterThan(9500)
  })

  it("T43 a filter keeps unjudged passages away that score near the relevant one; judged ones stay", () => {
    const data = oneQuery([unjudged, unjudged, 1, 0, unjudged, ...Array.from({ length: 45 }, () => unjudged)])
    const reach = { size: 50, relevant: 0.5 }
    const margin = sampleList(data, 0, recipe({ ...reach, filter: { by: "first-stage", margin: 1 } }), new Random(1))
    const ranks = [...margin.passages].map((passage) => passage / 3 + 1).sort((a, b) => a - b)
    // The relevant passage is third with 19.8; the fourth, judged, stays; the next is 13th with 18.8.
    expect(ranks.slice(0, 3)).toEqual([3, 4, 13])
    const ratio = sampleList(data, 0, recipe({ ...reach, filter: { by: "first-stage", ratio: 0.9 } }), new Random(1))
    for (const passage of ratio.passages) {
      const rank = passage / 3 + 1
      if (rank > 4) expect(20 - (rank - 1) / 10).toBeLessThanOrEqual(0.9 * 19.8)
    }
    const byTeacher = sampleList(data, 0, recipe({ ...reach, filter: { by: "teacher", margin: 0 } }), new Random(1))
    const best = data.teacher?.scores[2] ?? 0
    for (const passage of byTeacher.passages.subarray(1)) {
      if (passage / 3 !== 3) expect(data.teacher?.scores[passage / 3]).toBeLessThanOrEqual(best)
    }
  })

  it("T42 shares divide a number without losing any", () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 1 }),
        (total, shares) => {
          const parts = divided(total, shares)
          const sum = shares.reduce((a, b) => a + b, 0)
          expect(parts.reduce((a, b) => a + b, 0)).toBe(sum === 0 ? 0 : total)
          parts.forEach((part, i) => {
            if (sum > 0) expect(Math.abs(part - (total * shares[i]!) / sum)).toBeLessThan(1 + 1e-9)
          })
        },
      ),
    )
  })
})
