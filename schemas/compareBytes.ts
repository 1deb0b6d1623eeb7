/** Moves surrogates above the rest of the basic plane, so that code units compare as code points, that is as UTF-8 bytes. */
const unit = (code: number): number => (code < 0xd800 ? code : code < 0xe000 ? code + 0x2000 : code - 0x800)

/** Compares two strings by their UTF-8 bytes, the order of all identifiers here: negative where `a` comes first. */
export const compareBytes = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return unit(left) - unit(right)
  }
  return a.length - b.length
}
