/**
 * How attention begins. `plain`: queries and keys apart, as large models are begun. `matching`: keys are the queries' twins, so
 * that a token attends to its like elsewhere in the text; a small model that has to compare words it saw a few times learns
 * this late, or not at all, by itself.
 */
export type Initialisation = "plain" | "matching"

/** About what a token's attention score for its like begins with, where it is to match. */
const sameTokenScore = 8

/** The standard deviation at which a token's states, of root mean square 1, give its like this score. */
export const matchingDeviation = (width: number, headSize: number, scale: number): number =>
  Math.sqrt(sameTokenScore / (scale * headSize * width))
