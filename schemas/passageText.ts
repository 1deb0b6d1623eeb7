/** The text of a passage that is indexed: title and text joined by a space. */
export const passageText = (title: string | null, text: string): string =>
  title === null || title === "" ? text : `${title} ${text}`
