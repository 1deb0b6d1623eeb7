/** Says how many texts were shortened, where any were. */
export const tellTruncated = (
  warn: (message: string) => void,
  counted: { readonly texts: number; readonly truncated: number },
  texts: "queries" | "passages",
  maximumTokens: number,
): void => {
  if (counted.truncated === 0) return
  warn(`${counted.truncated} of ${counted.texts} ${texts} were shortened to fit ${maximumTokens} tokens`)
}
