import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { facets, kinds } from "../../../stages/ingest/synthetic/Kinds.ts"
import {
  browseOf,
  defaultLand,
  defaultOverlap,
  type LandSettings,
  passagesOf,
  questionsOf,
  type SyntheticPassage,
  type SyntheticQuery,
  splitOfTown,
  surveyLand,
} from "../../../stages/ingest/synthetic/Land.ts"
import { inRegion, townName } from "../../../stages/ingest/synthetic/Names.ts"
import { fillers, relations } from "../../../stages/ingest/synthetic/Relations.ts"
import { docidOf, planTown, townsPerRegion, writeTown } from "../../../stages/ingest/synthetic/Town.ts"

const small = (settings: Partial<LandSettings>): LandSettings => ({
  ...defaultLand,
  passages: 2500,
  questions: { train: 300, dev: 20, test: 20 },
  browse: { train: 100, dev: 12, test: 12 },
  ...settings,
})

const whole = (settings: LandSettings) => {
  const land = surveyLand(settings)
  const passages: Array<SyntheticPassage> = [...passagesOf(land)].flat()
  const queries: Array<SyntheticQuery> = [...browseOf(land), ...questionsOf(land)]
  return { land, passages, queries }
}

const digest = (settings: LandSettings): string => {
  const { passages, queries } = whole(settings)
  const hash = createHash("sha256")
  for (const { docid, text } of passages) hash.update(`${docid}\t${text}\n`)
  for (const { qid, text, kind, split, relevant } of queries) {
    hash.update(`${qid}\t${text}\t${kind}\t${split}\n`)
    for (const { docid, grade } of relevant) hash.update(`${docid}\t${grade}\n`)
  }
  return hash.digest("hex")
}

const phrases = facets.flatMap((facet, f) =>
  facet.values.flatMap((forms, value) => forms.map((phrase) => ({ facet: f, value, phrase }))),
)
const says = (text: string, phrase: string): boolean => ` ${text.replaceAll(/[.,:]/g, " ")} `.includes(` ${phrase} `)

/** What a text says, read back from its words: facets with their values (longest phrases win), and the kind. */
const readBack = (text: string) => {
  const found = phrases.filter(({ phrase }) => says(text, phrase))
  const named = found.filter(
    ({ phrase }) => !found.some((other) => other.phrase !== phrase && says(other.phrase, phrase)),
  )
  const kind = kinds.findIndex((nouns) => nouns.some(({ one, many }) => says(text, one) || says(text, many)))
  return { kind, named }
}

describe("the synthetic collection", () => {
  it("I1 a seed gives the same bytes on any machine, whatever the size of the seed", () => {
    expect(digest(defaultLand)).toBe("04dd2215134622ca15a28dc6e33ada240d5cf9830a2fdfc054ba47a62a725055")
    expect(digest(small({ seed: 2 ** 52 + 11 }))).toBe(
      "7080be9d1452e54acb0b5e02f39c13cce1179d195add2b2eb9674dff49f47fc6",
    )
  })

  it("I1 another seed gives another collection", () => {
    expect(digest(small({ seed: 3 }))).not.toBe(digest(small({ seed: 4 })))
    expect(digest(small({ seed: 5 }))).not.toBe(digest(small({ seed: 5 + 2 ** 32 })))
  })

  it("I2 any number of passages is met exactly, and a larger collection begins with the smaller one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 3000 }), fc.integer({ min: 0, max: 1000 }), fc.nat(), (n, more, seed) => {
        const a = [...passagesOf(surveyLand(small({ passages: n, seed })))].flat()
        const b = [...passagesOf(surveyLand(small({ passages: n + more, seed })))].flat()
        expect(a.length).toBe(n)
        expect(b.length).toBe(n + more)
        expect(b.slice(0, n)).toEqual(a)
      }),
      { numRuns: 20 },
    )
  })

  it("I3 a slice of towns, streamed alone, is that slice of the whole", () => {
    const land = surveyLand(small({}))
    const all = [...passagesOf(land)]
    fc.assert(
      fc.property(fc.nat({ max: land.towns }), fc.nat({ max: land.towns }), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        expect([...passagesOf(land, from, to)]).toEqual(all.slice(from, to))
      }),
      { numRuns: 30 },
    )
  })

  it("I4 docids and qids are unique, qids ascend, and every judgement is of a passage that exists", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1000, max: 9000 }), (seed, passages) => {
        const made = whole(small({ seed, passages }))
        const docids = new Set(made.passages.map(({ docid }) => docid))
        expect(docids.size).toBe(made.passages.length)
        const qids = made.queries.map(({ qid }) => qid)
        expect(qids).toEqual([...new Set(qids)].sort())
        for (const { relevant } of made.queries) {
          expect(relevant.length).toBeGreaterThan(0)
          for (const { docid } of relevant) expect(docids.has(docid)).toBe(true)
        }
      }),
      { numRuns: 8 },
    )
  })

  it("I5 the asked number of queries comes out of each split, and never more", () => {
    const { queries } = whole(defaultLand)
    const count = (kind: string, split: string) => queries.filter((q) => q.kind === kind && q.split === split).length
    for (const split of ["train", "dev", "test"] as const) {
      expect(count("question", split)).toBe(defaultLand.questions[split])
      expect(count("browse", split)).toBe(defaultLand.browse[split])
    }
    const few = whole(small({ passages: 1000, questions: { train: 9999, dev: 9999, test: 9999 } }))
    const questions = few.queries.filter(({ kind }) => kind === "question")
    expect(questions.length).toBe(few.land.facts.train + few.land.facts.dev + few.land.facts.test)
  })

  it("I6 no town serves two splits, and no combination of kind and facets does", () => {
    const { queries } = whole(small({ passages: 18_000, browse: { train: 600, dev: 80, test: 80 } }))
    const splitOf = new Map<string, string>()
    for (const { kind, relevant, split, text } of queries) {
      const { kind: place, named } = readBack(text)
      const key =
        kind === "question"
          ? `town ${Math.floor(Number(relevant[0]?.docid) / 100)}`
          : `wish ${place} ${named
              .map(({ facet, value }) => `${facet}=${value}`)
              .sort()
              .join()}`
      if (kind === "browse") expect(named.length).toBe(3)
      expect(splitOf.get(key) ?? split).toBe(split)
      splitOf.set(key, split)
    }
    expect([0, 5, 11, 21].map(splitOfTown)).toEqual(["train", "dev", "test", "dev"])
  })

  it("I7 a browse grade is the number of wished facets that the passage names, of the right kind and region", () => {
    const { land, passages, queries } = whole(small({ passages: 9000, seed: 9 }))
    expect(land.towns).toBeGreaterThan(townsPerRegion)
    const descriptions = passages.filter(({ text }) =>
      / (?:in|on) the (?:[A-Z][a-z]+ )?[A-Z][a-z]+ [A-Z][a-z]+(?:,| is |\.)/.test(text),
    )
    // A denial comes last and is no description of the place.
    const read = descriptions.map(({ docid, text }) => {
      const said = text.replace(
        / (?:Nobody would|It does not|Do not expect|It is hardly|You will not|It is not) [^.]+\.$/,
        "",
      )
      return { docid, text, ...readBack(said) }
    })
    for (const query of queries.filter(({ kind }) => kind === "browse").slice(0, 40)) {
      const wish = readBack(query.text)
      const region = /(?:in|on) the [A-Z][A-Za-z ]+$/.exec(query.text)?.[0] ?? "?"
      const graded = read.flatMap(({ docid, kind, named, text }) => {
        if (kind !== wish.kind || !text.includes(region)) return []
        const met = named.filter((n) => wish.named.some((w) => w.facet === n.facet && w.value === n.value))
        return met.length === 0 ? [] : [{ docid, grade: met.length }]
      })
      const towns = (docid: string) => Math.floor(Number(docid) / 100)
      expect(query.relevant).toEqual(graded.filter(({ docid }) => towns(docid) < land.towns))
    }
  })

  it("I7 descriptions name their region where the land has several, and no region where it has one", () => {
    const regions = (passages: number) =>
      whole(small({ passages })).passages.filter(({ text }) => text.includes(inRegion(1, 0))).length
    expect(regions(7000)).toBe(0)
    expect(regions(9000)).toBeGreaterThan(1000)
  })

  it("I8 dozens of passages are relevant to a browse query, at any size", () => {
    for (const passages of [7000, 60_000]) {
      const browse = whole(small({ passages })).queries.filter(({ kind }) => kind === "browse")
      const mean = browse.reduce((sum, { relevant }) => sum + relevant.length, 0) / browse.length
      expect(mean).toBeGreaterThan(24)
      expect(mean).toBeLessThan(120)
      for (const { relevant } of browse) expect(relevant.some(({ grade }) => grade === 3)).toBe(true)
    }
  })

  it("I9 towns have names of their own, and regions for as long as they last", () => {
    const names = new Set(Array.from({ length: 60_000 }, (_, i) => townName(1, i)))
    expect(names.size).toBe(60_000)
    expect(new Set(Array.from({ length: 9216 }, (_, r) => inRegion(1, r))).size).toBe(9216)
    const far = [16_000, 416_000, 800_000, 9_999_999].map((i) => townName(1, i))
    expect(new Set(far).size).toBe(4)
    for (const name of [...names].slice(0, 100).concat(far)) expect(name).toMatch(/^[A-Z][a-z]+( [A-Z][a-z]+){0,2}$/)
  })

  it("I10 texts are whole sentences with the right article, capitals and no doubled word", () => {
    const { passages, queries } = whole(defaultLand)
    for (const { text } of passages) {
      expect(text).toMatch(/^[A-Z].*\.$/)
      expect(text).not.toMatch(/\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|\b(\w+) \1\b|\s\s|undefined|\. [a-z]/)
    }
    for (const { text, kind } of queries) {
      expect(text).toMatch(kind === "question" ? /^(Who|When|Which|What|How|In which) .*\?$/ : /^[a-z].*[^?.]$/)
      expect(text).not.toMatch(/\b(\w+) \1\b|\s\s|undefined/)
    }
  })

  it("I11 every word of a question occurs in passages that do not quote it", () => {
    const told = [
      ...fillers.map((filler) => filler("")),
      ...relations.flatMap(({ passages }) => passages.map((say) => say({ place: "", Place: "", answer: "" }))),
    ]
    const stems = (text: string) => (text.toLowerCase().match(/[a-z]+/g) ?? []).map((word) => word.slice(0, 4))
    const known = new Set(told.flatMap(stems))
    for (const { questions } of relations) {
      for (const ask of questions) expect(stems(ask("")).filter((stem) => !known.has(stem))).toEqual([])
    }
  })

  it("I12 both passages of a fact give the same answer in other words", () => {
    const overlap = { ...defaultOverlap, second: 1, neighbour: 0, bare: 1, distractor: 0 }
    let seconds = 0
    for (let town = 0; town < 40; town++) {
      const plan = planTown(1, overlap, town)
      const texts = writeTown(1, overlap, plan, false)
      expect(texts.length).toBe(plan.passages)
      for (const place of plan.places) {
        for (const fact of place.facts) {
          const [a, b] = [texts[fact.passage] ?? "", texts[fact.passage + 1] ?? ""]
          expect(a).not.toBe(b)
          // The place and the town are three words; the answer is more.
          const words = b.split(/[ .,]+/)
          expect(a.split(/[ .,]+/).filter((word) => word !== "" && words.includes(word)).length).toBeGreaterThan(3)
          seconds++
        }
      }
      expect(docidOf(town, 3)).toBe(String(town * 100 + 3))
    }
    expect(seconds).toBeGreaterThan(400)
  })
})
