/** First stages: from passages and queries to runs. Each stage's implementation is loaded when it has to run. */
import * as Effect from "effect/Effect"
import { type Artifact, stage } from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"
import {
  FieldIndexConfig,
  ImportIndexConfig,
  IndexConfig,
  importIndexInputs,
  indexInputs,
  indexOutputs,
  type PassageField,
  RerankTfIdfConfig,
  rerankTfIdfInputs,
  runOutputs,
} from "./contract.ts"
import { FieldsUnsuitable } from "./fields/FieldsUnsuitable.ts"
import type { IndexSettings } from "./firstStageSettings.ts"
import type { AskedStage } from "./openSearchers.ts"
import { userFile } from "./userFile.ts"

export { Bm25Searcher, defaultBm25, queryAnalyzer } from "./Bm25.ts"
export type { Asked } from "./contract.ts"
export { docidAt } from "./Docids.ts"
export { analyze, englishStopWords } from "./EnglishAnalyzer.ts"
export type { FirstStage, FirstStageSystem, SearchGround, WiredVectors } from "./FirstStage.ts"
export { FieldsUnsuitable } from "./fields/FieldsUnsuitable.ts"
export { chosenFirstStages, firstStageFields, type OwnIndex, ownIndexFields } from "./firstStageSettings.ts"
export { IndexBuilder } from "./InvertedIndex.ts"
export {
  broughtFirstStages,
  defineOutsideFirstStage,
  type OutsideCollection,
  type OutsideFirstStage,
  type OutsideFirstStageSpec,
  type OutsideHit,
  type OutsidePassage,
  type OutsideQuery,
  type OutsideSearcher,
} from "./outsideFirstStages.ts"
export {
  allFirstStages,
  firstStages,
  indexImpacts,
  retrieve,
  retrieveDense,
  retrieveFields,
  retrieveOutside,
  retrieveRm3,
  retrieveRocchio,
  retrieveSparse,
  retrieveTfIdf,
  retrieveWink,
} from "./registry.ts"

/** Builds the inverted index of a collection: title and text joined by a space, analyzed as Lucene's EnglishAnalyzer does. */
export const indexPassages = stage({
  name: "index",
  config: IndexConfig,
  inputs: indexInputs,
  outputs: indexOutputs,
  code: "stages/retrieve/buildIndex.ts",
  load: () => import("./buildIndex.ts"),
})

/** Builds the inverted index of one field of a collection. */
export const indexField = stage({
  name: "index.field",
  config: FieldIndexConfig,
  inputs: indexInputs,
  outputs: indexOutputs,
  code: "stages/retrieve/buildFieldIndex.ts",
  load: () => import("./buildFieldIndex.ts"),
})

/** Reads another tool's index of the passages, a CIFF file. */
export const importIndex = stage({
  name: "index.ciff",
  config: ImportIndexConfig,
  inputs: importIndexInputs,
  outputs: indexOutputs,
  code: "stages/retrieve/importIndex.ts",
  load: () => import("./importIndex.ts"),
  native: ["duckdb"],
})

/** The index that first stages search: built of the passages, or another tool's. */
export const wireIndex = (
  { analyzer, index: file }: IndexSettings,
  passages: Artifact<Kinds.Passages>,
  label: string,
): Artifact<Kinds.Bm25Index> => {
  const named = analyzer === "english" ? {} : { analyzer }
  if (file === undefined) return indexPassages(named, { passages }, label).index
  const from = userFile(file, `file.index${label}`)
  return importIndex({ ...named, file: from.file }, { passages, file: from.files }, label).index
}

/**
 * The indexes of fields that first stages search, each wired once.
 *
 * @throws FieldsUnsuitable where another tool's index is searched, which has no fields
 */
export const wireFieldIndexes = (
  { analyzer, index: file }: IndexSettings,
  passages: Artifact<Kinds.Passages>,
  label: string,
): ((field: PassageField) => Artifact<Kinds.Bm25Index>) => {
  const wired = new Map<PassageField, Artifact<Kinds.Bm25Index>>()
  return (field) => {
    if (file !== undefined) {
      throw new FieldsUnsuitable({
        what: file,
        problem: "is another tool's index, whose passages are not told apart by fields",
        remedy: "Leave out retrieve.index or retrieve.bm25.fields.",
      })
    }
    const named = analyzer === "english" ? {} : { analyzer }
    const mark = label === "" || label.startsWith("@") ? `${field}${label}` : `${field}-${label}`
    const index = wired.get(field) ?? indexField({ ...named, field }, { passages }, mark).index
    wired.set(field, index)
    return index
  }
}

/** Writes a stored index as a CIFF file, where none of its name is. */
export const exportCiff = (index: string, to: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./exportCiff.ts")),
    (loaded) => loaded.exportCiff(index, to),
  )

/** Cosine over tf-idf of given candidates: the same passages for each query, in another order. */
export const rerankTfIdf = stage({
  name: "rerank.tfidf",
  config: RerankTfIdfConfig,
  inputs: rerankTfIdfInputs,
  outputs: runOutputs,
  code: "stages/retrieve/rerankTfIdf.ts",
  load: () => import("./rerankTfIdf.ts"),
  native: ["duckdb"],
})

/** Opens first stages of an earlier run for queries that are typed. */
export const openSearchers = <E = never, R = never>(stages: ReadonlyArray<AskedStage<E, R>>) =>
  Effect.flatMap(
    Effect.promise(() => import("./openSearchers.ts")),
    (loaded) => loaded.openSearchers(stages),
  )
