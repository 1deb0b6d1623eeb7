import * as Schema from "effect/Schema"
import { section } from "../../schemas/index.ts"
import { Bm25Config } from "./contract.ts"
import type { FirstStage } from "./FirstStage.ts"
import { allFirstStages, firstStages } from "./registry.ts"

/** The settings of retrieval that name first stages and set them, of all that there are. */
export const firstStageFields = () => {
  const known = allFirstStages()
  // BM25's are known to the types: it also searches for what is trained on.
  const others: object = Object.fromEntries(
    known.flatMap((each) =>
      each.section === "bm25" ? [] : [[each.section, section(each.settings, each.description)] as const],
    ),
  )
  const bm25 = known.find((each) => each.section === "bm25")
  const anySize = firstStages.filter((each) => each.anySize).map(({ name }) => name)
  return {
    systems: Schema.optionalWith(Schema.NonEmptyArray(Schema.Literal(...known.map(({ name }) => name))), {
      exact: true,
    }).annotations({
      description: `The first stages. Left out: all of them, but ${anySize.join(", ")} alone where the collection has more than 100 MB`,
    }),
    bm25: section(Bm25Config, bm25?.description ?? ""),
    ...others,
  }
}

/** The first stages that are asked: those named, in that order, else all of a small collection and of a large those that suit any. */
export const chosenFirstStages = (
  systems: ReadonlyArray<string> | undefined,
  small: boolean,
): ReadonlyArray<FirstStage> =>
  systems?.flatMap((system) => allFirstStages().filter(({ name }) => name === system)) ??
  allFirstStages().filter(({ anySize }) => small || anySize)
