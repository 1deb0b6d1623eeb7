/**
 * Porter's stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980) as Lucene has it: with the two later
 * departures of the reference implementation (`-bli` to `-ble`, `-logi` to `-log`), on words of any script.
 */

const a = 97
const e = 101
const i = 105
const l = 108
const o = 111
const s = 115
const t = 116
const u = 117
const w = 119
const x = 120
const y = 121
const z = 122

type Suffix = Uint16Array

const suffix = (text: string): Suffix => Uint16Array.from(text, (unit) => unit.charCodeAt(0))

/** Suffixes with what replaces them, by the second last letter of the suffix, in the order in which they are tried. */
const byPenultimate = (rules: ReadonlyArray<readonly [string, string]>): ReadonlyMap<number, ReadonlyArray<Rule>> => {
  const groups = new Map<number, Array<Rule>>()
  for (const [from, to] of rules) {
    const key = from.charCodeAt(from.length - 2)
    const group = groups.get(key) ?? []
    group.push({ from: suffix(from), to: suffix(to) })
    groups.set(key, group)
  }
  return groups
}

interface Rule {
  readonly from: Suffix
  readonly to: Suffix
}

const doubleSuffixes = byPenultimate([
  ["ational", "ate"],
  ["tional", "tion"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["bli", "ble"],
  ["alli", "al"],
  ["entli", "ent"],
  ["eli", "e"],
  ["ousli", "ous"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["ator", "ate"],
  ["alism", "al"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["biliti", "ble"],
  ["logi", "log"],
])

const innerSuffixes: ReadonlyArray<Rule> = [
  ["icate", "ic"],
  ["ative", ""],
  ["alize", "al"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ful", ""],
  ["ness", ""],
].map(([from = "", to = ""]) => ({ from: suffix(from), to: suffix(to) }))

const lastSuffixes = byPenultimate(
  ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti"]
    .concat(["ous", "ive", "ize"])
    .map((from) => [from, ""] as const),
)

const [sses, ies, eed, ed, ing, at, bl, iz] = [
  suffix("sses"),
  suffix("ies"),
  suffix("eed"),
  suffix("ed"),
  suffix("ing"),
  suffix("at"),
  suffix("bl"),
  suffix("iz"),
] as const
const ionSuffix = suffix("ion")

const isConsonant = (word: Uint16Array, at: number): boolean => {
  switch (word[at]) {
    case a:
    case e:
    case i:
    case o:
    case u:
      return false
    case y:
      return at === 0 || !isConsonant(word, at - 1)
    default:
      return true
  }
}

/** Porter's m of `word[0 .. length)`: how many times a vowel is followed by a consonant. */
const measure = (word: Uint16Array, length: number): number => {
  let count = 0
  let vowelBefore = false
  for (let at = 0; at < length; at++) {
    const consonant = isConsonant(word, at)
    if (consonant && vowelBefore) count++
    vowelBefore = !consonant
  }
  return count
}

const hasVowel = (word: Uint16Array, length: number): boolean => {
  for (let at = 0; at < length; at++) if (!isConsonant(word, at)) return true
  return false
}

const endsInDouble = (word: Uint16Array, length: number): boolean =>
  length >= 2 && word[length - 1] === word[length - 2] && isConsonant(word, length - 1)

/** Whether the word ends consonant, vowel, consonant, the last not w, x or y. */
const endsInShortSyllable = (word: Uint16Array, length: number): boolean => {
  if (length < 3) return false
  if (!isConsonant(word, length - 1) || isConsonant(word, length - 2) || !isConsonant(word, length - 3)) return false
  const last = word[length - 1]
  return last !== w && last !== x && last !== y
}

const endsWith = (word: Uint16Array, length: number, end: Suffix): boolean => {
  const from = length - end.length
  if (from < 0) return false
  for (let at = 0; at < end.length; at++) if (word[from + at] !== end[at]) return false
  return true
}

/**
 * Stems `word[0 .. length)` in place and returns the new length. Words of one or two units stay. The array needs room
 * for one unit more than the word.
 */
export const porterStem = (word: Uint16Array, length: number): number => {
  if (length <= 2) return length
  let n = length

  // Plurals, -ed and -ing.
  if (word[n - 1] === s) {
    if (endsWith(word, n, sses) || endsWith(word, n, ies)) n -= 2
    else if (word[n - 2] !== s) n--
  }
  if (endsWith(word, n, eed)) {
    if (measure(word, n - 3) > 0) n--
  } else {
    const cut = endsWith(word, n, ed) ? 2 : endsWith(word, n, ing) ? 3 : 0
    if (cut > 0 && hasVowel(word, n - cut)) {
      n -= cut
      if (endsWith(word, n, at) || endsWith(word, n, bl) || endsWith(word, n, iz)) word[n++] = e
      else if (endsInDouble(word, n)) {
        const last = word[n - 1]
        if (last !== l && last !== s && last !== z) n--
      } else if (measure(word, n) === 1 && endsInShortSyllable(word, n)) word[n++] = e
    }
  }

  // A final y after a stem with a vowel.
  if (word[n - 1] === y && hasVowel(word, n - 1)) word[n - 1] = i

  // Double suffixes, where the stem before them has m > 0.
  if (n >= 2) {
    for (const rule of doubleSuffixes.get(word[n - 2]!) ?? []) {
      if (!endsWith(word, n, rule.from)) continue
      if (measure(word, n - rule.from.length) > 0) n = replace(word, n, rule)
      break
    }
  }
  for (const rule of innerSuffixes) {
    if (!endsWith(word, n, rule.from)) continue
    if (measure(word, n - rule.from.length) > 0) n = replace(word, n, rule)
    break
  }

  // The remaining suffixes, where m > 1.
  if (n >= 2) {
    for (const rule of lastSuffixes.get(word[n - 2]!) ?? []) {
      if (!endsWith(word, n, rule.from)) continue
      const stem = n - rule.from.length
      if (rule.from.length === ionSuffix.length && endsWith(word, n, ionSuffix)) {
        const before = stem > 0 ? word[stem - 1] : 0
        if (before !== s && before !== t) continue
      }
      if (measure(word, stem) > 1) n = stem
      break
    }
  }

  // A final e, then a final double l. Lucene takes both measures where the e still stands.
  const m = measure(word, n)
  const full = n
  if (word[n - 1] === e && (m > 1 || (m === 1 && !endsInShortSyllable(word, n - 1)))) n--
  if (n > 0 && word[n - 1] === l && endsInDouble(word, n) && measure(word, full) > 1) n--
  return n
}

const replace = (word: Uint16Array, length: number, rule: Rule): number => {
  const from = length - rule.from.length
  word.set(rule.to, from)
  return from + rule.to.length
}
