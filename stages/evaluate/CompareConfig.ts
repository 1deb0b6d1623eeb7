import * as Schema from "effect/Schema"
import { StatisticsConfig } from "../../schemas/index.ts"

/** What the stage reads of the configuration. */
export const CompareConfig = Schema.typeSchema(
  Schema.Struct({
    ...StatisticsConfig.fields,
    /** The names of the collections whose scores are compared together, in the order of the inputs. */
    datasets: Schema.NonEmptyArray(Schema.String),
  }),
)
export type CompareConfig = typeof CompareConfig.Type
