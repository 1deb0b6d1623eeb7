/**
 * Words of a text as Lucene's `StandardTokenizer` and `LowerCaseFilter` yield them in a row, with `EnglishPossessiveFilter` between them or not:
 * UAX #29 word breaks (Unicode 12.1) with Lucene's additions (emoji sequences are words; South East Asian runs stay
 * whole; an ideograph or hiragana is a word each), no word longer than 255 UTF-16 units, the possessive `'s` taken off
 * where that is asked for, each code point mapped to its simple lower case.
 *
 * The grammar is written below as two small automata over classes of code points; ASCII takes a shorter way through.
 */
import { lowerCaseRuns, WordClass, wordClassRuns } from "./generated/UnicodeTables.ts"

/** Lucene's `StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH`, in UTF-16 units; longer words are cut into pieces. */
export const maxWordLength = 255

const codePoints = 0x110000

const classOf = ((): Uint8Array => {
  const table = new Uint8Array(codePoints)
  let from = 0
  let length = 0
  for (let i = 0; i < wordClassRuns.length; i++) {
    const unit = wordClassRuns.charCodeAt(i)
    if (unit <= 57) length = length * 36 + unit - 48
    else if (unit >= 97) length = length * 36 + unit - 87
    else {
      table.fill(unit - 65, from, from + length)
      from += length
      length = 0
    }
  }
  return table
})()

const lowerCase = ((): Uint32Array => {
  const runs = lowerCaseRuns.split(" ").map((run) => run.split(",").map((field) => Number.parseInt(field, 36)))
  let top = 0x80
  for (const [first = 0, count = 0, stride = 1] of runs) top = Math.max(top, first + count * stride)
  const table = new Uint32Array(top)
  for (let i = 0; i < top; i++) table[i] = i >= 65 && i <= 90 ? i + 32 : i
  for (const [first = 0, count = 0, stride = 1, delta = 0] of runs) {
    for (let i = 0; i < count; i++) table[first + i * stride] = first + i * stride + delta
  }
  return table
})()

const C = WordClass
const classes = Math.max(...Object.values(WordClass)) + 1
const dead = -1

type Row = ReadonlyArray<readonly [ReadonlyArray<number>, number]>

/** Transition table of an automaton: `table[state * classes + class]`, `dead` where there is none. */
const automaton = (rows: ReadonlyArray<Row>): Int8Array => {
  const table = new Int8Array(rows.length * classes).fill(dead)
  rows.forEach((row, state) => {
    for (const [on, to] of row) for (const k of on) table[state * classes + k] = to
  })
  return table
}

const extend = [
  C.extend,
  C.complexContextExtend,
  C.joiner,
  C.keycap,
  C.textSelector,
  C.emojiSelector,
  C.emojiModifier,
  C.tag,
  C.tagTerm,
]
const plainLetter = [C.letter, C.pictographLetter]
const anyLetter = [...plainLetter, C.hebrewLetter]
const betweenLetters = [C.midLetter, C.midNumLet, C.singleQuote]
const betweenDigits = [C.midNum, C.midNumLet, C.singleQuote]

/**
 * Words. Extending characters (WB4) stay in the state they meet. `hebrew` is a Hebrew letter that may open the
 * `Hebrew_Letter Single_Quote` and `Hebrew_Letter Double_Quote Hebrew_Letter` forms (WB7a to WB7c); one reached across a
 * joining mark may not, in Lucene's grammar, and no joining mark follows such a form. Rows stand in the order of the states' numbers; state 0 is the start.
 */
const wordStates = ((): { readonly table: Int8Array; readonly accepts: Uint8Array } => {
  const [prefix, letter, hebrew, digit, katakana, connector, hebrewForm] = [1, 2, 3, 4, 5, 6, 7]
  const [afterLetter, afterDigit, afterDouble, complex, single] = [8, 9, 10, 11, 12]
  const join: Row = [
    [plainLetter, letter],
    [[C.hebrewLetter], hebrew],
    [[C.numeric], digit],
  ]
  const rows: ReadonlyArray<Row> = [
    [
      ...join,
      [[C.extendNumLet], prefix],
      [[C.katakana], katakana],
      [[C.complexContext, C.complexContextExtend], complex],
      [[C.han, C.hiragana], single],
    ],
    [...join, [[C.extendNumLet], prefix], [[C.katakana], katakana], [extend, prefix]],
    [...join, [[C.extendNumLet], connector], [betweenLetters, afterLetter], [extend, letter]],
    [
      ...join,
      [[C.extendNumLet], connector],
      [betweenLetters, afterLetter],
      [[C.singleQuote], hebrewForm],
      [[C.doubleQuote], afterDouble],
      [extend, hebrew],
    ],
    [...join, [[C.extendNumLet], connector], [betweenDigits, afterDigit], [extend, digit]],
    [
      [[C.katakana], katakana],
      [[C.extendNumLet], connector],
      [extend, katakana],
    ],
    [...join, [[C.katakana], katakana], [[C.extendNumLet], connector], [extend, connector]],
    [...join, [[C.extendNumLet], connector], [extend, hebrewForm]],
    [
      [anyLetter, letter],
      [extend, afterLetter],
    ],
    [
      [[C.numeric], digit],
      [extend, afterDigit],
    ],
    [
      [[C.hebrewLetter], hebrewForm],
      [extend, afterDouble],
    ],
    [
      [[C.complexContext, C.complexContextExtend], complex],
      [extend, complex],
    ],
    [[extend, single]],
  ]
  const accepts = new Uint8Array(rows.length)
  for (const state of [letter, hebrew, digit, katakana, connector, hebrewForm, complex, single]) accepts[state] = 1
  return { table: automaton(rows), accepts }
})()

const absorbed = extend.filter((k) => k !== C.textSelector && k !== C.emojiSelector && k !== C.joiner)
const pictographs = [C.pictograph, C.pictographLetter]

/**
 * Emoji sequences (UTS #51, as Lucene's grammar has them): pictographs with modifiers and selectors, joined by
 * U+200D; tag sequences; keycaps; pairs of regional indicators. State names say what was read last.
 */
const emojiStates = ((): { readonly table: Int8Array; readonly accepts: Uint8Array } => {
  const [joiners, picture, pictureJoiner, selected, selectedOnce, selectedMore] = [1, 2, 3, 4, 5, 6]
  const [firstPicture, firstPictureJoiner, firstSelected, tags, tagged] = [7, 8, 9, 10, 11]
  const [modifier, modifierJoiner, region, regions, base, baseSelected, keycap, keycapSelected] = [
    12, 13, 14, 15, 16, 17, 18, 19,
  ]
  const pictureRow = (self: number, joiner: number, selector: number): Row => [
    [absorbed, self],
    [[C.joiner], joiner],
    [[C.emojiSelector], selector],
  ]
  const rows: ReadonlyArray<Row> = [
    [
      [[C.joiner], joiners],
      [pictographs, firstPicture],
      [[C.emojiModifier], modifier],
      [[C.regionalIndicator], region],
      [[C.keycapBase], base],
    ],
    [
      [[C.joiner], joiners],
      [pictographs, firstPicture],
    ],
    pictureRow(picture, pictureJoiner, selected),
    [...pictureRow(picture, pictureJoiner, selected), [pictographs, picture]],
    [[[C.joiner], selectedOnce]],
    [
      [[C.joiner], selectedMore],
      [pictographs, picture],
      [[C.emojiModifier], modifier],
    ],
    [
      [[C.joiner], selectedMore],
      [pictographs, picture],
    ],
    pictureRow(firstPicture, firstPictureJoiner, firstSelected),
    [...pictureRow(firstPicture, firstPictureJoiner, firstSelected), [pictographs, picture]],
    [
      [[C.joiner], selectedOnce],
      [[C.tag], tags],
    ],
    [
      [[C.tag], tags],
      [[C.tagTerm], tagged],
    ],
    [],
    [
      [absorbed, modifier],
      [[C.joiner], modifierJoiner],
    ],
    [
      [absorbed, modifier],
      [[C.joiner], modifierJoiner],
      [pictographs, picture],
    ],
    [
      [extend, region],
      [[C.regionalIndicator], regions],
    ],
    [[extend, regions]],
    [
      [[...absorbed, C.joiner], base],
      [[C.keycap], keycap],
      [[C.emojiSelector], baseSelected],
    ],
    [[[C.keycap], keycapSelected]],
    [
      [[...absorbed, C.joiner], keycap],
      [[C.emojiSelector], baseSelected],
    ],
    [[[...absorbed, C.joiner], keycapSelected]],
  ]
  const accepts = new Uint8Array(rows.length)
  const accepting = [picture, pictureJoiner, selected, firstPicture, firstPictureJoiner, firstSelected]
  for (const state of [...accepting, tagged, modifier, modifierJoiner, regions, keycap, keycapSelected]) {
    accepts[state] = 1
  }
  return { table: automaton(rows), accepts }
})()

/** Classes an emoji sequence may begin with. */
const opensEmoji = ((): Uint8Array => {
  const table = new Uint8Array(classes)
  for (let k = 0; k < classes; k++) if (emojiStates.table[k] !== dead) table[k] = 1
  return table
})()

const upperA = 65
const apostrophe = 39
const letterS = 115

/** Hash of a word's UTF-16 units, `units[from .. from + length)`. */
export const hashUnits = (units: Uint16Array, length: number, from = 0): number => {
  let h = length
  for (let i = from; i < from + length; i++) h = Math.imul(h ^ units[i]!, 0x01000193)
  return h ^ (h >>> 15)
}

/**
 * A scanner over one text at a time: `reset`, then `next` until false. After a `next` that returned true, the word is
 * `units[0 .. length)`, and `hash` is its `hashUnits`.
 */
export class WordScanner {
  readonly units: Uint16Array = new Uint16Array(maxWordLength + 1)
  length = 0
  hash = 0
  /** Where the word stands in the text, whole. */
  start = 0
  end = 0
  readonly #possessive: boolean
  #text = ""
  #position = 0

  /** @param options.possessive whether `'s` at a word's end is taken off, as `EnglishPossessiveFilter` does */
  constructor({ possessive }: { readonly possessive: boolean }) {
    this.#possessive = possessive
  }

  reset(text: string): void {
    this.#text = text
    this.#position = 0
  }

  /** Moves to the next word; false when the text has no more. */
  next(): boolean {
    const text = this.#text
    const n = text.length
    const units = this.units
    let i = this.#position
    while (i < n) {
      const c = text.charCodeAt(i)
      if (c >= 128) {
        const end = this.#matchAny(i, c)
        if (end > 0) {
          this.#take(i, end)
          return true
        }
        i = -end
        continue
      }
      let last = classOf[c]!
      if (last !== C.letter && last !== C.numeric && last !== C.extendNumLet) {
        i++
        // `#` and `*` open a keycap sequence, whose second character is not ASCII.
        if (last === C.keycapBase && i < n && text.charCodeAt(i) >= 128) {
          const end = this.#matchAny(i - 1, c)
          if (end > 0) {
            this.#take(i - 1, end)
            return true
          }
        }
        continue
      }
      const stop = n - i > maxWordLength ? i + maxWordLength : n
      let wordy = last !== C.extendNumLet
      let length = 1
      let accepted = wordy ? 1 : 0
      let plain = true
      units[0] = c - upperA < 26 && c >= upperA ? c + 32 : c
      let j = i + 1
      while (j < stop) {
        const d = text.charCodeAt(j)
        if (d >= 128) {
          plain = d < 0xd800 ? classOf[d] === C.other : false
          break
        }
        const k = classOf[d]!
        if (k === C.letter || k === C.numeric) {
          units[length++] = d <= 90 && d >= upperA ? d + 32 : d
          last = k
          wordy = true
          accepted = length
          j++
        } else if (k === C.extendNumLet) {
          units[length++] = d
          last = k
          if (wordy) accepted = length
          j++
        } else {
          const joins =
            last === C.letter
              ? k === C.midLetter || k === C.midNumLet || k === C.singleQuote
              : last === C.numeric && (k === C.midNum || k === C.midNumLet || k === C.singleQuote)
          if (!joins || j + 1 >= stop) break
          const e = text.charCodeAt(j + 1)
          if (e >= 128) {
            plain = e < 0xd800 ? classOf[e] === C.other : false
            break
          }
          if (classOf[e] !== last) break
          units[length] = d
          units[length + 1] = e <= 90 && e >= upperA ? e + 32 : e
          length += 2
          accepted = length
          j += 2
        }
      }
      if (!plain) {
        const end = this.#matchAny(i, c)
        if (end > 0) {
          this.#take(i, end)
          return true
        }
        i = -end
        continue
      }
      if (accepted === 0) {
        // Connectors only: no word begins inside them, unless it was the length limit that ended the run.
        i = j < stop || j === n ? j : i + 1
        continue
      }
      this.start = i
      this.end = i + accepted
      this.#position = this.end
      if (accepted >= 2 && units[accepted - 1] === letterS && units[accepted - 2] === apostrophe && this.#possessive) {
        accepted -= 2
      }
      this.length = accepted
      this.hash = hashUnits(units, accepted)
      return true
    }
    this.#position = n
    return false
  }

  /** End of the longest word that begins at `from`, or minus the position to go on from where none does. */
  #matchAny(from: number, unit: number): number {
    const text = this.#text
    let end = Math.min(text.length, from + maxWordLength)
    // Lucene's buffer never holds half a character.
    if (end < text.length && isHigh(text.charCodeAt(end - 1))) end--
    let width = 1
    let point = unit
    if (isHigh(unit) && from + 1 < text.length && isLow(text.charCodeAt(from + 1))) {
      width = 2
      point = combine(unit, text.charCodeAt(from + 1))
    }
    const k = classOf[point]!
    let best = run(text, from, end, wordStates.table, wordStates.accepts)
    if (opensEmoji[k] === 1) best = Math.max(best, run(text, from, end, emojiStates.table, emojiStates.accepts))
    return best > 0 ? best : -(from + width)
  }

  /** Makes `text[from .. end)` the current word: lower case, possessive off. */
  #take(from: number, end: number): void {
    const text = this.#text
    const units = this.units
    this.start = from
    this.end = end
    this.#position = end
    let length = 0
    let i = from
    while (i < end) {
      const unit = text.charCodeAt(i++)
      if (isHigh(unit) && i < end && isLow(text.charCodeAt(i))) {
        const point = combine(unit, text.charCodeAt(i++))
        const lower = point < lowerCase.length ? lowerCase[point]! : point
        units[length++] = 0xd800 + ((lower - 0x10000) >> 10)
        units[length++] = 0xdc00 + ((lower - 0x10000) & 0x3ff)
      } else units[length++] = unit < lowerCase.length ? lowerCase[unit]! : unit
    }
    if (this.#possessive && length >= 2 && units[length - 1] === letterS) {
      const mark = units[length - 2]
      if (mark === apostrophe || mark === 0x2019 || mark === 0xff07) length -= 2
    }
    this.length = length
    this.hash = hashUnits(units, length)
  }
}

const isExtend = ((): Uint8Array => {
  const table = new Uint8Array(classes)
  for (const k of extend) table[k] = 1
  return table
})()

/** Whether a word is of ideographs, of hiragana, of katakana or of Hangul alone, extending characters aside, as Lucene types it. */
export const isCjkWord = (text: string, from: number, to: number): boolean => {
  let kind: number | undefined
  for (const letter of text.slice(from, to)) {
    const k = classOf[letter.codePointAt(0) ?? 0]!
    if (isExtend[k] === 1) continue
    const own = k === C.letter && /^\p{Script=Hangul}$/u.test(letter) ? -1 : k
    if (own !== -1 && own !== C.han && own !== C.hiragana && own !== C.katakana) return false
    if (kind !== undefined && own !== kind) return false
    kind = own
  }
  return kind !== undefined
}

const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800
const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00
const combine = (high: number, low: number): number => ((high - 0xd800) << 10) + (low - 0xdc00) + 0x10000

/** End of the longest match of an automaton from `from`, at most `end`; 0 where there is none. */
const run = (text: string, from: number, end: number, table: Int8Array, accepts: Uint8Array): number => {
  let state = 0
  let mark = 0
  let i = from
  while (i < end) {
    let point = text.charCodeAt(i++)
    if (isHigh(point) && i < end && isLow(text.charCodeAt(i))) point = combine(point, text.charCodeAt(i++))
    state = table[state * classes + classOf[point]!]!
    if (state === dead) break
    if (accepts[state] === 1) mark = i
  }
  return mark
}
