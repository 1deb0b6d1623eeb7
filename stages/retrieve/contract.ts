import * as Schema from "effect/Schema"
import { many } from "../../pipeline/index.ts"
import { choice, count, Kinds, ModelChoice, Split, SystemName, setting, share, weight } from "../../schemas/index.ts"
import { analyzerNames } from "./analyzerNames.ts"

/** What BM25's scoring reads; the index does not depend on it. */
const Bm25Scoring = Schema.Struct({
  k1: setting(weight, 0.9, "Saturation of the term frequency"),
  b: setting(share, 0.4, "Strength of the length normalisation"),
  lengths: setting(Schema.Literal("lucene", "exact"), "lucene", "Lucene's one-byte document lengths, or exact ones"),
})

/** The parts of a passage that may be searched each by itself. */
export const PassageField = Schema.Literal("title", "text")
export type PassageField = typeof PassageField.Type

/** The least and the greatest keep products with counts and idf within 32 bits. */
const fieldWeight = Schema.Number.pipe(Schema.between(0.001, 1000))

const Bm25Fields = Schema.Struct({
  title: choice(fieldWeight, "What a score in the titles is multiplied with; left out, titles are not searched"),
  text: choice(fieldWeight, "What a score in the texts is multiplied with; left out, texts are not searched"),
}).pipe(
  Schema.filter((fields) => Object.keys(fields).length > 0 || "at least one of title and text, each with its weight", {
    jsonSchema: { minProperties: 1 },
  }),
)

/** BM25's settings. */
export const Bm25Config = Schema.Struct({
  ...Bm25Scoring.fields,
  fields: choice(
    Bm25Fields,
    'Title and text as fields of their own, weighted ({"title":2,"text":1}): a passage scores the sum. Left out, both are one text',
  ),
})
export type Bm25Config = typeof Bm25Config.Type

export const WinkConfig = Schema.Struct({
  k1: setting(weight, 1.2, "wink's k1"),
  b: setting(share, 0.75, "wink's b"),
  k: setting(weight, 1, "wink's idf smoothing"),
  maxPassages: setting(count, 200_000, "Above this the stage refuses: wink holds everything as JavaScript objects"),
})
export type WinkConfig = typeof WinkConfig.Type

export const TfIdfConfig = Schema.Struct({
  sublinear: setting(Schema.Boolean, true, "1 + ln(tf) instead of tf"),
})
export type TfIdfConfig = typeof TfIdfConfig.Type

/** Relevance model 3, by Anserini's names and defaults. */
export const Rm3Settings = Schema.Struct({
  enabled: setting(Schema.Boolean, false, "Whether bm25+rm3 is a system"),
  fbTerms: setting(count, 10, "How many feedback terms, of each document and in all"),
  fbDocs: setting(count, 10, "How many of the first results are feedback"),
  originalQueryWeight: setting(share, 0.5, "The query's own share"),
  filterTerms: setting(Schema.Boolean, true, "Whether terms of other than a to z and 0 to 9 are no feedback terms"),
})
export type Rm3Settings = typeof Rm3Settings.Type

/** Rocchio's feedback, by Anserini's names and defaults. */
export const RocchioSettings = Schema.Struct({
  enabled: setting(Schema.Boolean, false, "Whether bm25+rocchio is a system"),
  topFbTerms: setting(count, 10, "How many feedback terms of the first results"),
  topFbDocs: setting(count, 10, "How many of the first results are feedback"),
  bottomFbTerms: setting(count, 10, "How many terms of the last results"),
  bottomFbDocs: setting(count, 10, "How many of the last results count against"),
  alpha: setting(weight, 1, "Weight of the query"),
  beta: setting(weight, 0.75, "Weight of the first results"),
  gamma: setting(weight, 0.15, "Weight of the last results, where they are used"),
  useNegative: setting(Schema.Boolean, false, "Whether the last results count against"),
})
export type RocchioSettings = typeof RocchioSettings.Type

/** Embedding models, each of which makes a first stage. */
export const DenseSettings = Schema.Array(ModelChoice)
export type DenseSettings = typeof DenseSettings.Type

/** How learned weights are taken. */
const weightForm = {
  weights: setting(
    Schema.Literal("real", "rounded", "truncated"),
    "real",
    "Weights as they are, rounded to whole numbers (a half to the even one), or their whole parts alone, as Anserini reads them",
  ),
  scale: setting(
    Schema.Number.pipe(Schema.finite(), Schema.positive()),
    1,
    "What weights are multiplied with before that, of passages and of queries",
  ),
}
export const WeightForm = Schema.typeSchema(Schema.Struct(weightForm))
export type WeightForm = typeof WeightForm.Type

/** Learned sparse vectors that were made elsewhere. */
export const SparseSettings = Schema.Struct({
  vectors: choice(
    Schema.NonEmptyString,
    'A file of JSON lines, {"id": docid, "vector": {term: weight}}, packed by gzip or not: sparse is a system',
  ),
  queries: choice(
    Schema.NonEmptyString,
    "The same of queries, by qid; or lines of a qid, a tab and terms that stand as often as they weigh. Left out, the words of their texts, between white space",
  ),
  ...weightForm,
})
export type SparseSettings = typeof SparseSettings.Type

const similarity = setting(
  Schema.Literal("product", "cosine"),
  "product",
  "What is near: the product of vectors as they are, or of vectors of length 1",
)

/** Vectors that were made elsewhere, each of which makes a first stage. */
export const VectorsSettings = Schema.Array(
  Schema.Struct({
    name: SystemName.annotations({ description: "The system's name in the table" }),
    passages: Schema.NonEmptyString.annotations({
      description:
        "The passages' vectors: a .npy file, whose docids are the lines of a .txt file of the same name, or Parquet with the columns docid and vector",
    }),
    queries: Schema.NonEmptyString.annotations({ description: "The queries' vectors alike, by qid" }),
    similarity,
  }),
)
export type VectorsSettings = typeof VectorsSettings.Type

/** What every first stage is asked. */
export const Asked = Schema.Struct({
  splits: Schema.NonEmptyArray(Split),
  depth: Schema.Int.pipe(Schema.positive()),
  /** Whether the passage whose docid is the query's qid is left out. */
  leaveOutOwn: Schema.Boolean,
  system: choice(SystemName, "Its name in the table; left out, the first stage's own"),
  shards: choice(count, "In how many parts the queries are divided, by what can be; left out, one"),
})
export type Asked = typeof Asked.Type

/** The same of what is never divided. */
const { shards: _, ...undivided } = Asked.fields

// The stages take settings whose defaults are filled in: `typeSchema` of what the experiment's file may leave out.

/** By what texts become terms. */
export const AnalyzerName = Schema.Literal(...analyzerNames)
export type AnalyzerName = typeof AnalyzerName.Type

/** Left out where it is English, so that keys are what they were before there were others. */
const otherAnalyzer = { analyzer: Schema.optionalWith(AnalyzerName, { exact: true }) }

/** What the index reads of the configuration. */
export const IndexConfig = Schema.typeSchema(Schema.Struct(otherAnalyzer))
export type IndexConfig = typeof IndexConfig.Type

/** What the index of a field reads of the configuration. */
export const FieldIndexConfig = Schema.typeSchema(Schema.Struct({ ...otherAnalyzer, field: PassageField }))
export type FieldIndexConfig = typeof FieldIndexConfig.Type

/** What the reading of another tool's index reads of the configuration. */
export const ImportIndexConfig = Schema.typeSchema(Schema.Struct({ ...otherAnalyzer, file: Schema.NonEmptyString }))
export type ImportIndexConfig = typeof ImportIndexConfig.Type

export const RetrieveBm25Config = Schema.typeSchema(Schema.Struct({ ...Bm25Scoring.fields, ...Asked.fields }))
export type RetrieveBm25Config = typeof RetrieveBm25Config.Type

/** What BM25 over fields reads of the configuration. */
export const RetrieveFieldsConfig = Schema.typeSchema(
  Schema.Struct({
    ...Bm25Scoring.fields,
    ...Asked.fields,
    /** In the order of the indexes that are searched. */
    fields: Schema.NonEmptyArray(Schema.Struct({ name: PassageField, weight: fieldWeight })),
  }),
)
export type RetrieveFieldsConfig = typeof RetrieveFieldsConfig.Type

export const RetrieveWinkConfig = Schema.typeSchema(Schema.Struct({ ...WinkConfig.fields, ...undivided }))
export type RetrieveWinkConfig = typeof RetrieveWinkConfig.Type

export const RetrieveTfIdfConfig = Schema.typeSchema(Schema.Struct({ ...TfIdfConfig.fields, ...Asked.fields }))
export type RetrieveTfIdfConfig = typeof RetrieveTfIdfConfig.Type

const bm25Asked = { ...Asked.fields, bm25: Bm25Scoring }

/** What searching twice reads of the configuration, however queries are expanded. */
export const ExpandConfig = Schema.typeSchema(Schema.Struct(bm25Asked))
export type ExpandConfig = typeof ExpandConfig.Type

export const RetrieveRm3Config = Schema.typeSchema(Schema.Struct({ ...bm25Asked, rm3: Rm3Settings }))
export type RetrieveRm3Config = typeof RetrieveRm3Config.Type

export const RetrieveRocchioConfig = Schema.typeSchema(Schema.Struct({ ...bm25Asked, rocchio: RocchioSettings }))
export type RetrieveRocchioConfig = typeof RetrieveRocchioConfig.Type

export const RetrieveDenseConfig = Schema.typeSchema(
  Schema.Struct({ ...Asked.fields, threads: Schema.optionalWith(count, { exact: true }) }),
)
export type RetrieveDenseConfig = typeof RetrieveDenseConfig.Type

const vectorFile = {
  file: Schema.NonEmptyString,
  /** The file of whose the vectors are, a line each; none where the file itself says it. */
  ids: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  similarity,
}

/** What the reading of passages' vectors reads of the configuration. */
export const VectorFileConfig = Schema.typeSchema(Schema.Struct(vectorFile))
export type VectorFileConfig = typeof VectorFileConfig.Type

/** What the reading of queries' vectors reads of the configuration. */
export const QueryVectorFileConfig = Schema.typeSchema(
  Schema.Struct({ ...vectorFile, splits: Schema.NonEmptyArray(Split) }),
)
export type QueryVectorFileConfig = typeof QueryVectorFileConfig.Type

/** What the index of learned weights reads of the configuration. */
export const ImpactConfig = Schema.typeSchema(Schema.Struct({ ...weightForm, file: Schema.NonEmptyString }))
export type ImpactConfig = typeof ImpactConfig.Type

export const RetrieveSparseConfig = Schema.typeSchema(
  Schema.Struct({
    ...Asked.fields,
    ...weightForm,
    /** The file of the queries' vectors. */
    file: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  }),
)
export type RetrieveSparseConfig = typeof RetrieveSparseConfig.Type

/** What the stage of first stages from outside reads of the configuration. */
export const RetrieveOutsideConfig = Schema.Struct({
  ...undivided,
  /** The first stage's own name. */
  name: SystemName,
  /** Its own settings, as its schema encodes them. */
  settings: Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean) }),
  seed: Schema.NonNegativeInt,
  /** The digest of the module that it came from. */
  code: Schema.NonEmptyString,
})
export type RetrieveOutsideConfig = typeof RetrieveOutsideConfig.Type

/** Which queries and how deep: the candidates say it. */
export const RerankTfIdfConfig = Schema.typeSchema(TfIdfConfig)
export type RerankTfIdfConfig = typeof RerankTfIdfConfig.Type

export const indexInputs = { passages: Kinds.Passages }

export const importIndexInputs = { passages: Kinds.Passages, file: Kinds.SourceFiles }

export const indexOutputs = { index: Kinds.Bm25Index }

/** Of what searches our index: BM25, tf-idf. */
export const searchInputs = { index: Kinds.Bm25Index, queries: Kinds.Queries }

/** Of what searches fields: an index for each. */
export const fieldsInputs = { indexes: many(Kinds.Bm25Index), queries: Kinds.Queries }

/** Of what indexes by itself. */
export const passageInputs = { passages: Kinds.Passages, queries: Kinds.Queries }

/** Of what expands queries by passages that BM25 finds. */
export const expandInputs = { ...searchInputs, passages: Kinds.Passages }

/** Of what compares vectors. */
export const denseInputs = { passageVectors: Kinds.Vectors, queryVectors: Kinds.Vectors, queries: Kinds.Queries }

export const impactInputs = { passages: Kinds.Passages, file: Kinds.SourceFiles }

export const impactOutputs = { index: Kinds.ImpactIndex }

/** Of what multiplies learned weights. */
export const sparseInputs = { index: Kinds.ImpactIndex, queries: Kinds.Queries, files: many(Kinds.SourceFiles) }

export const rerankTfIdfInputs = { ...searchInputs, candidates: Kinds.Candidates }

export const runOutputs = { run: Kinds.Run }

/** Of what reads vectors from the user's files. */
export const passageVectorInputs = { passages: Kinds.Passages, files: many(Kinds.SourceFiles) }

export const queryVectorInputs = { queries: Kinds.Queries, files: many(Kinds.SourceFiles) }

export const vectorOutputs = { vectors: Kinds.Vectors }
