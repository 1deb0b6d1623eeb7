import * as Schema from "effect/Schema"
import { DeviceChoice } from "./Device.ts"
import { FusionSettings } from "./Fusion.ts"
import { QueryKind, Split } from "./Ids.ts"
import { PassageSettings } from "./PassageSettings.ts"
import { ReportSettings } from "./ReportSettings.ts"
import { choice, count, section, setting } from "./Setting.ts"
import { StatisticsConfig } from "./Statistics.ts"

/** Which collection, and the kind of its queries where the user names it (`path:browse`). */
export const DatasetConfig = Schema.Struct({
  source: Schema.NonEmptyString.annotations({
    description: "synthetic, a folder's path, or the name of a public collection: msmarco-passage, beir/scifact, …",
  }),
  kind: Schema.optionalWith(QueryKind, { exact: true }).annotations({
    description: "The kind of all its queries, where they do not say it themselves",
  }),
})
export type DatasetConfig = typeof DatasetConfig.Type

/** What the synthetic generator reads. */
export const SyntheticConfig = Schema.Struct({
  passages: setting(count, 7_000, "About how many passages"),
  seed: setting(Schema.NonNegativeInt, 1, "The world's seed; the same seed gives the same bytes on any machine"),
  trainQuestions: setting(Schema.NonNegativeInt, 3_000, "Question queries of the train split"),
  trainBrowse: setting(Schema.NonNegativeInt, 2_000, "Browse queries of the train split"),
  heldOutQuestions: setting(
    Schema.NonNegativeInt,
    200,
    "Question queries of the dev split, and as many of the test split",
  ),
  heldOutBrowse: setting(Schema.NonNegativeInt, 200, "Browse queries of the dev split, and as many of the test split"),
})
export type SyntheticConfig = typeof SyntheticConfig.Type

const fieldName = Schema.optionalWith(Schema.NonEmptyString, { exact: true })

/** How a collection's files call their fields and columns, where it is not as usual. */
export const FieldNames = Schema.Struct({
  docid: fieldName,
  title: fieldName,
  text: fieldName,
  qid: fieldName,
  /** the query's text */
  query: fieldName,
  grade: fieldName,
})
export type FieldNames = typeof FieldNames.Type

/** What the readers of real collections read. */
export const CollectionConfig = Schema.Struct({
  splits: setting(
    Schema.Struct({
      train: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
      dev: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
      test: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
    }),
    {},
    'Which judgement file is which split, where its name does not say it: { "test": "dl19" }',
  ),
  fields: setting(
    FieldNames,
    {},
    'How the files call their fields and columns, where not as usual: { "text": "contents" }; query is the query\'s text',
  ),
  strict: setting(
    Schema.Boolean,
    false,
    "Whether a judgement of an unknown qid or docid is an error, not a counted warning",
  ),
  tags: setting(
    Schema.NonEmptyArray(Schema.String.pipe(Schema.pattern(/^[A-Za-z][^\s<>/]*$/))),
    ["TEXT", "HEADLINE", "TITLE", "HL", "HEAD", "TTL", "DD", "DATE", "LP", "LEADPARA"],
    "Elements of TREC documents that are their text, in any case; Anserini's are the default",
  ),
  topics: setting(
    Schema.String.pipe(Schema.pattern(/^[A-Za-z][\w-]*(?:\+[A-Za-z][\w-]*)*$/)),
    "title",
    "Fields of TREC topics that are the query: title, desc, narr or a tag's name, joined by +, as title+desc",
  ),
})
export type CollectionConfig = typeof CollectionConfig.Type

/** What the first stages share; each has settings of its own besides. */
export const RetrieveSettings = Schema.Struct({
  splits: setting(Schema.NonEmptyArray(Split), ["dev", "test"], "Whose queries are asked"),
  depth: setting(count, 1_000, "How many results a query keeps"),
  shards: setting(
    count,
    1,
    "In how many parts the queries of each first stage's search are divided, which other processes and machines can take; results are those of one, byte for byte. Each part reads the whole index",
  ),
  leaveOutOwn: choice(
    Schema.Boolean,
    "Whether the passage whose docid is the query's qid is left out of its results and of training. Left out: yes for beir/arguana and beir/quora, whose queries are passages, no elsewhere",
  ),
})

/** What an experiment's settings are, but for those of what registries list: the roof puts both together. */
export const ExperimentSettings = Schema.Struct({
  $schema: Schema.optionalWith(Schema.String, { exact: true }).annotations({ description: "For editors; not read" }),
  description: choice(Schema.String, "What the experiment is for, what hardware and how much time it wants; not read"),
  extensions: setting(
    Schema.Array(Schema.NonEmptyString),
    [],
    "Modules that bring first stages, rerankers, losses or measures, from this file's folder; --stages names more",
  ),
  ingest: section(
    Schema.Struct({ ...SyntheticConfig.fields, ...CollectionConfig.fields }),
    "Reading or generating the collection",
  ),
  passages: choice(
    PassageSettings,
    "Long documents: passages that are searched and reranked, and scores folded back to documents; left out, a document is one passage",
  ),
  candidates: section(
    Schema.Struct({
      depth: setting(count, 100, "How many of the run's results per query a reranker gets"),
      from: setting(
        Schema.NonEmptyString,
        "bm25",
        "Whose results: a first stage, a run named by --run, or a fusion of such",
      ),
      union: choice(
        Schema.Array(Schema.NonEmptyString).pipe(Schema.minItems(2)),
        "In place of from: systems whose first results, so many of each, are candidates together, best reciprocal ranks first",
      ),
    }),
    "What is reranked",
  ),
  tokenize: section(
    Schema.Struct({
      shards: setting(
        count,
        1,
        "In how many parts the passages of each tokenizing are divided; results are those of one, byte for byte",
      ),
    }),
    "Texts to the token ids that models read",
  ),
  encode: section(
    Schema.Struct({
      shards: setting(
        count,
        1,
        "In how many parts each model's encoding of the passages is divided, which other processes and machines can take; results are those of one, byte for byte",
      ),
    }),
    "Passages to vectors, for dense first stages",
  ),
  device: setting(DeviceChoice, "auto", "Where models run: auto, cpu, webgpu or cuda"),
  fuse: setting(Schema.Array(FusionSettings), [], "Systems made of others"),
  evaluate: section(
    Schema.Struct({
      measures: setting(
        Schema.NonEmptyArray(Schema.NonEmptyString),
        ["RR@10", "nDCG@5", "nDCG@10", "AP", "R@100"],
        "Measures by ir-measures' or trec_eval's names; the first two lead the table",
      ),
      judgedOnly: setting(
        Schema.Boolean,
        false,
        "Whether each measure that can is also taken over judged results alone (judged_only=True)",
      ),
      profileDepth: setting(count, 100, "How deep the depth profile goes"),
    }),
    "Scoring",
  ),
  statistics: section(StatisticsConfig, "Comparing systems"),
  report: section(ReportSettings, "The page"),
})
