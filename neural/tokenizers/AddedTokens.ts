/** A token that is matched in the raw text. */
export interface AddedToken {
  readonly id: number
  /** Whether it takes the white space before it with it, and behind it. */
  readonly stripBefore: boolean
  readonly stripAfter: boolean
}

/** A text as a regular expression with the flag `u` finds it, which takes no escape that is not needed. */
export const literalPattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")

/**
 * A pattern that finds the longest of some texts, leftmost first (of two alternatives, a regular expression takes the one
 * that stands first); undefined when there are none. `around` may add what is matched before and behind.
 */
export const longestOf = (
  texts: Iterable<string>,
  around: (text: string, pattern: string) => string = (_, pattern) => pattern,
): RegExp | undefined => {
  const sorted = [...texts].filter((text) => text !== "").sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  if (sorted.length === 0) return undefined
  return new RegExp(sorted.map((text) => around(text, literalPattern(text))).join("|"), "gu")
}

/** Lone surrogates are no text; they count as the replacement character. */
const loneSurrogates = /\p{Surrogate}/gu

/** Splits raw text at added tokens. What lies between goes to `onText`, with where it begins in the text. */
export const addedSplitter = (
  added: ReadonlyMap<string, AddedToken>,
): ((text: string, onText: (section: string, from: number) => void, onToken: (id: number) => void) => void) => {
  const pattern = longestOf(added.keys(), (text, escapedText) => {
    const token = added.get(text)
    return `${token?.stripBefore === true ? "\\s*" : ""}${escapedText}${token?.stripAfter === true ? "\\s*" : ""}`
  })
  return (raw, onText, onToken) => {
    const text = raw.replace(loneSurrogates, "\ufffd")
    let from = 0
    if (pattern !== undefined)
      for (const match of text.matchAll(pattern)) {
        if (match.index > from) onText(text.slice(from, match.index), from)
        const token = added.get(match[0]) ?? added.get(match[0].trim())
        if (token !== undefined) onToken(token.id)
        from = match.index + match[0].length
      }
    if (from < text.length) onText(text.slice(from), from)
  }
}
