/** The little grammar the templates need. It works on the words of this folder's lists, whose spelling tells their sound. */

/** The word or phrase with its indefinite article: "an inn", "a hushed bakery". */
export const indefinite = (phrase: string): string => `${/^[aeiou]/i.test(phrase) ? "an" : "a"} ${phrase}`

/** The phrase with a capital first letter. */
export const capital = (phrase: string): string => phrase.charAt(0).toUpperCase() + phrase.slice(1)

/** "a", "a and b", "a, b and c". */
export const listed = (phrases: ReadonlyArray<string>): string =>
  phrases.length < 2 ? phrases.join("") : `${phrases.slice(0, -1).join(", ")} and ${phrases[phrases.length - 1]!}`
