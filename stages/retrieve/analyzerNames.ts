/** What the settings call the ways in which texts become terms. */
export const analyzerNames = ["english"] as const
