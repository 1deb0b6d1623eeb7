import type { MeasureError } from "./MeasureError.ts"

/** A literal of the grammar. Integers and floats are kept apart, as ir-measures does. */
export type Literal =
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "map"; readonly value: ReadonlyArray<readonly [number, number]> }

/** `Name(parameter=literal,…)@literal` as written, before anything is known about the measure. */
export interface MeasureCall {
  readonly name: string
  readonly parameters: ReadonlyMap<string, Literal>
  readonly at: Literal | null
}

export type Parsed<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: MeasureError }

class Unexpected extends Error {
  readonly column: number
  readonly expected: string
  constructor(index: number, expected: string) {
    super(expected)
    this.column = index + 1
    this.expected = expected
  }
}

const NAME = /[A-Za-z0-9_]+/y
const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const STRING = /'([^'\\]*)'|"([^"\\]*)"/y
const SPACE = /\s*/y

/** Reads one call, left to right; every method skips white space first and moves past what it read. */
class Reader {
  private index = 0
  private readonly text: string
  constructor(text: string) {
    this.text = text
  }

  private skip(): void {
    SPACE.lastIndex = this.index
    SPACE.exec(this.text)
    this.index = SPACE.lastIndex
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    this.skip()
    pattern.lastIndex = this.index
    const found = pattern.exec(this.text)
    if (found !== null) this.index = pattern.lastIndex
    return found
  }

  private take(character: string): boolean {
    this.skip()
    if (this.text[this.index] !== character) return false
    this.index++
    return true
  }

  private fail(expected: string): never {
    this.skip()
    throw new Unexpected(this.index, expected)
  }

  private number(expected: string): Literal & { readonly value: number } {
    const found = this.match(NUMBER)
    if (found === null) return this.fail(expected)
    const written = found[0]
    return { kind: /^[+-]?\d+$/.test(written) ? "integer" : "float", value: Number(written) }
  }

  private map(): Literal {
    const value: Array<readonly [number, number]> = []
    while (!this.take("}")) {
      if (value.length > 0 && !this.take(",")) this.fail('"," or "}"')
      const grade = this.number("a grade").value
      if (!this.take(":")) this.fail('":"')
      value.push([grade, this.number("a gain").value])
    }
    return { kind: "map", value }
  }

  private literal(): Literal {
    if (this.take("{")) return this.map()
    const string = this.match(STRING)
    if (string !== null) return { kind: "string", value: string[1] ?? string[2] ?? "" }
    const start = this.index
    const word = this.match(NAME)?.[0]
    if (word === "True" || word === "true") return { kind: "boolean", value: true }
    if (word === "False" || word === "false") return { kind: "boolean", value: false }
    this.index = start
    return this.number("a number, a quoted string, True, False or {grade:gain}")
  }

  call(): MeasureCall {
    const name = this.match(NAME)?.[0]
    if (name === undefined) return this.fail("a measure's name")
    const parameters = new Map<string, Literal>()
    if (this.take("(")) {
      while (!this.take(")")) {
        if (parameters.size > 0 && !this.take(",")) this.fail('"," or ")"')
        const parameter = this.match(NAME)?.[0]
        if (parameter === undefined || parameters.has(parameter)) return this.fail("a parameter not given before")
        if (!this.take("=")) this.fail('"="')
        parameters.set(parameter, this.literal())
      }
    }
    const at = this.take("@") ? this.number("a number") : null
    this.skip()
    if (this.index < this.text.length) this.fail(at === null ? '"(", "@" or the end' : "the end")
    return { name, parameters, at }
  }
}

/** Reads a measure's name in ir-measures' grammar. Never throws, and takes time proportional to the text's length. */
export const readMeasureCall = (text: string): Parsed<MeasureCall> => {
  try {
    return { ok: true, value: new Reader(text).call() }
  } catch (cause) {
    if (!(cause instanceof Unexpected)) throw cause
    return { ok: false, error: { _tag: "MeasureSyntax", text, column: cause.column, expected: cause.expected } }
  }
}
