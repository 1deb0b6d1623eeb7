/** What makes the scores of two systems for one query comparable. */
export type Normalisation = "z-score" | "min-max"

/**
 * The scores of a query's candidates on a scale that other systems share: z-score (mean 0, population deviation 1) or
 * min-max (0 to 1). Where all are equal they become 0: they say nothing.
 */
export const normalised = (scores: Float64Array, how: Normalisation): Float64Array => {
  const count = scores.length
  let [sum, least, most] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const score of scores) {
    sum += score
    least = Math.min(least, score)
    most = Math.max(most, score)
  }
  if (count === 0 || least === most) return new Float64Array(count)
  if (how === "min-max") return scores.map((score) => (score - least) / (most - least))
  const mean = sum / count
  let squares = 0
  for (const score of scores) squares += (score - mean) ** 2
  const deviation = Math.sqrt(squares / count)
  return scores.map((score) => (score - mean) / deviation)
}

/** weight · model + (1 − weight) · first, of scores already normalised. */
export const mixScores = (first: Float64Array, model: Float64Array, weight: number): Float64Array =>
  model.map((score, i) => weight * score + (1 - weight) * first[i]!)
