/** White space as `tokenizers` has it: JavaScript's `\s` has U+FEFF besides, and not U+0085. */
export const whiteSpace = "\\p{White_Space}"

/** What `tokenizers` takes for punctuation, ASCII's symbols too; of a class in square brackets. */
const marks = "\\p{P}!-\\/:-@\\[-`{-~"

/** A punctuation mark. */
export const punctuation = `[${marks}]`

/** Words, and punctuation by the character. */
export const wordsAndMarks = new RegExp(`${punctuation}|[^${whiteSpace}${marks}]+`, "gu")
