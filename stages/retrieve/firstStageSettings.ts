import * as Schema from "effect/Schema"
import { choice, section, setting } from "../../schemas/index.ts"
import { AnalyzerName, Bm25Config, DenseSettings } from "./contract.ts"
import type { FirstStage } from "./FirstStage.ts"
import { allFirstStages, firstStages } from "./registry.ts"

/** A first stage's settings as a field of the configuration. */
const fieldOf = ({ description, settings, unset }: FirstStage) => {
  const decode: (written: unknown) => unknown = Schema.decodeUnknownSync(settings)
  return Schema.optionalWith(settings, { default: () => decode(unset) }).annotations({ description })
}

/** What the index is that BM25, tf-idf, RM3 and Rocchio search. */
const indexFields = {
  analyzer: setting(AnalyzerName, "english", "How texts become terms: as Lucene's analyzer of that language does"),
  index: choice(
    Schema.NonEmptyString,
    "Another tool's index of the passages, a CIFF file, packed by gzip or not; analyzer is what its terms were made by. Left out, one is built",
  ),
}
/** The same of one collection, in place of what retrieval says for all. */
export const ownIndexFields = {
  analyzer: choice(AnalyzerName, "How this collection's texts become terms; left out, as retrieve.analyzer says"),
  index: choice(Schema.NonEmptyString, "Another tool's index of this collection; left out, retrieve.index"),
}
export type OwnIndex = Schema.Schema.Type<Schema.Struct<typeof ownIndexFields>>

/** Those settings, defaults filled in. */
export type IndexSettings = Schema.Schema.Type<Schema.Struct<typeof indexFields>>

/** The settings of retrieval that name first stages and set them, of all that there are. */
export const firstStageFields = () => {
  const known = allFirstStages()
  const described = (name: string): string => known.find((each) => each.section === name)?.description ?? ""
  // BM25's are known to the types, as it also searches for what is trained on; and dense's, as they are models to run.
  const others: object = Object.fromEntries(
    known.flatMap((each) =>
      each.section === "bm25" || each.section === "dense" ? [] : [[each.section, fieldOf(each)] as const],
    ),
  )
  const anySize = firstStages.filter((each) => each.anySize && !each.bySettings).map(({ name }) => name)
  return {
    systems: Schema.optionalWith(Schema.NonEmptyArray(Schema.Literal(...known.map(({ name }) => name))), {
      exact: true,
    }).annotations({
      description: `The first stages. Left out: all of them, but ${anySize.join(", ")} alone where the collection has more than 100 MB, and those that settings of their own ask for`,
    }),
    ...indexFields,
    bm25: section(Bm25Config, described("bm25")),
    dense: setting(DenseSettings, [], described("dense")),
    ...others,
  }
}

/**
 * The first stages that are asked: those named, in that order, else all of a small collection and of a large those that suit any; and
 * those that settings of their own ask for.
 */
export const chosenFirstStages = (
  systems: ReadonlyArray<string> | undefined,
  small: boolean,
): ReadonlyArray<FirstStage> => {
  const all = allFirstStages()
  if (systems === undefined) return all.filter(({ anySize }) => small || anySize)
  const named = systems.flatMap((system) => all.filter(({ name }) => name === system))
  return [...named, ...all.filter((each) => each.bySettings && !named.includes(each))]
}
