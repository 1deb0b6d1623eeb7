import type { QueryList } from "./ReportModel.ts"
import type { Shown } from "./View.ts"

/** A query with the values of two systems. */
export interface PairedQuery {
  /** Position in the split. */
  readonly query: number
  readonly first: number
  readonly second: number
  /** second − first. */
  readonly change: number
}

/** Smaller changes are those of 32-bit rounding. */
const nothing = 1e-7

/** second − first, zero where rounding is all that there is between them. */
export const changeOf = (first: number, second: number): number =>
  Math.abs(second - first) < nothing ? 0 : second - first

/** The shown queries that both systems were asked, in the order of the split. */
export const pairedQueries = (
  { view }: Shown,
  queries: QueryList,
  values: Float32Array,
): ReadonlyArray<PairedQuery> => {
  const count = queries.qids.length
  const pairs: Array<PairedQuery> = []
  for (let query = 0; query < count; query++) {
    if (view.kind !== "all" && queries.kinds[query] !== view.kind) continue
    const first = values[view.first * count + query]!
    const second = values[view.second * count + query]!
    if (Number.isNaN(first) || Number.isNaN(second)) continue
    pairs.push({ query, first, second, change: changeOf(first, second) })
  }
  return pairs
}

/** From the largest loss to the largest gain; equals in the order of the split. */
export const byChange = (pairs: ReadonlyArray<PairedQuery>): ReadonlyArray<PairedQuery> =>
  [...pairs].sort((a, b) => a.change - b.change || a.query - b.query)

/** How many queries the second system wins, ties and loses. */
export const countChanges = (pairs: ReadonlyArray<PairedQuery>) => ({
  wins: pairs.filter(({ change }) => change > 0).length,
  ties: pairs.filter(({ change }) => change === 0).length,
  losses: pairs.filter(({ change }) => change < 0).length,
  mean: pairs.length === 0 ? 0 : pairs.reduce((sum, { change }) => sum + change, 0) / pairs.length,
})
