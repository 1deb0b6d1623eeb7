/** What the settings call the ways in which texts become terms. */
export const analyzerNames = [
  "english",
  "whitespace",
  "german",
  "french",
  "spanish",
  "italian",
  "portuguese",
  "dutch",
  "swedish",
  "russian",
  "arabic",
  "cjk",
] as const
