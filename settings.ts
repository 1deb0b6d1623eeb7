/** A whole experiment's settings: those that are everyone's, and those that the registries have. */
import * as Schema from "effect/Schema"
import { lossFields } from "./neural/losses/index.ts"
import {
  DatasetConfig,
  ExperimentSettings,
  RerankSettings,
  RetrieveSettings,
  section,
  setting,
  TrainSettings,
} from "./schemas/index.ts"
import { rerankerFields } from "./stages/rerank/index.ts"
import { firstStageFields, ownIndexFields } from "./stages/retrieve/index.ts"

/** What `--config` holds and `--set` changes, with every first stage, reranker and loss that there is now. Everything has a default. */
export const experimentSchema = () =>
  Schema.Struct({
    ...ExperimentSettings.fields,
    datasets: setting(
      Schema.NonEmptyArray(Schema.Struct({ ...DatasetConfig.fields, ...ownIndexFields })),
      [{ source: "synthetic" }],
      "The collections, one or several",
    ),
    retrieve: section(Schema.Struct({ ...RetrieveSettings.fields, ...firstStageFields() }), "The first stages"),
    rerank: section(Schema.Struct({ ...RerankSettings.fields, ...rerankerFields() }), "Neural reranking"),
    train: section(
      Schema.Struct({ ...TrainSettings.fields, ...lossFields() }),
      "Training: each model with each loss and each seed is a system of the table",
    ),
  })

/** What a grid can have for a setting. */
export type GridValue = string | number | boolean

/** The values of a setting that are swept: two or more, each once. */
export interface Grid {
  /** Dotted path. */
  readonly setting: string
  readonly values: ReadonlyArray<GridValue>
}

/** Settings, those with a grid at their defaults, and the grids. */
export type Experiment = Schema.Schema.Type<ReturnType<typeof experimentSchema>> & {
  readonly grids?: ReadonlyArray<Grid>
}

/** What a stage's configuration says of parts: nothing of one, so that its key is what it was. */
export const inParts = (shards: number): { readonly shards?: number } => (shards > 1 ? { shards } : {})
