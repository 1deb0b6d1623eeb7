/** Where a passage stands in its document's text, in UTF-16 units. */
export interface Window {
  readonly begin: number
  readonly end: number
}

/**
 * The windows of a text over its words, which white space separates: `window` words each, `stride` words from one's beginning to the
 * next one's, up to the one that reaches the text's end, which may be shorter. Every word is in a window, and no window is inside of
 * another. A text that fits into one is that one, as it is.
 */
export const windowsOf = (text: string, window: number, stride: number): ReadonlyArray<Window> => {
  const words: Array<Window> = []
  for (const match of text.matchAll(/\S+/gu)) words.push({ begin: match.index, end: match.index + match[0].length })
  if (words.length <= window) return [{ begin: 0, end: text.length }]
  const windows: Array<Window> = []
  for (let from = 0; ; from += stride) {
    const last = Math.min(from + window, words.length)
    windows.push({ begin: words[from]!.begin, end: words[last - 1]!.end })
    if (last === words.length) return windows
  }
}
