import { stopWords } from "../generated/stopWords.ts"
import { regionAfter } from "./regions.ts"
import { foldLetters, wordAnalysis } from "./wordAnalysis.ts"

const vowels = "aeiouyè"
const fold = foldLetters(["áä", "a"], ["éë", "e"], ["íï", "i"], ["óö", "o"], ["úü", "u"])

/** A y at the beginning or after a vowel, and an i between vowels, are consonants, and written large. */
const marked = (word: string): string => {
  const letters = [...fold(word).replace(/^y/u, "Y")]
  for (let at = 0; at + 1 < letters.length; at++) {
    if (!vowels.includes(letters[at]!)) continue
    if (letters[at + 1] === "i" && vowels.includes(letters[at + 2] ?? "-")) letters[at + 1] = "I"
    else if (letters[at + 1] === "y") letters[at + 1] = "Y"
  }
  return letters.join("")
}

const undoubled = (word: string): string => (/(?:dd|kk|tt)$/u.test(word) ? word.slice(0, -1) : word)

/** Snowball's stemmer for Dutch (Porter), as Lucene has it: https://snowballstem.org/algorithms/dutch_porter/stemmer.html. */
const stem = (word: string): string => {
  let stem = marked(word)
  const first = regionAfter(stem, vowels)
  const r2 = regionAfter(stem, vowels, first)
  const r1 = Math.max(3, first)
  const has = (ending: string, region: number): boolean =>
    stem.endsWith(ending) && stem.length - ending.length >= region
  const cut = (ending: string): string => stem.slice(0, stem.length - ending.length)

  /** An ending in R1 after a consonant, but not after gem. */
  const withoutEn = (ending: string): void => {
    const rest = cut(ending)
    if (!has(ending, r1) || !/[^aeiouyè]$/u.test(rest) || rest.endsWith("gem")) return
    stem = undoubled(rest)
  }
  let foundE = false
  const withoutE = (): void => {
    foundE = has("e", r1) && /[^aeiouyè]e$/u.test(stem)
    if (foundE) stem = undoubled(cut("e"))
  }

  if (stem.endsWith("heden")) stem = has("heden", r1) ? `${cut("heden")}heid` : stem
  else if (stem.endsWith("ene")) withoutEn("ene")
  else if (stem.endsWith("en")) withoutEn("en")
  else {
    const ending = stem.endsWith("se") ? "se" : "s"
    if (has(ending, r1) && /[^aeiouyèj]$/u.test(cut(ending))) stem = cut(ending)
  }
  withoutE()
  if (has("heid", r2) && !cut("heid").endsWith("c")) {
    stem = cut("heid")
    if (stem.endsWith("en")) withoutEn("en")
  }
  if (has("end", r2) || has("ing", r2)) {
    stem = stem.slice(0, -3)
    if (has("ig", r2) && !cut("ig").endsWith("e")) stem = cut("ig")
    else stem = undoubled(stem)
  } else if (has("ig", r2)) {
    if (!cut("ig").endsWith("e")) stem = cut("ig")
  } else if (has("lijk", r2)) {
    stem = cut("lijk")
    withoutE()
  } else if (has("baar", r2)) stem = cut("baar")
  else if (has("bar", r2) && foundE) stem = cut("bar")
  if (/[^aeiouyè](?:aa|ee|oo|uu)[^aeiouyèI\u{10000}-\u{10ffff}]$/u.test(stem)) stem = stem.slice(0, -2) + stem.slice(-1)
  return stem.replace(/[YI]/gu, (letter) => letter.toLowerCase())
}

/** Words whose stem is said. */
const stems = new Map([
  ["fiets", "fiets"],
  ["bromfiets", "bromfiets"],
  ["ei", "eier"],
  ["kind", "kinder"],
])

export const dutch = wordAnalysis({
  name: "lucene-dutch-10",
  stopWords: stopWords.dutch,
  after: (word) => stems.get(word) ?? stem(word),
})
