import * as Schema from "effect/Schema"
import { SystemName } from "./Ids.ts"
import { choice, count, setting } from "./Setting.ts"

/** What a document's score is, of the scores of those of its passages that are ranked. */
export const Fold = Schema.Literal("max", "first", "mean", "sum")
export type Fold = typeof Fold.Type

/** What stands between a document's docid and a passage's number: neither digits nor white space. */
export const PassageSeparator = Schema.String.pipe(Schema.pattern(/^[^\d\s\\]{1,8}$/u))

/** How long documents are split into passages, and scores of passages become scores of documents. */
export const PassageSettings = Schema.Struct({
  window: choice(
    count,
    "Words of a passage, separated by white space; left out, nothing is split and only runs are folded",
  ),
  stride: choice(count, "Words from a passage's beginning to the next one's; left out, half of the window"),
  fold: setting(
    Fold,
    "max",
    "A document's score: its best passage's (MaxP), that of its first one that is ranked, their mean or their sum",
  ),
  separator: setting(
    PassageSeparator,
    "#",
    "What stands between a docid and the passage's number, from 0: d7#0; PyTerrier's is %p",
  ),
  runs: setting(
    Schema.Array(SystemName),
    [],
    "Runs that --run names whose docids are passages' (d7#0): folded to documents like the others",
  ),
})
export type PassageSettings = typeof PassageSettings.Type
