import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makePlan, readRows, run } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { services } from "../support/smallDag.ts"
import { nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"

const words = ["tower", "bread", "roses", "river", "garden", "market", "harbour", "old"]
const text = (seed: number, length: number) =>
  Array.from({ length }, (_, at) => words[(seed * 7 + at * at * 3 + at * seed) % words.length]).join(" ")

const small: SmallCollection = {
  passages: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`d${at}`, text(at, 3 + 2 * at)])),
  queries: Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`q${at}`, text(at + 20, 2 + at)])),
}

const models = { cross: "bert-cross", embedder: "bert" } as const

const reranked = (name: keyof typeof models, ...sets: Array<string>) =>
  Effect.gen(function* () {
    const wired = yield* wireSmall(small, [{ source: smallModel(models[name]), name }], ...sets)
    const named = nodeNamed(wired, `rerank.${name}`)
    const plan = Either.getOrThrow(makePlan({ eval: wired.runs.filter(({ node }) => node === named) }))
    const report = yield* run(plan)
    const node = report.nodes.find((each) => each.name === `rerank.${name}`)
    const rows = yield* readRows(storedFolder(Kinds.Run, node?.outputs["run"]?.path ?? ""))
    return { report, rows, facts: node?.facts ?? {} }
  }).pipe(Effect.provide(services(temporaryFolder("store"))))

describe("reranking in parts", () => {
  for (const name of ["cross", "embedder"] as const) {
    it.effect(`N330 ${name}: in parts, the rows are those of one, in its order, and scores its to 1e-5`, () =>
      Effect.gen(function* () {
        const whole = yield* reranked(name)
        for (const shards of [2, 9]) {
          const parts = yield* reranked(name, `rerank.shards=${shards}`)
          expect(parts.report.nodes.filter((node) => /\.\d+of\d+$/.test(node.name)).length).toBe(shards)
          expect(parts.rows.length).toBe(whole.rows.length)
          expect(parts.rows.map(({ qid, rank }) => `${qid} ${rank}`)).toEqual(
            whole.rows.map(({ qid, rank }) => `${qid} ${rank}`),
          )
          const scores = new Map(whole.rows.map(({ docid, qid, score }) => [`${qid} ${docid}`, score]))
          for (const { docid, qid, score } of parts.rows) {
            expect(Math.abs(score - (scores.get(`${qid} ${docid}`) ?? Number.NaN))).toBeLessThan(1e-5)
          }
          expect(parts.facts).toMatchObject({ pairs: whole.facts["pairs"], queries: 7, shards, device: "cpu" })
        }
      }),
    )
  }
})
