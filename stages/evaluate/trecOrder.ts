/** Moves surrogates above the rest of the basic plane, so that code units compare as code points, that is as UTF-8 bytes. */
const unit = (code: number): number => (code < 0xd800 ? code : code < 0xe000 ? code + 0x2000 : code - 0x800)

/** Compares two strings by their UTF-8 bytes: negative where `a` comes first. */
export const compareBytes = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return unit(left) - unit(right)
  }
  return a.length - b.length
}

/**
 * trec_eval's order of a query's results, which every ranking in this project follows: score descending, then docid
 * descending by UTF-8 bytes. A rank column has no say. Scores must be finite.
 */
export const compareTrecOrder = (
  a: { readonly docid: string; readonly score: number },
  b: { readonly docid: string; readonly score: number },
): number => b.score - a.score || compareBytes(b.docid, a.docid)
