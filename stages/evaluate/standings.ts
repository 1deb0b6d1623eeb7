import * as Schema from "effect/Schema"
import { KindSlice, type Standing, SystemName } from "../../schemas/index.ts"
import { type ComparisonOptions, compareSystems } from "./compareSystems.ts"
import type { ScoreTable } from "./ScoreTable.ts"

const decodeKind = Schema.decodeUnknownSync(KindSlice)

/** Means of the same values in another order differ in their last bits. */
const ROUNDING = 1e-12

/**
 * Who is first by each measure on each slice of the queries, and which systems the first test does not separate from it. As it is
 * only seen in the figures who is first, p is adjusted over all pairs of systems (of the slice and measure); where the correction is
 * none, it is none here.
 */
export const standings = (table: ScoreTable, options: Omit<ComparisonOptions, "pairs">): ReadonlyArray<Standing> => {
  if (table.systems.length < 2) return []
  const [test] = options.tests
  const rows = compareSystems(table, { ...options, tests: [test], pairs: "all", family: "column", interval: "student" })
  const columns = new Map<string, Array<(typeof rows)[number]>>()
  for (const row of rows) {
    const column = `${row.kind}\t${row.measure}`
    columns.set(column, [...(columns.get(column) ?? []), row])
  }
  return [...columns.values()].flatMap((pairs): ReadonlyArray<Standing> => {
    const [any] = pairs
    if (any === undefined) return []
    const means = new Map<string, number>()
    for (const { baseline, mean_baseline, mean_system, system } of pairs) {
      means.set(baseline, mean_baseline)
      means.set(system, mean_system)
    }
    // The sort is stable: equals stay in the order of the table.
    const order = table.systems
      .flatMap((system) => {
        const mean = means.get(system)
        return mean === undefined ? [] : [{ system: SystemName.make(system), mean }]
      })
      .sort((a, b) => b.mean - a.mean)
    const [best] = order
    if (best === undefined) return []
    const isFirst = ({ mean }: { readonly mean: number }) => best.mean - mean <= ROUNDING
    // In the order of the table: which of them is first in the last bits says nothing.
    const first = table.systems.flatMap((system) => order.filter((each) => each.system === system && isFirst(each)))
    const [one, ...ties] = first
    if (one === undefined) return []
    const against = (system: string) =>
      pairs.find(
        (row) =>
          (row.system === system && row.baseline === best.system) ||
          (row.baseline === system && row.system === best.system),
      )
    const others = order.flatMap((each) => {
      const row = against(each.system)
      return row === undefined || isFirst(each) ? [] : [{ ...each, adjusted: row.adjusted, needed: row.needed }]
    })
    const level = others.filter(({ adjusted }) => adjusted > options.alpha)
    return [
      {
        split: table.split,
        kind: decodeKind(any.kind),
        measure: any.measure,
        queries: any.queries,
        systems: order.length,
        first: [one.system, ...ties.map(({ system }) => system)],
        mean: best.mean,
        level: level.map(({ system }) => system),
        next: level[0] ?? others[0] ?? null,
        pairs: pairs.length,
      },
    ]
  })
}
