import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { exitCodeOf } from "../../cli/ExitCode.ts"
import { withGrids } from "../../cli/gridSettings.ts"
import { renderResultTable } from "../../cli/ResultTable.ts"
import { experimentJsonSchema, readSettings } from "../../cli/Settings.ts"
import { sweepText } from "../../cli/SweepText.ts"
import { experiment } from "../../experiment.ts"
import { chooseOnDev } from "../../measures/index.ts"
import { makePlan, planDocument } from "../../pipeline/index.ts"
import { EvaluationSummary, type SystemName } from "../../schemas/index.ts"
import type { Grid } from "../../settings.ts"
import { mostPoints, pointName, sweepableSettings, sweepPoints } from "../../sweep.ts"

const grid = (setting: string, ...values: ReadonlyArray<unknown>): string =>
  `${setting}=${JSON.stringify({ grid: values })}`

const read = (...sets: ReadonlyArray<string>) => Effect.runSync(Effect.either(readSettings({ datasets: [], sets })))

const wired = (...sets: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const settings = yield* readSettings({ datasets: [], device: "cpu", sets: ['retrieve.systems=["bm25"]', ...sets] })
    const collections = yield* wireCollections(settings, [])
    const made = yield* wiring(settings, () => experiment(settings, collections, { device: "cpu", name: "test" }))
    const plan = planDocument(yield* makePlan(made.targets))
    return { settings, plan, ...made, names: plan.nodes.map(({ name }) => name) }
  })

const planned = (...sets: ReadonlyArray<string>) => Effect.runSync(wired(...sets))

const refused = (...sets: ReadonlyArray<string>): string => {
  const error = Effect.runSync(Effect.flip(wired(...sets)))
  expect(exitCodeOf(error)).toBe(2)
  return error.message
}

const small = 'train.models=[{"scratch":"t5"}]'

describe("sweeps", () => {
  const usual = Either.getOrThrow(read())
  const values: Readonly<Record<string, ReadonlyArray<number | string | boolean>>> = {
    "train.steps": [10, 1000, 2500],
    "train.dropout": [0, 0.1],
    "train.lists.depth": [50, 100, 1000],
    "train.validate.depth": [10, 30],
    "train.lists.positives": ["found", "all"],
    "train.optimizer.learningRate": [1e-7, 0.0001, 3],
    "train.optimizer.adamw.epsilon": [1e-8, 1e-6],
    "train.optimizer.adafactor.relativeStep": [true, false],
    "train.loss.hybrid.k": [1, 5],
    "train.loss.hybrid.scope": ["all", "remainder+relevant"],
  }
  const grids = fc.uniqueArray(
    fc
      .constantFrom(...Object.keys(values))
      .chain((setting) =>
        fc.shuffledSubarray([...values[setting]!], { minLength: 2 }).map((of): Grid => ({ setting, values: of })),
      ),
    { minLength: 1, maxLength: 4, selector: ({ setting }) => setting },
  )
  const pointsOf = (of: ReadonlyArray<Grid>) => sweepPoints({ ...usual, grids: of }, "t5-hybrid", () => true)

  it("L200 there are as many points as combinations, each with a name of its own that a system can have", () => {
    fc.assert(
      fc.property(grids, (of) => {
        const points = pointsOf(of)
        expect(points).toHaveLength(of.reduce((product, each) => product * each.values.length, 1))
        const names = points.flatMap((point) => {
          try {
            return [pointName("t5-hybrid", point)]
          } catch (error) {
            expect(String(error)).toContain("at most 80 characters")
            return []
          }
        })
        expect(new Set(names).size).toBe(names.length)
        for (const { differs, settings } of points) {
          if (differs.length === 0) expect(settings).toEqual(usual)
          else expect(settings).not.toEqual(usual)
        }
      }),
      { numRuns: 30 },
    )
  })

  it("L200 the order in which grids are given, or their values, changes no name and no setting of a point", () => {
    fc.assert(
      fc.property(grids, fc.infiniteStream(fc.nat()), (of, random) => {
        const shuffled = of
          .map((each) => [random.next().value, { ...each, values: [...each.values].reverse() }] as const)
          .sort(([a], [b]) => Number(a) - Number(b))
          .map(([, each]) => each)
        const byName = (all: ReadonlyArray<Grid>) =>
          new Map(pointsOf(all).map(({ differs, ...point }) => [JSON.stringify(differs), point]))
        expect(byName(shuffled)).toEqual(byName(of))
      }),
      { numRuns: 15 },
    )
  })

  it("L200 a grid of one is its value, down to the keys", () => {
    const one = planned(small, grid("retrieve.bm25.k1", 0.6), grid("train.loss.hybrid.alpha", 0.3))
    expect(one.settings.grids).toBeUndefined()
    expect(one.plan).toEqual(planned(small, "retrieve.bm25.k1=0.6", "train.loss.hybrid.alpha=0.3").plan)
  })

  it("L200 systems are named by what differs; grids of a loss are for that loss, and seeds are as they were", () => {
    const { datasets } = planned(
      small,
      'train.losses=["softmax","hybrid"]',
      "train.seeds=[1,2]",
      "rerank.interpolate.enabled=false",
      grid("retrieve.bm25.k1", 0.6, 0.9),
      grid("retrieve.bm25.b", 0.4, 0.75),
      grid("train.loss.hybrid.alpha", 0.3, 0.5),
    )
    const systems = datasets.flatMap(({ runs }) => runs.map(({ node }) => node.name))
    expect(systems).toEqual([
      ...["retrieve.bm25", "retrieve.bm25.k1_0.6", "retrieve.bm25.k1_0.6-b_0.75", "retrieve.bm25.b_0.75"],
      ...["rerank.t5-softmax.1", "rerank.t5-hybrid-alpha_0.3.1", "rerank.t5-hybrid.1"],
      ...["rerank.t5-softmax.2", "rerank.t5-hybrid-alpha_0.3.2", "rerank.t5-hybrid.2"],
    ])
    const sweeps = datasets.flatMap((dataset) => dataset.sweeps)
    expect(sweeps.map(({ points, system }) => [system, points.length])).toEqual([
      ["bm25", 4],
      ["t5-hybrid", 2],
    ])
    expect(sweeps[1]?.points[0]).toEqual({
      values: { alpha: 0.3 },
      usual: false,
      of: ["t5-hybrid-alpha_0.3.1", "t5-hybrid-alpha_0.3.2"],
    })
  })

  it("L202 what is equal is one node, and what is there without grids is there with them", () => {
    const before = planned(small)
    const after = planned(
      small,
      grid("retrieve.bm25.k1", 0.6, 0.9),
      grid("train.loss.hybrid.alpha", 0.3, 0.5),
      grid("train.lists.depth", 50, 100),
      grid("train.lists.size", 4, 8),
    )
    const count = (stage: string) =>
      after.plan.nodes.filter((node) => node._tag === "Stage" && node.stage === stage).length
    expect(
      Object.fromEntries(
        ["index", "candidates", "train.queries", "train.candidates", "tokenize", "train"].map((stage) => [
          stage,
          count(stage),
        ]),
      ),
    ).toEqual({ index: 1, candidates: 1, "train.queries": 1, "train.candidates": 2, tokenize: 2, train: 8 })
    const common = before.plan.nodes.filter(({ name }) => !/^(?:evaluate|compare|report)/.test(name))
    expect(after.plan.nodes).toEqual(expect.arrayContaining(common))
  })

  it("L201 what is no grid is refused where it stands, with what can be swept", () => {
    expect(refused(grid("retrieve.bm25.k1"))).toMatch(/retrieve\.bm25\.k1: expected a list of values/)
    expect(refused('retrieve.bm25.k1={"grid":0.6}')).toMatch(/actual 0\.6/)
    expect(refused('retrieve.bm25.k1={"grid":[1,2],"by":2}')).toContain('nothing beside "grid"')
    expect(refused(grid("retrieve.bm25.k1", 0.6, 0.9, 0.6))).toContain(
      "retrieve.bm25.k1.grid[2]: 0.6 stands in the grid already",
    )
    expect(refused(grid("retrieve.bm25.b", 0.5, 3))).toMatch(
      /retrieve\.bm25\.b\.grid\[1\]: Expected a number between 0 and 1, actual 3/,
    )
    expect(refused(grid("retrieve.bm25.lengths", "exact", "luzene"))).toMatch(
      /lengths\.grid\[1\]: .*"luzene"\. Did you mean «lucene»/,
    )
    expect(refused(grid("train.optimizer.withoutDecay", "bias", "bias|norm"))).toContain(
      "cannot be part of a system's name",
    )
    expect(refused(grid("train.lists.curriculum", []))).toContain("train.lists.curriculum: takes no grid")
    expect(refused(grid("train.seeds", 1, 2))).toMatch(/each seed is a training/)
    for (const setting of ["ingest.seed", "statistics.seed", "retrieve.depth", "candidates.depth", "retrieve.bm25"]) {
      expect(refused(grid(setting, 1, 2))).toContain(`${setting}: takes no grid. What can be swept are`)
    }
    expect(refused('train.models=[{"scratch":"t5","width":{"grid":[32,64]}}]')).toContain(
      "train.models[0].width: takes no grid",
    )
    expect(refused(grid("retrieve.bm25.k2", 1, 2))).toMatch(/no such setting.*«retrieve\.bm25\.k1»/)
    expect(refused(grid("train.validate.measures", "nDCG@10"))).toContain("takes no grid")
  })

  it("L201 too many points, names that are too long and names that are taken are refused before anything runs", () => {
    const many = Array.from({ length: 17 }, (_, i) => i / 17)
    const tooMany = refused(grid("retrieve.bm25.k1", ...many), grid("retrieve.bm25.b", ...many))
    expect(tooMany).toMatch(
      /bm25 cannot be swept over retrieve\.bm25\.k1 × retrieve\.bm25\.b: 17 × 17 values make 289 points, and 256 are the most/,
    )
    expect(mostPoints).toBe(256)
    const long = refused(
      'train.models=[{"scratch":"t5","name":"a-model-that-somebody-has-given-quite-a-long-name-before"}]',
      grid("train.optimizer.learningRate", 0.001, 0.002),
    )
    expect(long).toMatch(/t5|a-model.*at most 80 characters\. Give the model a shorter "name"/)
    const named = { name: "hybrid-alpha_0.3", loss: { kind: "softmax" } }
    expect(
      refused(small, `train.losses=${JSON.stringify(["hybrid", named])}`, grid("train.loss.hybrid.alpha", 0.3, 0.5)),
    ).toContain("Two systems are called «t5-hybrid-alpha_0.3»")
  })

  it("L201 a grid that nothing reads is told, and where candidates come from, with points and trainings (L204)", () => {
    const { datasets, idleGrids, settings } = planned(
      small,
      grid("retrieve.bm25.k1", 0.6, 1.2),
      grid("retrieve.wink.k1", 0.6, 1.2),
      grid("train.loss.poly1.epsilon", 1, 2),
      grid("train.loss.hybrid.alpha", 0.3, 0.5),
    )
    const training = {
      ...{ stage: "train", key: undefined, outputs: {}, seconds: 5 },
      reason: { _tag: "Forced" } as const,
    }
    const previews = (["hit", "run"] as const).map((status) => ({ ...training, name: status, status }))
    const lines = sweepText(settings, datasets, idleGrids, previews).split("\n")
    expect(lines).toEqual([
      "bm25: 2 points, k1 0.6, 1.2",
      "t5-hybrid: 2 points, alpha 0.3, 0.5",
      "t5-hybrid+bm25: 2 points, alpha 0.3, 0.5",
      'Candidates come from bm25 with the usual k1 0.9; "candidates.from" names another.',
      "! retrieve.wink.k1: nothing of this experiment reads it, so that its grid changes nothing.",
      "! train.loss.poly1.epsilon: nothing of this experiment reads it, so that its grid changes nothing.",
      "2 trainings, 1 of them to run.",
      "",
    ])
  })

  it("L200 the schema for editors knows where a grid may stand, and keeps what a setting is for", () => {
    const text = JSON.stringify(experimentJsonSchema())
    expect(text.match(/"grid":\{"type":"array","minItems":1,"uniqueItems":true/g)).toHaveLength(
      sweepableSettings().length,
    )
    const number = { type: "number", minimum: 0 }
    const schema = { properties: { a: { ...number, description: "of a", default: 1 }, b: number } }
    const array = { type: "array", minItems: 1, uniqueItems: true, items: number }
    const grid = { type: "object", required: ["grid"], properties: { grid: array }, additionalProperties: false }
    expect(withGrids(schema, ["a"])).toEqual({
      properties: { a: { anyOf: [number, grid], description: "of a", default: 1 }, b: number },
    })
  })
})

describe("what is chosen on dev", () => {
  const row = (system: string, split: string, value: number) => ({
    ...{ system, split, kind: "all", queries: 4, missing: 0, unjudged: 0 },
    measures: { "RR@10": value },
  })
  const point = (k1: number, ...of: ReadonlyArray<string>) => ({ values: { k1 }, usual: of[0] === "bm25", of })
  const summaryOf = (rows: ReadonlyArray<ReturnType<typeof row>>, points: ReadonlyArray<ReturnType<typeof point>>) => {
    const read = Schema.decodeUnknownSync(EvaluationSummary)({
      measures: ["RR@10"],
      systems: rows,
      candidates: [],
      sweeps: [{ system: "bm25", measure: "", points: points.map((each) => ({ ...each, dev: null })), chosen: [] }],
    })
    return chooseOnDev(read, read.sweeps)
  }
  const both = (system: string, dev: number, test: number) => [row(system, "dev", dev), row(system, "test", test)]
  const points = [point(0.6, "bm25-k1_0.6"), point(0.9, "bm25"), point(1.2, "bm25-k1_1.2")]

  it("L203 points stand by their dev figure, together, where the first of them stood, and the first is chosen", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 0.25, 0.5, 1), { minLength: 2, maxLength: 8 }),
        fc.nat(),
        (figures, at) => {
          const names = figures.map((_, i) => `p${i}`)
          const rows = figures.flatMap((dev, i) => both(`p${i}`, dev, 1 - dev))
          const place = 2 * (at % figures.length)
          const summary = summaryOf(
            [...both("first", 0, 0), ...rows.slice(0, place), ...both("between", 1, 1), ...rows.slice(place)],
            names.map((name, i) => point(i, name)),
          )
          const best = Math.max(...figures)
          expect(summary.sweeps[0]?.chosen).toEqual([names[figures.indexOf(best)]])
          expect(summary.sweeps[0]?.measure).toBe("RR@10")
          const order = [...new Set(summary.systems.map(({ system }): string => system))]
          const expected = names
            .map((name, i) => ({ name, dev: figures[i]! }))
            .sort((a, b) => b.dev - a.dev)
            .map(({ name }) => name)
          expect(order).toEqual(place === 0 ? ["first", "between", ...expected] : ["first", ...expected, "between"])
          expect(summary.systems).toHaveLength(2 * (figures.length + 2))
        },
      ),
    )
  })

  it("L203 dev has every point, test the chosen and the usual, and both say what that means", () => {
    const rows = [...both("bm25-k1_0.6", 0.4, 0.9), ...both("bm25", 0.5, 0.5), ...both("bm25-k1_1.2", 0.75, 0.6)]
    const [dev = "", test = ""] = renderResultTable([{ dataset: "d", summary: summaryOf(rows, points) }]).split("\n\n")
    expect(dev.split("\n").slice(2)).toEqual([
      "    bm25-k1_1.2 *  0.7500        0%",
      "    bm25           0.5000        0%",
      "    bm25-k1_0.6    0.4000        0%",
      "  * is the best of 3 points of bm25 by RR@10 on these very queries, and looks",
      "    better here than it is",
    ])
    expect(test.split("\n").slice(2)).toEqual([
      "    bm25-k1_1.2 *  0.6000        0%",
      "    bm25           0.5000        0%",
      "  * was chosen on dev, by RR@10, among 3 points of bm25: k1 1.2; the others",
      "    are left out here, so that nobody chooses on test",
    ])
  })

  it("L203 of several seeds the mean chooses; without dev nothing is chosen, all is shown, and that is said", () => {
    const seeds = [point(1, "a.1", "a.2"), point(2, "b.1", "b.2")]
    const rows = [...both("a.1", 1, 0), ...both("a.2", 0, 0), ...both("b.1", 0.6, 0), ...both("b.2", 0.6, 0)]
    const chosen: ReadonlyArray<SystemName> | undefined = summaryOf(rows, seeds).sweeps[0]?.chosen
    expect(chosen).toEqual(["b.1", "b.2"])
    const onlyTest = points.map(({ of }) => row(of[0] ?? "", "test", 0.5))
    const text = renderResultTable([{ dataset: "d", summary: summaryOf(onlyTest, points) }])
    expect(text.split("\n").slice(2)).toEqual([
      "    bm25-k1_0.6  0.5000        0%",
      "    bm25         0.5000        0%",
      "    bm25-k1_1.2  0.5000        0%",
      "  nothing is chosen among the 3 points of bm25, as no dev queries are judged;",
      "    to choose by these figures is to choose on test",
    ])
  })
})
