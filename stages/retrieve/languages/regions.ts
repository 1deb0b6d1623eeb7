/**
 * Where a region of Snowball's begins: behind the first letter that is no vowel and comes after a vowel, from a place on; the word's length
 * where there is none.
 */
export const regionAfter = (word: string, vowels: string, from = 0): number => {
  let at = from
  while (at < word.length && !vowels.includes(word[at]!)) at++
  while (at < word.length && vowels.includes(word[at]!)) at++
  return Math.min(word.length, at + 1)
}
