/** Texts as a model's input reads them. */
export interface InputTexts {
  readonly count: number
  /** What they are, in the plural, for the progress. */
  readonly unit: string
  /** Tokens of a text, template and all, after shortening. */
  readonly length: (text: number) => number
  /** Writes a text's ids, and the token types where the model wants them, and gives their number. */
  readonly write: (text: number, ids: Int32Array, types?: Int32Array) => number
  /** How many of each text's first tokens are left out of its mean, where the model does that. */
  readonly leftOut?: number
}

/** Which texts are the same input of a model. */
export interface DistinctInputs {
  /** The first text of each input, ascending. */
  readonly first: Uint32Array
  /** The input of each text, a position in `first`. */
  readonly of: Uint32Array
}

/** FNV-1a over 32-bit numbers: https://www.rfc-editor.org/rfc/rfc9923. */
const hashOf = (values: Int32Array, start: number): number => {
  let hash = start
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, 0x01000193)
  // Low bits see no high bits of the values before this.
  return (hash ^ (hash >>> 15)) >>> 0
}

const equal = (a: Int32Array, b: Int32Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Finds the texts that are one input, token for token, after shortening. Memory: 16 bytes a text.
 *
 * @param withTypes whether token types tell inputs apart
 */
export const distinctInputs = (
  texts: Pick<InputTexts, "count" | "length" | "write">,
  withTypes: boolean,
): DistinctInputs => {
  const { count } = texts
  const size = 2 ** Math.ceil(Math.log2(2 * count + 2))
  /** Open addressing: the position in `first`, plus one. */
  const table = new Uint32Array(size)
  const first = new Uint32Array(count)
  const of = new Uint32Array(count)
  let inputs = 0
  let longest = 1
  for (let text = 0; text < count; text++) longest = Math.max(longest, texts.length(text))
  const read = (text: number, ids: Int32Array, types: Int32Array): number =>
    withTypes ? texts.write(text, ids, types) : texts.write(text, ids)
  const [ids, types, otherIds, otherTypes] = [0, 1, 2, 3].map(() => new Int32Array(longest))
  if (ids === undefined || types === undefined || otherIds === undefined || otherTypes === undefined)
    return { first, of }
  for (let text = 0; text < count; text++) {
    const length = read(text, ids, types)
    const own = ids.subarray(0, length)
    const ownTypes = types.subarray(0, withTypes ? length : 0)
    let place = hashOf(ownTypes, hashOf(own, 0x811c9dc5)) & (size - 1)
    for (;;) {
      const known = table[place]!
      if (known === 0) {
        first[inputs] = text
        of[text] = inputs++
        table[place] = inputs
        break
      }
      const other = first[known - 1]!
      if (texts.length(other) === length && read(other, otherIds, otherTypes) === length) {
        if (equal(own, otherIds) && equal(ownTypes, otherTypes)) {
          of[text] = known - 1
          break
        }
      }
      place = (place + 1) & (size - 1)
    }
  }
  return { first: first.slice(0, inputs), of }
}
