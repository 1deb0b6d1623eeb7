import { stopWords } from "../generated/stopWords.ts"
import { foldLetters, wordAnalysis } from "./wordAnalysis.ts"

/** Umlauts and their spellings with e become one, ß becomes ss, as Lucene's `GermanNormalizationFilter` does it. */
const normalized = (word: string): string => {
  let out = ""
  // After a, o, or u that no vowel or q precedes, an e is an umlaut's.
  let state: "other" | "vowel" | "umlaut" = "other"
  for (let i = 0; i < word.length; i++) {
    const letter = word[i]!
    switch (letter) {
      case "a":
      case "o":
        state = "umlaut"
        out += letter
        break
      case "u":
        state = state === "other" ? "umlaut" : "vowel"
        out += letter
        break
      case "e":
        if (state !== "umlaut") out += letter
        state = "vowel"
        break
      case "i":
      case "q":
      case "y":
        state = "vowel"
        out += letter
        break
      case "ä":
      case "ö":
      case "ü":
        state = "vowel"
        out += letter === "ä" ? "a" : letter === "ö" ? "o" : "u"
        break
      case "ß":
        state = "other"
        out += "ss"
        break
      default:
        state = "other"
        out += letter
    }
  }
  return out
}

const fold = foldLetters(["äàáâ", "a"], ["öòóô", "o"], ["ïìíî", "i"], ["üùúû", "u"])

/** The light stemmer of Savoy, Light Stemming Approaches for the French, Portuguese, German and Hungarian Languages (SAC 2006). */
const stem = (word: string): string => {
  const first = firstStep(fold(word))
  const { length } = first
  if (length > 5 && first.endsWith("est")) return first.slice(0, -3)
  if (length > 4 && /e[rn]$/u.test(first)) return first.slice(0, -2)
  if (length > 4 && /[bdfghklmnt]st$/u.test(first)) return first.slice(0, -2)
  return first
}

const firstStep = (word: string): string => {
  const { length } = word
  if (length > 5 && word.endsWith("ern")) return word.slice(0, -3)
  if (length > 4 && /e[mnrs]$/u.test(word)) return word.slice(0, -2)
  if (length > 3 && (word.endsWith("e") || /[bdfghklmnt]s$/u.test(word))) return word.slice(0, -1)
  return word
}

export const german = wordAnalysis({
  name: "lucene-german-10",
  stopWords: stopWords.german,
  after: (word) => stem(normalized(word)),
})
