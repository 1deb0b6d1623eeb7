/**
 * (1 − p) · Σ gain · p^(rank − 1) over the first `cutoff` documents, with gain 1 from grade `rel` on, or grade / maxRel
 * where `rel` is `null`. Nothing is added for ranks that the run does not fill.
 *
 * Moffat and Zobel, TOIS 27(1), 2008.
 */
export const rankBiasedPrecision = (
  grades: Int32Array,
  cutoff: number,
  p: number,
  rel: number | null,
  maxRel: number,
): number => {
  const end = Math.min(grades.length, cutoff)
  let weight = 1
  let sum = 0
  for (let i = 0; i < end; i++) {
    const grade = grades[i]!
    if (rel === null ? grade > 0 : grade >= rel) sum += weight * (rel === null ? grade / maxRel : 1)
    weight *= p
  }
  return (1 - p) * sum
}
