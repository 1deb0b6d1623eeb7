/**
 * The distributions behind the tests, in double precision: relative errors of about 1e-13 in the tails that tests ask for.
 * Series and continued fractions are the classical ones (Abramowitz and Stegun 1964, chapters 6, 7 and 26).
 */

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI)
const TINY = 1e-300
const EPSILON = 2 ** -53

/** What Stirling's formula leaves out of ln Γ(x), for x of at least 10. */
const stirlingRemainder = (x: number): number => {
  const y = 1 / (x * x)
  const series =
    1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - y * (691 / 360_360 - y * (1 / 156))))))
  return series / x
}

/** ln Γ(x) for x > 0. */
export const logGamma = (x: number): number => {
  let shifted = x
  let product = 1
  while (shifted < 10) product *= shifted++
  return (
    (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TWO_PI + stirlingRemainder(shifted) - Math.log(product)
  )
}

/** ln B(a, b) for a, b > 0, without the cancellation of three large ln Γ. */
export const logBeta = (a: number, b: number): number => {
  const large = Math.max(a, b)
  const small = Math.min(a, b)
  if (large < 10) return logGamma(a) + logGamma(b) - logGamma(a + b)
  const sum = large + small
  const difference = stirlingRemainder(large) - stirlingRemainder(sum) - (large - 0.5) * Math.log1p(small / large)
  if (small < 10) return logGamma(small) + difference - small * Math.log(sum) + small
  const rest = HALF_LOG_TWO_PI + stirlingRemainder(small) - 0.5 * Math.log(sum)
  return rest + difference + (small - 0.5) * Math.log(small / sum)
}

/** The continued fraction of the incomplete beta function, by Lentz's method. */
const betaFraction = (a: number, b: number, x: number): number => {
  const limit = 10_000 + 20 * Math.sqrt(a + b)
  let c = 1
  let d = 1 - ((a + b) * x) / (a + 1)
  d = 1 / (Math.abs(d) < TINY ? TINY : d)
  let value = d
  for (let m = 1; m <= limit; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 + even * d
    c = 1 + even / c
    d = 1 / (Math.abs(d) < TINY ? TINY : d)
    if (Math.abs(c) < TINY) c = TINY
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 + odd * d
    c = 1 + odd / c
    d = 1 / (Math.abs(d) < TINY ? TINY : d)
    if (Math.abs(c) < TINY) c = TINY
    value *= d * c
    if (Math.abs(d * c - 1) <= EPSILON) break
  }
  return value
}

/**
 * The regularised incomplete beta function I_x(a, b).
 *
 * @param complement 1 − x, given apart because the caller can know it to more digits.
 */
export const incompleteBeta = (a: number, b: number, x: number, complement: number): number => {
  if (x <= 0) return 0
  if (complement <= 0) return 1
  const logX = x < 0.5 ? Math.log(x) : Math.log1p(-complement)
  const logComplement = complement < 0.5 ? Math.log(complement) : Math.log1p(-x)
  const front = Math.exp(a * logX + b * logComplement - logBeta(a, b))
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(a, b, x)) / a
    : 1 - (front * betaFraction(b, a, complement)) / b
}

/** P(Z > z) of the standard normal distribution. */
export const normalTail = (z: number): number => {
  const x = Math.abs(z) / Math.SQRT2
  const density = Math.exp(-x * x) / Math.sqrt(Math.PI)
  let tail: number
  if (x < 2) {
    let term = x
    let sum = x
    for (let n = 1; term > EPSILON * sum; n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    tail = 0.5 - density * sum
  } else {
    // erfc's continued fraction, from its far end: 200 steps settle every x from 2 on.
    let fraction = x
    for (let k = 200; k >= 1; k--) fraction = x + k / 2 / fraction
    tail = (0.5 * density) / fraction
  }
  return z < 0 ? 1 - tail : tail
}

/** The z with P(Z ≤ z) = p, for 0 < p < 1. */
export const normalQuantile = (p: number): number => {
  const lower = p < 0.5
  const tail = lower ? p : 1 - p
  if (tail === 0.5) return 0
  const t = Math.sqrt(-2 * Math.log(tail))
  // Hastings's approximation (Abramowitz and Stegun 26.2.23), good to 5e-4; Halley's steps triple the digits.
  let z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  for (let step = 0; step < 3; step++) {
    const density = Math.exp(-0.5 * z * z - HALF_LOG_TWO_PI)
    const error = (normalTail(z) - tail) / density
    z += error / (1 - 0.5 * z * error)
  }
  return lower ? -z : z
}

/** P(|T| ≥ |t|) of Student's distribution with `df` degrees of freedom. */
export const studentTwoSided = (t: number, df: number): number => {
  const square = t * t
  if (square === Number.POSITIVE_INFINITY) return 0
  return incompleteBeta(df / 2, 0.5, df / (df + square), square / (df + square))
}

/** The t with P(|T| ≥ t) = p of Student's distribution, for 0 < p < 1. */
export const studentCritical = (p: number, df: number): number => {
  let low = 0
  let high = Math.max(1, -normalQuantile(p / 2))
  while (studentTwoSided(high, df) > p) {
    low = high
    high *= 2
  }
  const logDensity = Math.log(2) - 0.5 * Math.log(df) - logBeta(df / 2, 0.5)
  let t = high
  for (let step = 0; step < 200; step++) {
    const error = studentTwoSided(t, df) - p
    if (error > 0) low = t
    else high = t
    const density = Math.exp(logDensity - ((df + 1) / 2) * Math.log1p((t * t) / df))
    const newton = t + error / density
    const next = newton > low && newton < high ? newton : (low + high) / 2
    if (Math.abs(next - t) <= 4 * EPSILON * t) return next
    t = next
  }
  return t
}

/**
 * P(T ≤ t) of the non-central t distribution: Poisson mixtures of incomplete beta functions, summed outwards from the
 * largest weight (the series of Lenth, Applied Statistics 38(1), 1989).
 */
export const noncentralStudent = (t: number, df: number, delta: number): number => {
  if (t < 0) return 1 - noncentralStudent(-t, df, -delta)
  const square = t * t
  const x = square / (df + square)
  const complement = df / (df + square)
  const rate = (delta * delta) / 2
  const logRate = Math.log(rate)
  const term = (j: number): number => {
    const even = j * logRate - rate - logGamma(j + 1)
    const odd = j * logRate - rate - logGamma(j + 1.5)
    const first = Math.exp(rate === 0 ? (j === 0 ? 0 : Number.NEGATIVE_INFINITY) : even)
    const second = rate === 0 ? 0 : (delta / Math.SQRT2) * Math.exp(odd)
    return (
      first * incompleteBeta(j + 0.5, df / 2, x, complement) + second * incompleteBeta(j + 1, df / 2, x, complement)
    )
  }
  const middle = Math.floor(rate)
  const weight = (j: number): number => (rate === 0 ? 0 : Math.exp(j * logRate - rate - logGamma(j + 1)))
  let sum = term(middle)
  for (let j = middle + 1; weight(j - 1) > 1e-18; j++) sum += term(j)
  for (let j = middle - 1; j >= 0 && weight(j + 1) > 1e-18; j--) sum += term(j)
  return Math.min(1, Math.max(0, normalTail(delta) + sum / 2))
}
