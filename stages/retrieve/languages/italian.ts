import { stopWords } from "../generated/stopWords.ts"
import { foldLetters, withoutArticle, wordAnalysis } from "./wordAnalysis.ts"

const fold = foldLetters(["àáâä", "a"], ["òóôö", "o"], ["èéêë", "e"], ["ùúûü", "u"], ["ìíîï", "i"])

/** The light stemmer of Savoy, Report on CLEF-2001 Experiments, as Lucene's `ItalianLightStemmer` has it. */
const stem = (word: string): string =>
  word.length < 6 ? word : fold(word).replace(/[ih]e$|[hi]i$|i[ao]$|[eiao]$/u, "")

export const italian = wordAnalysis({
  name: "lucene-italian-10",
  stopWords: stopWords.italian,
  before: withoutArticle("c l all dall dell nell sull coll pell gl agl dagl degl negl sugl un m t s v d"),
  after: stem,
})
