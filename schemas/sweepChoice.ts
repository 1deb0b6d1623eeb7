import type { SweepSummary } from "./EvaluationSummary.ts"
import type { SignificanceSummary } from "./Statistics.ts"

/** `6 points`. */
export const pointsText = (count: number): string => `${count} ${count === 1 ? "point" : "points"}`

/** `k1 0.9, b 0.4`. */
const valuesText = (values: SweepSummary["points"][number]["values"]): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ")

/** Whether a system is a point of a sweep that has other settings than the usual. */
const isUnusual = ({ points }: SweepSummary, system: string): boolean =>
  points.some(({ of, usual }) => !usual && of.some((each) => each === system))

/** Whether a system was chosen on dev among the points of a sweep. */
export const wasChosen = (sweeps: ReadonlyArray<SweepSummary>, system: string): boolean =>
  sweeps.some(({ chosen }) => chosen.some((each) => each === system))

/**
 * Whether a split's table shows a system: of a sweep only what was chosen and what has the usual settings, so that nobody chooses
 * by the other figures; but on dev, where it was chosen, or where nothing could be chosen, all of it.
 */
export const isShown = (sweeps: ReadonlyArray<SweepSummary>, split: string, system: string): boolean =>
  split === "dev" ||
  wasChosen(sweeps, system) ||
  sweeps.every((sweep) => sweep.chosen.length === 0 || !isUnusual(sweep, system))

/** Which points were chosen, where all of them are to be seen: a sentence a sweep. */
export const choiceNotes = (sweeps: ReadonlyArray<SweepSummary>, split: string): ReadonlyArray<string> =>
  split === "dev"
    ? []
    : sweeps.flatMap(({ chosen, measure, points, system }) =>
        chosen.length === 0
          ? []
          : [
              `of the ${pointsText(points.length)} of ${system}, ${chosen.join(", ")} was chosen on dev, by ${measure}; to choose another by these figures is to choose on ${split}`,
            ],
      )

/** What the choice among points means for a split's figures, a sentence a sweep; the chosen one is marked by a star. */
export const sweepNotes = (
  sweeps: ReadonlyArray<SweepSummary>,
  split: string,
  significance: SignificanceSummary | undefined,
): ReadonlyArray<string> =>
  sweeps.map(({ chosen, measure, points, system }) => {
    const among = `${pointsText(points.length)} of ${system}`
    if (chosen.length === 0) {
      return `nothing is chosen among the ${among}, as no dev queries are judged; to choose by these figures is to choose on ${split}`
    }
    if (split === "dev") {
      return `* is the best of ${among} by ${measure} on these very queries, and looks better here than it is`
    }
    const corrects = significance !== undefined && significance.correction !== "none"
    const correction = corrects ? `, though p is corrected over all ${points.length}` : ""
    return `* was chosen on dev, by ${measure}, among ${among}: ${valuesText(points[0].values)}; the others are left out here, so that nobody chooses on ${split}${correction}`
  })
