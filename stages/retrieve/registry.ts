import * as Schema from "effect/Schema"
import { stage } from "../../pipeline/index.ts"
import { type BroughtBy, setting } from "../../schemas/index.ts"
import {
  Bm25Config,
  passageInputs,
  RetrieveBm25Config,
  RetrieveOutsideConfig,
  RetrieveTfIdfConfig,
  RetrieveWinkConfig,
  runOutputs,
  searchInputs,
  TfIdfConfig,
  WinkConfig,
} from "./contract.ts"
import { defineFirstStage, type FirstStage } from "./FirstStage.ts"
import { broughtFirstStages, type OutsideFirstStage } from "./outsideFirstStages.ts"

/** Our BM25: the `depth` best passages for each query of the splits. */
export const retrieve = stage({
  name: "retrieve.bm25",
  config: RetrieveBm25Config,
  inputs: searchInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveBm25.ts",
  load: () => import("./retrieveBm25.ts"),
  native: ["duckdb"],
})

/** wink-bm25-text-search over the passages themselves. */
export const retrieveWink = stage({
  name: "retrieve.wink-bm25",
  config: RetrieveWinkConfig,
  inputs: passageInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveWink.ts",
  load: () => import("./retrieveWink.ts"),
  native: ["duckdb"],
})

/** Cosine over tf-idf. */
export const retrieveTfIdf = stage({
  name: "retrieve.tfidf",
  config: RetrieveTfIdfConfig,
  inputs: searchInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveTfIdf.ts",
  load: () => import("./retrieveTfIdf.ts"),
  native: ["duckdb"],
})

/** First stages from outside, over the passages themselves. */
export const retrieveOutside = stage({
  name: "retrieve.outside",
  config: RetrieveOutsideConfig,
  inputs: passageInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveOutside.ts",
  load: () => import("./retrieveOutside.ts"),
  native: ["duckdb"],
})

/** Every first stage, in the order of the table; the configuration, suggestions, documentation and tests follow from it. */
export const firstStages: ReadonlyArray<FirstStage> = [
  defineFirstStage({
    name: "tfidf",
    description: "Cosine over tf-idf",
    settings: TfIdfConfig,
    wire: (config, { index, label, queries }) => retrieveTfIdf(config, { index, queries }, label).run,
  }),
  defineFirstStage({
    name: "wink-bm25",
    section: "wink",
    description: "wink-bm25-text-search",
    settings: WinkConfig,
    wire: (config, { label, passages, queries }) => retrieveWink(config, { passages, queries }, label).run,
  }),
  defineFirstStage({
    name: "bm25",
    description: "Our BM25, Lucene's scoring",
    settings: Bm25Config,
    anySize: true,
    wire: (config, { index, label, queries }) => retrieve(config, { index, queries }, label).run,
  }),
]

const decodeConfig = Schema.decodeUnknownSync(RetrieveOutsideConfig)

/** Settings of a first stage from outside, with a seed where it has none of its own. */
const seeded = (settings: Schema.Schema.AnyNoContext) =>
  Schema.extend(
    Schema.Struct({ seed: setting(Schema.NonNegativeInt, 1, "The seed of what is left to chance") }),
    settings,
  )

const wired = ({ definition, digest }: BroughtBy<OutsideFirstStage>): FirstStage => {
  const { description, encode, name } = definition
  return {
    name,
    section: name,
    description,
    settings: seeded(definition.settings),
    anySize: true,
    wire: (settings, asked, { label, passages, queries }) => {
      const given = new Map<string, unknown>(Object.entries(settings ?? {}))
      const seed = given.get("seed")
      given.delete("seed")
      const own = Object.fromEntries(given)
      const config = decodeConfig({ ...asked, name, settings: encode(own), seed, code: digest })
      const of = label === "" || label.startsWith("@") ? label : `-${label}`
      return retrieveOutside(config, { passages, queries }, `${name}${of}`).run
    },
  }
}

/** Ours, and those from outside. */
export const allFirstStages = (): ReadonlyArray<FirstStage> => [...firstStages, ...broughtFirstStages.all().map(wired)]
