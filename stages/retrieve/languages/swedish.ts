import { stopWords } from "../generated/stopWords.ts"
import { regionAfter } from "./regions.ts"
import { wordAnalysis } from "./wordAnalysis.ts"

const vowels = "aeiouyäåö"
const suffixes = new Set(
  (
    "a arna erna heterna orna ad e ade ande arne are aste en anden aren heten ern ar er heter or s as arnas ernas ornas " +
    "es ades andes ens arens hetens erns at andet het ast"
  ).split(" "),
)

/** The longest of the suffixes that a region ends in. */
const suffixOf = (region: string): string | undefined => {
  for (let from = Math.max(0, region.length - 7); from < region.length; from++) {
    if (suffixes.has(region.slice(from))) return region.slice(from)
  }
  return undefined
}

/** Snowball's stemmer for Swedish (Porter, https://snowballstem.org/algorithms/swedish/stemmer.html). */
const stem = (word: string): string => {
  const start = Math.max(3, regionAfter(word, vowels))
  let stem = word
  const suffix = suffixOf(stem.slice(start))
  if (suffix !== undefined && (suffix !== "s" || /[bcdfghjklmnoprtvy]s$/u.test(stem))) {
    stem = stem.slice(0, -suffix.length)
  }
  if (/(?:dd|gd|nn|dt|gt|kt|tt)$/u.test(stem.slice(start))) stem = stem.slice(0, -1)
  const region = stem.slice(start)
  if (region.endsWith("fullt")) return stem.slice(0, -1)
  if (region.endsWith("öst")) return /[iklnprtuv]öst$/u.test(stem) ? stem.slice(0, -1) : stem
  return region.endsWith("els") || region.endsWith("lig")
    ? stem.slice(0, -3)
    : region.endsWith("ig")
      ? stem.slice(0, -2)
      : stem
}

export const swedish = wordAnalysis({ name: "lucene-swedish-10", stopWords: stopWords.swedish, after: stem })
