/** A whole experiment's settings: those that are everyone's, and those that the registries have. */
import * as Schema from "effect/Schema"
import { lossFields } from "./neural/losses/index.ts"
import { ExperimentSettings, section, TrainSettings } from "./schemas/index.ts"

/** What `--config` holds and `--set` changes, with every loss that there is now. Everything has a default. */
export const experimentSchema = () =>
  Schema.Struct({
    ...ExperimentSettings.fields,
    train: section(
      Schema.Struct({ ...TrainSettings.fields, ...lossFields() }),
      "Training: each model with each loss and each seed is a system of the table",
    ),
  })
export type Experiment = Schema.Schema.Type<ReturnType<typeof experimentSchema>>
