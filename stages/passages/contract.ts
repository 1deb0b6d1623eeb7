import * as Schema from "effect/Schema"
import { Fold, Kinds, PassageSeparator } from "../../schemas/index.ts"

const count = Schema.Int.pipe(Schema.positive())

/** What the stage reads of the configuration. */
export const SplitConfig = Schema.typeSchema(
  Schema.Struct({
    /** Words of a passage. */
    window: count,
    /** Words from a passage's beginning to the next one's; at most the window, so that no word is lost. */
    stride: count,
    separator: PassageSeparator,
  }),
)
export type SplitConfig = typeof SplitConfig.Type

export const splitInputs = { documents: Kinds.Passages, qrels: Kinds.Qrels }

export const splitOutputs = { passages: Kinds.Passages, qrels: Kinds.Qrels }

/** What the stages that fold read of the configuration. */
export const FoldConfig = Schema.typeSchema(
  Schema.Struct({
    fold: Fold,
    separator: PassageSeparator,
    /** Whether the document whose docid is the query's qid is left out. */
    leaveOutOwn: Schema.Boolean,
  }),
)
export type FoldConfig = typeof FoldConfig.Type

export const foldInputs = { run: Kinds.Run }

export const foldOutputs = { run: Kinds.Run }

export const foldCandidatesInputs = { candidates: Kinds.Candidates, qrels: Kinds.Qrels }

export const foldCandidatesOutputs = { candidates: Kinds.Candidates }
