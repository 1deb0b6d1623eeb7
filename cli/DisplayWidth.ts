// Unicode's East Asian Wide and Fullwidth characters, and what is drawn as a picture.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

// What is drawn over the character before it, and vowels that a syllable of Hangul takes in. Direction marks are printed as characters.
const narrowest = /[\p{Mn}\p{Me}\u00ad\u200b-\u200d\u2060\ufeff\u1160-\u11ff]/u

const isAscii = (text: string): boolean => /^[ -~]*$/.test(text)

const columnsOf = (character: string): number => (narrowest.test(character) ? 0 : wide.test(character) ? 2 : 1)

/** How many columns of a terminal a line of text takes: two of a Chinese character, none of an accent of its own. */
export const displayWidth = (text: string): number => {
  if (isAscii(text)) return text.length
  let columns = 0
  for (const character of text) columns += columnsOf(character)
  return columns
}

/** A text with spaces behind it, up to a width in columns. */
export const paddedAfter = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - displayWidth(text)))

/** A text with spaces before it, up to a width in columns. */
export const paddedBefore = (text: string, width: number): string =>
  " ".repeat(Math.max(0, width - displayWidth(text))) + text

/** A text of at most so many columns; a longer one ends in `…`. */
export const cutTo = (text: string, width: number): string => {
  if (displayWidth(text) <= width) return text
  let used = 0
  let kept = ""
  for (const character of text) {
    const columns = columnsOf(character)
    if (used + columns > width - 1) break
    used += columns
    kept += character
  }
  return `${kept}…`
}

/** A text cut or filled to a width in columns. */
export const fitted = (text: string, width: number): string => paddedAfter(cutTo(text, width), width)
