import * as Schema from "effect/Schema"
import { stage } from "../../pipeline/index.ts"
import { type BroughtBy, type ModelChoice, modelName, SystemName, setting } from "../../schemas/index.ts"
import {
  Bm25Config,
  DenseSettings,
  denseInputs,
  expandInputs,
  fieldsInputs,
  ImpactConfig,
  impactInputs,
  impactOutputs,
  PassageField,
  passageInputs,
  passageVectorInputs,
  QueryVectorFileConfig,
  queryVectorInputs,
  RetrieveBm25Config,
  RetrieveDenseConfig,
  RetrieveFieldsConfig,
  RetrieveOutsideConfig,
  RetrieveRm3Config,
  RetrieveRocchioConfig,
  RetrieveSparseConfig,
  RetrieveTfIdfConfig,
  RetrieveWinkConfig,
  Rm3Settings,
  RocchioSettings,
  runOutputs,
  SparseSettings,
  searchInputs,
  sparseInputs,
  TfIdfConfig,
  VectorFileConfig,
  VectorsSettings,
  vectorOutputs,
  WinkConfig,
} from "./contract.ts"
import { defineFirstStage, defineFirstStages, type FirstStage, type FirstStageSystem } from "./FirstStage.ts"
import { FieldsUnsuitable } from "./fields/FieldsUnsuitable.ts"
import { broughtFirstStages, type OutsideFirstStage } from "./outsideFirstStages.ts"
import { userFile } from "./userFile.ts"

/** How a search is divided: by its queries. */
const byQueries = {
  shards: ({ shards = 1 }: { readonly shards?: number }) => shards,
  code: "stages/retrieve/joinRuns.ts",
  load: () => import("./joinRuns.ts"),
  native: ["duckdb"],
} as const

/** Our BM25: the `depth` best passages for each query of the splits. */
export const retrieve = stage({
  name: "retrieve.bm25",
  config: RetrieveBm25Config,
  inputs: searchInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveBm25.ts",
  load: () => import("./retrieveBm25.ts"),
  native: ["duckdb"],
  split: byQueries,
})

/** Our BM25 over title and text, each searched by itself. */
export const retrieveFields = stage({
  name: "retrieve.fields",
  config: RetrieveFieldsConfig,
  inputs: fieldsInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveFields.ts",
  load: () => import("./retrieveFields.ts"),
  native: ["duckdb"],
  split: byQueries,
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
  split: byQueries,
})

/** BM25 with queries expanded by RM3. */
export const retrieveRm3 = stage({
  name: "retrieve.rm3",
  config: RetrieveRm3Config,
  inputs: expandInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveRm3.ts",
  load: () => import("./retrieveRm3.ts"),
  native: ["duckdb"],
  split: byQueries,
})

/** BM25 with queries expanded by Rocchio's feedback. */
export const retrieveRocchio = stage({
  name: "retrieve.rocchio",
  config: RetrieveRocchioConfig,
  inputs: expandInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveRocchio.ts",
  load: () => import("./retrieveRocchio.ts"),
  native: ["duckdb"],
  split: byQueries,
})

/** The passages whose vectors are nearest, exactly. */
export const retrieveDense = stage({
  name: "retrieve.dense",
  config: RetrieveDenseConfig,
  inputs: denseInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveDense.ts",
  load: () => import("./retrieveDense.ts"),
  native: ["duckdb", "onnxruntime"],
  occupies: "machine",
  split: byQueries,
})

/** The vectors of a collection's passages that were made elsewhere. */
export const importPassageVectors = stage({
  name: "vectors.passages",
  config: VectorFileConfig,
  inputs: passageVectorInputs,
  outputs: vectorOutputs,
  code: "stages/retrieve/importPassageVectors.ts",
  load: () => import("./importPassageVectors.ts"),
  native: ["duckdb"],
})

/** The vectors of queries that were made elsewhere. */
export const importQueryVectors = stage({
  name: "vectors.queries",
  config: QueryVectorFileConfig,
  inputs: queryVectorInputs,
  outputs: vectorOutputs,
  code: "stages/retrieve/importQueryVectors.ts",
  load: () => import("./importQueryVectors.ts"),
  native: ["duckdb"],
})

/** Builds the index of the weights that were learned elsewhere for the terms of a collection's passages. */
export const indexImpacts = stage({
  name: "index.sparse",
  config: ImpactConfig,
  inputs: impactInputs,
  outputs: impactOutputs,
  code: "stages/retrieve/buildImpacts.ts",
  load: () => import("./buildImpacts.ts"),
  native: ["duckdb"],
})

/** The passages whose learned weights have the greatest products with the query's. */
export const retrieveSparse = stage({
  name: "retrieve.sparse",
  config: RetrieveSparseConfig,
  inputs: sparseInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveSparse.ts",
  load: () => import("./retrieveSparse.ts"),
  native: ["duckdb"],
  split: byQueries,
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

/** A system's mark on the name of its node, among those of several collections. */
const labelled = (name: string, label: string): string =>
  label === "" || label.startsWith("@") ? `${name}${label}` : `${name}-${label}`

/** What a model's first stage is called: by its own name, or `dense`, with its source's where there are several. */
const denseName = (choice: ModelChoice, models: DenseSettings): SystemName => {
  const source = typeof choice === "string" ? choice : choice.source
  const given = typeof choice === "string" ? undefined : choice.name
  return given ?? SystemName.make(models.length === 1 ? "dense" : `dense-${modelName(source)}`)
}

/** The settings of what expands BM25's queries: feedback is of whole passages. */
const withoutFields = (system: string, { fields, ...scoring }: Bm25Config) => {
  if (fields !== undefined) {
    throw new FieldsUnsuitable({
      what: system,
      problem: "expands queries by passages as a whole and does not search fields",
      remedy: "Leave out retrieve.bm25.fields, or the expansion.",
    })
  }
  return scoring
}

/** A file of vectors and, where it is NumPy's, the one of whose they are. */
const vectorFiles = (path: string, name: string) => {
  const of = userFile(path, `file.${name}`)
  if (!path.endsWith(".npy")) return { config: { file: of.file }, files: [of.files] }
  const ids = userFile(path.replace(/\.npy$/, ".txt"), `file.${name}-ids`)
  return { config: { file: of.file, ids: ids.file }, files: [of.files, ids.files] }
}

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
    wire: ({ fields, ...config }, { fieldIndex, index, label, queries }) => {
      if (fields === undefined) return retrieve(config, { index, queries }, label).run
      const weighted = PassageField.literals.flatMap((name) => {
        const weight = fields[name]
        return weight === undefined ? [] : [{ name, weight }]
      })
      const [first, ...others] = weighted
      if (first === undefined) throw new RangeError("retrieve.bm25.fields names no field")
      const indexes = weighted.map(({ name }) => fieldIndex(name))
      const system = SystemName.make("bm25")
      return retrieveFields({ system, ...config, fields: [first, ...others] }, { indexes, queries }, label).run
    },
  }),
  defineFirstStages({
    name: "rm3",
    description: "BM25 with queries expanded by RM3, as Anserini has it",
    settings: Rm3Settings,
    unset: {},
    systems: (rm3) => {
      const system = SystemName.make("bm25+rm3")
      const wire: FirstStageSystem["wire"] = (asked, { bm25, index, label, passages, queries }) =>
        retrieveRm3({ system, ...asked, bm25: withoutFields(system, bm25), rm3 }, { index, passages, queries }, label)
          .run
      return rm3.enabled ? [{ name: system, wire }] : []
    },
  }),
  defineFirstStages({
    name: "rocchio",
    description: "BM25 with queries expanded by Rocchio's feedback, as Anserini has it",
    settings: RocchioSettings,
    unset: {},
    systems: (rocchio) => {
      const system = SystemName.make("bm25+rocchio")
      const wire: FirstStageSystem["wire"] = (asked, { bm25, index, label, passages, queries }) =>
        retrieveRocchio(
          { system, ...asked, bm25: withoutFields(system, bm25), rocchio },
          { index, passages, queries },
          label,
        ).run
      return rocchio.enabled ? [{ name: system, wire }] : []
    },
  }),
  defineFirstStages({
    name: "sparse",
    description: "Learned sparse vectors that were made elsewhere, as SPLADE's: the product of the weights of terms",
    settings: SparseSettings,
    unset: {},
    systems: ({ queries: queryVectors, vectors, ...form }) => {
      if (vectors === undefined) return []
      const wire: FirstStageSystem["wire"] = (asked, { label, passages, queries }) => {
        const of = userFile(vectors, `file.sparse${label}`)
        const { index } = indexImpacts({ ...form, file: of.file }, { passages, file: of.files }, label)
        const query = queryVectors === undefined ? undefined : userFile(queryVectors, `file.sparse-queries${label}`)
        return retrieveSparse(
          { ...asked, ...form, ...(query === undefined ? {} : { file: query.file }) },
          { index, queries, files: query === undefined ? [] : [query.files] },
          label,
        ).run
      }
      return [{ name: "sparse", wire }]
    },
  }),
  defineFirstStages({
    name: "dense",
    description:
      "Embedding models whose nearest passages are a first stage: folders, names of the hub, or objects as in rerank.models",
    settings: DenseSettings,
    unset: [],
    systems: (models) =>
      models.map((model) => {
        const name = denseName(model, models)
        return {
          name,
          wire: (asked, { label, queries, threads, vectorsOf }) => {
            const vectors = vectorsOf(model, asked.splits)
            const inputs = { passageVectors: vectors.passages, queryVectors: vectors.queries, queries }
            const config = { ...asked, system: name, ...(threads === undefined ? {} : { threads }) }
            return retrieveDense(config, inputs, name === "dense" ? label : labelled(name, label)).run
          },
        }
      }),
  }),
  defineFirstStages({
    name: "vectors",
    description: "Vectors that were made elsewhere, of passages and of queries: the nearest passages",
    settings: VectorsSettings,
    unset: [],
    systems: (all) =>
      all.map(({ name, passages: ofPassages, queries: ofQueries, similarity }) => ({
        name,
        wire: (asked, { label, passages, queries, threads }) => {
          const mark = labelled(name, label)
          const passageFile = vectorFiles(ofPassages, `passages.${mark}`)
          const queryFile = vectorFiles(ofQueries, `queries.${mark}`)
          const passageVectors = importPassageVectors(
            { ...passageFile.config, similarity },
            { passages, files: passageFile.files },
            mark,
          ).vectors
          const queryVectors = importQueryVectors(
            { ...queryFile.config, similarity, splits: asked.splits },
            { queries, files: queryFile.files },
            mark,
          ).vectors
          const config = { ...asked, system: name, ...(threads === undefined ? {} : { threads }) }
          return retrieveDense(config, { passageVectors, queryVectors, queries }, mark).run
        },
      })),
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
    unset: {},
    anySize: true,
    bySettings: false,
    systems: (settings) => [
      {
        name,
        wire: (asked, { label, passages, queries }) => {
          const given = new Map<string, unknown>(Object.entries(settings ?? {}))
          const seed = given.get("seed")
          given.delete("seed")
          const own = Object.fromEntries(given)
          const config = decodeConfig({ ...asked, name, settings: encode(own), seed, code: digest })
          return retrieveOutside(config, { passages, queries }, labelled(name, label)).run
        },
      },
    ],
  }
}

/** Ours, and those from outside. */
export const allFirstStages = (): ReadonlyArray<FirstStage> => [...firstStages, ...broughtFirstStages.all().map(wired)]
