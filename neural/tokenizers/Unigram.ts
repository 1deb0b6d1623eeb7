/** A vocabulary's side that segmentation needs. Pieces are keyed with plain spaces where the vocabulary has U+2581. */
export interface UnigramVocabulary {
  readonly idOf: ReadonlyMap<string, number>
  readonly scoreOf: (id: number) => number
  /** Id for a character that no piece covers. */
  readonly unk: number
  /** Whether a run of such characters is one `unk`. */
  readonly fuse: boolean
  /** The cost of such a character: SentencePiece takes the lowest score less 10. */
  readonly unkScore: number
}

/**
 * Segments text into the pieces of the highest total score (Viterbi; Kudo, "Subword Regularization", 2018). Of equal totals
 * the one found first wins: the longer last piece, as in the reference implementations. A character without a piece gives
 * `unk`; a run of such characters gives it once, unless `fuse` is off. Time grows with length × longest piece. Pure.
 */
export const unigram = (vocabulary: UnigramVocabulary): ((text: string) => ReadonlyArray<number>) => {
  const { idOf, scoreOf, unk, unkScore, fuse } = vocabulary
  let longest = 1
  for (const piece of idOf.keys()) if (piece.length > longest) longest = piece.length

  return (text) => {
    const whole = idOf.get(text)
    if (text.length === 1) return [whole ?? unk]
    const length = text.length
    const score = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY)
    const from = new Int32Array(length + 1)
    const id = new Int32Array(length + 1)
    score[0] = 0
    for (let begin = 0; begin < length; ) {
      const here = score[begin]!
      const code = text.charCodeAt(begin)
      const paired = code >= 0xd800 && code < 0xdc00 && begin + 1 < length
      const character = begin + (paired ? 2 : 1)
      const last = Math.min(length, begin + longest)
      let covered = false
      for (let end = begin + 1; end <= last; end++) {
        const piece = idOf.get(text.substring(begin, end))
        if (piece === undefined) continue
        if (end === character) covered = true
        const total = here + scoreOf(piece)
        if (total > score[end]!) {
          score[end] = total
          from[end] = begin
          id[end] = piece
        }
      }
      if (!covered && here + unkScore > score[character]!) {
        score[character] = here + unkScore
        from[character] = begin
        id[character] = unk
      }
      begin = character
    }
    const ids: Array<number> = []
    for (let end = length; end > 0; end = from[end]!)
      if (!(fuse && id[end] === unk && ids.at(-1) === unk)) ids.push(id[end]!)
    return ids.reverse()
  }
}
