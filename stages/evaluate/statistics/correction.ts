/** How p-values of several comparisons are adjusted. */
export type Correction = "holm" | "bonferroni" | "benjamini-hochberg" | "none"

/**
 * Adjusted p-values, in the order given: reject where one is at most alpha. Holm and Bonferroni bound the chance of a single
 * false rejection in the family (Holm, Scandinavian Journal of Statistics 6, 1979), Benjamini–Hochberg the expected share of false
 * ones among the rejections (JRSS B 57, 1995).
 */
export const adjustPValues = (ps: Float64Array, correction: Correction): Float64Array => {
  const m = ps.length
  switch (correction) {
    case "none":
      return ps.slice()
    case "bonferroni":
      return ps.map((p) => Math.min(1, m * p))
    case "holm": {
      const order = Array.from(ps.keys()).sort((i, j) => ps[i]! - ps[j]!)
      const adjusted = new Float64Array(m)
      let most = 0
      for (let rank = 0; rank < m; rank++) {
        most = Math.max(most, Math.min(1, (m - rank) * ps[order[rank]!]!))
        adjusted[order[rank]!] = most
      }
      return adjusted
    }
    case "benjamini-hochberg": {
      const order = Array.from(ps.keys()).sort((i, j) => ps[j]! - ps[i]!)
      const adjusted = new Float64Array(m)
      let least = 1
      for (let position = 0; position < m; position++) {
        least = Math.min(least, (m / (m - position)) * ps[order[position]!]!)
        adjusted[order[position]!] = least
      }
      return adjusted
    }
  }
}
