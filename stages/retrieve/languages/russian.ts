import { stopWords } from "../generated/stopWords.ts"
import { regionAfter } from "./regions.ts"
import { wordAnalysis } from "./wordAnalysis.ts"

const vowels = "аеиоуыэюя"

/** Endings, longest first; those of the first list come after а or я, which stays. */
const endings = (afterVowel: string, others: string) => {
  const list = (words: string, bound: boolean) => words.split(" ").map((ending) => ({ ending, bound }))
  const all = [...(afterVowel === "" ? [] : list(afterVowel, true)), ...list(others, false)]
  const sorted = all.sort((one, other) => other.ending.length - one.ending.length)
  /** What a region is without the longest ending that it has; undefined where it has none, or not after what it should. */
  return (region: string): string | undefined => {
    const found = sorted.find(({ ending }) => region.endsWith(ending))
    if (found === undefined) return undefined
    const rest = region.slice(0, region.length - found.ending.length)
    return !found.bound || /[ая]$/u.test(rest) ? rest : undefined
  }
}

const gerund = endings("в вши вшись", "ив ивши ившись ыв ывши ывшись")
const adjective = endings("", "ее ие ое ые ими ыми ей ий ой ый ем им ом ым его ого ему ому их ых ею ою ую юю ая яя")
const participle = endings("ем нн вш ющ щ", "ивш ывш ующ")
const reflexive = endings("", "сь ся")
const verb = endings(
  "ла на ете йте ли й л ем н ло но нно ет ют ны ть ешь",
  "ила ыла ена ите ейте уйте или ыли ей уй ил ыл им ым ен ило ыло ено ует ит ыт уют ят ены ить ыть ишь ю ую",
)
const noun = endings(
  "",
  "а ев ов е ие ье и еи ии ами ями иями й ей ией ий ой ам ем ием ом ям иям о у ах ях иях ы ь ю ию ью я ия ья",
)

/** Snowball's stemmer for Russian (Porter, https://snowballstem.org/algorithms/russian/stemmer.html). */
const stem = (given: string): string => {
  const word = given.replaceAll("ё", "е")
  let start = 0
  while (start < word.length && !vowels.includes(word[start]!)) start++
  start = Math.min(word.length, start + 1)
  const r2 = regionAfter(word, vowels, regionAfter(word, vowels))
  const head = word.slice(0, start)
  let region = word.slice(start)
  const withoutGerund = gerund(region)
  if (withoutGerund !== undefined) region = withoutGerund
  else {
    region = reflexive(region) ?? region
    const withoutAdjective = adjective(region)
    if (withoutAdjective !== undefined) region = participle(withoutAdjective) ?? withoutAdjective
    else region = verb(region) ?? noun(region) ?? region
  }
  region = region.replace(/и$/u, "")
  const derived = region.replace(/ость?$/u, "")
  if (start + derived.length >= r2) region = derived
  if (/ейше?$/u.test(region)) region = region.replace(/ейше?$/u, "").replace(/нн$/u, "н")
  else region = region.replace(/нн$/u, "н").replace(/ь$/u, "")
  return head + region
}

export const russian = wordAnalysis({ name: "lucene-russian-10", stopWords: stopWords.russian, after: stem })
