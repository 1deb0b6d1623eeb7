import { stopWords } from "../generated/stopWords.ts"
import { foldLetters, withoutArticle, wordAnalysis } from "./wordAnalysis.ts"

/** What an ending becomes in words that are longer than so many letters, and whether the word's end is done with then. */
type Ending = readonly [longerThan: number, ending: string, becomes: string, last?: "goes on"]

/** In their order: the first that fits is taken, and those that go on are followed by what comes after. */
const endings: ReadonlyArray<Ending> = [
  [9, "issement", "ir"],
  [8, "issant", "ir"],
  [6, "ement", "e"],
  [11, "ficatrice", "fier"],
  [10, "ficateur", "fier"],
  [9, "catrice", "quer"],
  [8, "cateur", "quer"],
  [8, "atrice", "er"],
  [7, "ateur", "er"],
  [6, "trice", "teur", "goes on"],
  [5, "ième", ""],
  [7, "teuse", "ter"],
  [6, "teur", "ter"],
  [5, "euse", "eu"],
  [8, "ère", "er"],
  [7, "ive", "if"],
  [4, "folle", "fou"],
  [4, "molle", "mou"],
  [9, "nnelle", "n"],
  [9, "nnel", "n"],
  [4, "ète", "et", "goes on"],
  [8, "ique", "", "goes on"],
  [8, "esse", "e"],
  [7, "inage", "in"],
  [9, "isation", ""],
  [9, "isateur", ""],
  [8, "ation", ""],
  [8, "ition", ""],
]

/** The light stemmer of Savoy (see german.ts), as Lucene's `FrenchLightStemmer` has it. */
const stem = (word: string): string => {
  let stem = word
  if (stem.length > 5 && stem.endsWith("x")) stem = stem.replace(/(?<=[^e])aux$/u, "alx").slice(0, -1)
  if (stem.length > 3 && stem.endsWith("x")) stem = stem.slice(0, -1)
  if (stem.length > 3 && stem.endsWith("s")) stem = stem.slice(0, -1)
  for (const [longerThan, ending, becomes, goesOn] of endings) {
    if (stem.length <= longerThan || !stem.endsWith(ending)) continue
    stem = stem.slice(0, stem.length - ending.length) + becomes
    if (goesOn !== undefined) continue
    if (ending === "ement" && stem.length > 3) stem = stem.replace(/ive$/u, "if")
    if (ending === "isation" && stem.length > 5) stem = stem.replace(/ual$/u, "uel")
    break
  }
  return normalized(stem)
}

const fold = foldLetters(["àáâ", "a"], ["ô", "o"], ["èéê", "e"], ["ùû", "u"], ["î", "i"], ["ç", "c"])

/** Accents and doubled letters go, and a last r and e. Lucene looks at UTF-16 units, so that letters of two are none. */
const normalized = (word: string): string => {
  let stem = word
  if (stem.length > 4) stem = fold(stem).replace(/((?=[\0-\uffff])\p{L})\1+/gu, "$1")
  if (stem.length > 4 && stem.endsWith("ie")) stem = stem.slice(0, -2)
  if (stem.length > 4) {
    stem = stem
      .replace(/r$/u, "")
      .replace(/e$/u, "")
      .replace(/e$/u, "")
      .replace(/((?=[\0-\uffff])\p{L})\1$/u, "$1")
  }
  return stem
}

export const french = wordAnalysis({
  name: "lucene-french-10",
  stopWords: stopWords.french,
  before: withoutArticle("l m t qu n s j d c jusqu quoiqu lorsqu puisqu"),
  after: stem,
})
