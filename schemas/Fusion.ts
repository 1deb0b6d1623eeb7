import * as Schema from "effect/Schema"
import { SystemName } from "./Ids.ts"
import { choice, count, setting, weight } from "./Setting.ts"

/** Reciprocal ranks, sums of scores (Fox and Shaw 1993), the same times how many systems found the passage, or a weighted sum. */
export const FusionMethod = Schema.Literal("rrf", "combsum", "combmnz", "weighted").annotations({
  identifier: "FusionMethod",
})
export type FusionMethod = typeof FusionMethod.Type

/** What makes the scores of several systems for a query comparable. */
export const FusionNormalise = Schema.Literal("min-max", "z-score", "none").annotations({
  identifier: "FusionNormalise",
})
export type FusionNormalise = typeof FusionNormalise.Type

/** One fusion: a system made of others. */
export const FusionSettings = Schema.Struct({
  name: SystemName.annotations({ description: "Its name in the table" }),
  systems: Schema.Array(SystemName).pipe(Schema.minItems(2)).annotations({
    description: "The systems that are fused: first stages, rerankers, imported runs, earlier fusions",
  }),
  method: setting(FusionMethod, "rrf", "rrf, combsum, combmnz or weighted"),
  normalise: setting(FusionNormalise, "min-max", "Of the scores of each query, for all methods but rrf"),
  k: setting(count, 60, "rrf gives a passage at rank r 1 / (k + r)"),
  weights: choice(Schema.Array(weight), "Of a weighted sum, one for each system; left out, the best on the dev split"),
  measure: setting(Schema.NonEmptyString, "nDCG@10", "By which the best weights are found"),
  depth: setting(count, 1_000, "How many results a query keeps"),
}).pipe(
  Schema.filter(({ systems, weights }) =>
    weights === undefined || weights.length === systems.length
      ? undefined
      : { path: ["weights"], message: `expected ${systems.length} weights, one for each system` },
  ),
)
export type FusionSettings = typeof FusionSettings.Type
