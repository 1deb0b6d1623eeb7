import type { Correction, Significance, SignificanceSummary, Standing, StatisticalTest } from "./Statistics.ts"

/** How a legend, a caption or a sentence calls a test. */
export const testNames: Readonly<Record<StatisticalTest, string>> = {
  t: "paired t test",
  wilcoxon: "Wilcoxon's signed-rank test",
  randomization: "Fisher's randomisation test",
  tukey: "randomised Tukey HSD",
}

/** How it calls a correction, before `over 30 comparisons`. */
export const correctionNames: Readonly<Record<Correction, string>> = {
  holm: "Holm's correction",
  bonferroni: "Bonferroni's correction",
  "benjamini-hochberg": "Benjamini and Hochberg's correction",
  none: "no correction",
}

/** What tests allow to be said of who is first. */
export interface Conclusion {
  /** `single`: one system is above all others. `level`: tests do not separate it from others. `baseline`: nothing differs from it. */
  readonly found: "single" | "level" | "baseline" | "tie"
  /** The sentence, without its full stop; which measure it speaks of is for whoever prints it. */
  readonly says: string
  /** What it rests on. */
  readonly because: string
}

const count = (value: number): string => value.toLocaleString("en-US")

const queriesOf = (queries: number): string => `${count(queries)} ${queries === 1 ? "query" : "queries"}`

/** `a`, `a and b`, `a, b and c`, `a, b and 4 others`. */
const list = (names: ReadonlyArray<string>): string => {
  const most = 3
  const told = names.length <= most ? names : [...names.slice(0, most - 1), `${names.length - most + 1} others`]
  return told.length < 2 ? told.join("") : `${told.slice(0, -1).join(", ")} and ${told.at(-1) ?? ""}`
}

const smallest = 0.0001

/** `p < 0.0001`, `p = 0.4312`. */
export const pSaid = (p: number): string => (p < smallest ? `p < ${smallest}` : `p = ${p.toFixed(4)}`)

/**
 * How many queries would be enough; nothing is said where there are as many already, and the correction for other comparisons
 * stands between the systems.
 */
const enough = (needed: number | null, queries: number): string => {
  if (needed === null) return "; more than ten million would be needed"
  return needed <= queries ? "" : `; ${count(needed)} would be needed`
}

/** Over how many comparisons p was corrected in a split: all of its own, or those of one measure and kind. */
export const correctedTogether = (
  { family, rows }: Pick<SignificanceSummary, "family" | "rows">,
  split: string,
): number => {
  const compared = rows.filter((row) => row.split === split)
  if (family === "table") return compared.length
  const columns = new Set(compared.map(({ kind, measure }) => `${kind}\t${measure}`)).size
  return Math.round(compared.length / Math.max(1, columns))
}

/** `Holm's correction over 30 comparisons`. */
export const correctionOver = (correction: Correction, comparisons: number): string =>
  correction === "none"
    ? correctionNames[correction]
    : `${correctionNames[correction]} over ${count(comparisons)} ${comparisons === 1 ? "comparison" : "comparisons"}`

/** How p came about that a conclusion speaks of. */
interface Tested {
  readonly test: StatisticalTest
  readonly correction: Correction
  readonly alpha: number
  /** Over how many comparisons with baselines p was corrected. */
  readonly comparisons: number
}

/** By which test, corrected over what: all pairs of systems by the one measure, where they were compared, or with the baselines. */
const how = ({ comparisons, correction, test }: Tested, pairs?: number): string => {
  if (test === "tukey" || correction === "none" || (pairs ?? comparisons) === 1) return testNames[test]
  const over =
    pairs === undefined
      ? correctionOver(correction, comparisons)
      : `${correctionNames[correction]} over the ${count(pairs)} pairs of systems by this measure`
  return `${testNames[test]}, ${over}`
}

/**
 * Who is first, as far as tests say: a single system only where each other one is separated from it, nobody in a tie, and
 * where no system differs from the baseline that alone, with the number of queries that would be needed for the largest
 * difference.
 *
 * @param compared the comparisons with baselines of the standing's slice and measure.
 */
export const conclude = (standing: Standing, summary: Tested, compared: ReadonlyArray<Significance>): Conclusion => {
  const { first, level, mean, next, pairs, queries, systems } = standing
  const value = (of: number): string => of.toFixed(4)
  if (next === null) {
    const who = systems === 2 ? "both systems" : `all ${systems} systems`
    return {
      found: "tie",
      says: `${who} tie on ${queriesOf(queries)}`,
      because: `${value(mean)} of each`,
    }
  }
  const beside = [...first, ...level]
  if (beside.length === 1) {
    return {
      found: "single",
      says: `${first[0]} scores highest on ${queriesOf(queries)}`,
      because: `${value(mean)}; the next is ${next.system} with ${value(next.mean)} (${pSaid(next.adjusted)}, ${how(summary, pairs)})`,
    }
  }
  const [baseline] = compared.map((row) => row.baseline)
  const against = compared.filter((row) => row.baseline === baseline)
  if (baseline !== undefined && against.every(({ adjusted }) => adjusted > summary.alpha)) {
    const [largest] = [...against].sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
    const who = against.length === 1 ? `${against[0]?.system ?? ""} cannot` : "no system can"
    const away =
      largest === undefined
        ? ""
        : `${largest.difference < 0 ? "−" : "+"}${Math.abs(largest.difference).toFixed(4)} of ${largest.system}`
    return {
      found: "baseline",
      says: `${who} be told from ${baseline} on ${queriesOf(queries)}${enough(largest?.needed ?? null, queries)}`,
      because: `the largest difference is ${away} (${pSaid(largest?.adjusted ?? 1)}, ${how(summary)})`,
    }
  }
  if (first.length > 1) {
    return {
      found: "level",
      says: `${list(first)} tie on ${queriesOf(queries)}`,
      because: `${value(mean)} of each${level.length === 0 ? "" : `; ${list(level)} cannot be told from them`}`,
    }
  }
  const told = enough(next.needed, queries)
  return {
    found: "level",
    says: `${list(beside)} are too close to call on ${queriesOf(queries)}${told === "" || beside.length === 2 ? told : `${told} to tell the first two apart`}`,
    because: `${value(mean)} and ${value(next.mean)} (${pSaid(next.adjusted)}, ${how(summary, pairs)})`,
  }
}
