import { stopWords } from "../generated/stopWords.ts"
import { foldLetters, wordAnalysis } from "./wordAnalysis.ts"

const fold = foldLetters(["àáâäã", "a"], ["òóôöõ", "o"], ["èéêë", "e"], ["ùúûü", "u"], ["ìíîï", "i"], ["ç", "c"])

/** What an ending becomes in words that are longer than so many letters; the first that fits. */
type Ending = readonly [longerThan: number, ending: RegExp, becomes: string]

const plurals: ReadonlyArray<Ending> = [
  [4, /(?<=[rslz])es$/u, ""],
  [3, /ns$/u, "m"],
  [4, /[eé]is$/u, "el"],
  [4, /ais$/u, "al"],
  [4, /óis$/u, "ol"],
  [4, /is$/u, "il"],
  [3, /[õã]es$/u, "ão"],
  [6, /mente$/u, ""],
  [3, /s$/u, ""],
]

const feminines: ReadonlyArray<Ending> = [
  [7, /(?<=inh|iac|eir)a$/u, "o"],
  [6, /(?<=os|ic|id|ad|iv|am)a$/u, "o"],
  [6, /ona$/u, "ão"],
  [6, /ora$/u, "or"],
  [6, /esa$/u, "ês"],
  [6, /na$/u, "no"],
]

const changed = (word: string, endings: ReadonlyArray<Ending>): string => {
  const found = endings.find(([longerThan, ending]) => word.length > longerThan && ending.test(word))
  return found === undefined ? word : word.replace(found[1], found[2])
}

/** The light stemmer of Savoy (see german.ts), as Lucene's `PortugueseLightStemmer` has it. */
const stem = (word: string): string => {
  if (word.length < 4) return word
  let stem = changed(word, plurals)
  if (stem.length > 3 && stem.endsWith("a")) stem = changed(stem, feminines)
  if (stem.length > 4) stem = stem.replace(/[eao]$/u, "")
  return fold(stem)
}

export const portuguese = wordAnalysis({ name: "lucene-portuguese-10", stopWords: stopWords.portuguese, after: stem })
