import type { EvaluationSummary, Sweep, SweepSummary, SystemSummary } from "../schemas/index.ts"

/** The mean over the seeds of a point's figure on the dev split; none where one of them has none. */
const devFigure = (
  rows: ReadonlyArray<SystemSummary>,
  of: ReadonlyArray<string>,
  measure: string | undefined,
): number | null => {
  let sum = 0
  for (const system of of) {
    const row = rows.find((each) => each.system === system && each.split === "dev" && each.kind === "all")
    const value = measure === undefined ? undefined : row?.measures[measure]
    if (value === undefined) return null
    sum += value
  }
  return sum / of.length
}

/**
 * Orders the points of each sweep by the first measure on all dev queries, the highest first, and chooses the first; of equal ones
 * the earlier point of the grid. The table's rows of a sweep stand together, in that order, where the first of them stood. Without
 * figures on dev nothing is chosen and nothing is moved.
 */
export const chooseOnDev = (
  summary: Omit<EvaluationSummary, "sweeps">,
  sweeps: ReadonlyArray<Sweep>,
): EvaluationSummary => {
  const { measures, systems } = summary
  const [measure] = measures
  const chosen = sweeps.map(({ points: [first, ...others], system }): SweepSummary => {
    const valued = (point: Sweep["points"][number]) => ({ ...point, dev: devFigure(systems, point.of, measure) })
    const below = Number.NEGATIVE_INFINITY
    const ordered = [valued(first), ...others.map(valued)].sort((a, b) => {
      const [left, right] = [a.dev ?? below, b.dev ?? below]
      return left === right ? 0 : right - left
    })
    const [best = valued(first), ...rest] = ordered
    return { system, measure: measure ?? "", points: [best, ...rest], chosen: best.dev === null ? [] : best.of }
  })
  const names = [...new Set(systems.map(({ system }) => system))]
  const inOrder = names.flatMap((name) => {
    const sweep = chosen.find(({ points }) => points.some(({ of }) => of.includes(name)))
    if (sweep === undefined) return [name]
    const members = sweep.points.flatMap(({ of }) => of)
    return names.find((each) => members.includes(each)) === name ? members : []
  })
  return {
    ...summary,
    systems: inOrder.flatMap((name) => systems.filter(({ system }) => system === name)),
    sweeps: chosen,
  }
}
