/**
 * Claim: of systems that differ by chance alone, no test rejects more often than alpha = 0.05 says, within the error of the
 * simulation: neither a single comparison nor, after Holm's correction or by Tukey's test, any of a family of ten.
 *
 * Scores are those of one difficulty per query plus noise; a third lie on the grid of reciprocal ranks and a fifth are 0, so that
 * there are ties and zeros as measures have them.
 */
import { Random } from "../schemas/index.ts"
import {
  adjustPValues,
  differencesOf,
  pairedT,
  randomizationTests,
  randomizedTukey,
  wilcoxon,
} from "../stages/evaluate/statistics/index.ts"

const alpha = 0.05
const trials = 2_000
const systems = 5

const scoresOf = (trial: number, queries: number): ReadonlyArray<Float64Array> => {
  const random = new Random(trial, queries)
  const difficulty = Float64Array.from({ length: queries }, () => random.unit())
  return Array.from({ length: systems }, () =>
    difficulty.map((level) => {
      if (random.chance(0.2)) return 0
      const value = level + random.unit()
      return random.chance(1 / 3) ? 1 / (1 + Math.floor(value * 5)) : value / 2
    }),
  )
}

const most = alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / trials)
for (const queries of [25, 100, 400]) {
  const rejected = { "paired t": 0, Wilcoxon: 0, Fisher: 0, "any of 10, t with Holm": 0, "any of 10, Tukey": 0 }
  for (let trial = 0; trial < trials; trial++) {
    const columns = scoresOf(trial, queries)
    const pairs = columns.flatMap((_, a) => columns.slice(0, a).map((_, b) => ({ a, b })))
    const differences = differencesOf(columns[0]!, columns[1]!)
    if (pairedT(differences).p <= alpha) rejected["paired t"]++
    if (wilcoxon(differences).p <= alpha) rejected.Wilcoxon++
    const [fisher] = randomizationTests(columns, [{ a: 0, b: 1 }], { permutations: 999, seed: trial })
    if (fisher !== undefined && fisher.p <= alpha) rejected.Fisher++
    const ps = Float64Array.from(pairs, ({ a, b }) => pairedT(differencesOf(columns[a]!, columns[b]!)).p)
    if (adjustPValues(ps, "holm").some((p) => p <= alpha)) rejected["any of 10, t with Holm"]++
    const [tukey] = randomizedTukey([columns], { permutations: 199, seed: trial, alpha })
    if (tukey?.ps.some((p) => p <= alpha)) rejected["any of 10, Tukey"]++
  }
  const shares = Object.entries(rejected).map(([test, count]) => {
    if (count / trials > most) process.exitCode = 1
    return `${test} ${(count / trials).toFixed(4)}`
  })
  console.log(`${queries} queries, ${trials} trials, alpha ${alpha}: ${shares.join(", ")}`)
}
console.log(`at most ${most.toFixed(4)}: alpha and three standard errors`)
