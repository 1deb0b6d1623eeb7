import { isRecord } from "./isRecord.ts"
/** The values of a field that are taken, and why no other is. */
export interface OnlyValues {
  /** `null`, and a field that is left out, are always taken. */
  readonly values: ReadonlyArray<unknown>
  /** What another value would ask for: a clause. */
  readonly because: string
  /** What to do: a sentence. Left out, that the model cannot be taken but as a ready graph. */
  readonly remedy?: string
}

/** What becomes of the fields of a JSON file that another program wrote. A field in none of the lists is unknown. */
export interface FieldTable {
  /** Read, with what they decide. */
  readonly honoured: Readonly<Record<string, string>>
  /** Without influence on a score, with the reason. */
  readonly harmless: Readonly<Record<string, string>>
  /** Taken with some values only. */
  readonly only: Readonly<Record<string, OnlyValues>>
  /** Fields that are objects, whose own fields have a table. They are honoured. */
  readonly within?: Readonly<Record<string, FieldTable>>
}

/** A field whose value is not taken. */
export interface RefusedField {
  /** With dots. */
  readonly field: string
  readonly value: unknown
  readonly because: string
  readonly remedy: string
}

/** What a file says beyond what is read of it. */
export interface FieldFindings {
  /** Fields that no list has, with dots. */
  readonly unknown: ReadonlyArray<string>
  readonly refused: ReadonlyArray<RefusedField>
}

/** What to do where a file asks for what is not built. */
export const readyGraphRemedy = "Export the model to ONNX with the score as its one output, and give that file."

/** Whether two JSON values are equal. */
const same = (a: unknown, b: unknown): boolean => {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => same(each, b[i]))
  if (!isRecord(a) || !isRecord(b)) return a === b
  const [own, other] = [Object.keys(a), Object.keys(b)]
  return own.length === other.length && own.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
}

/** Holds a file's fields against its table. What is no object has no fields. */
export const checkFields = (table: FieldTable, json: unknown, prefix = ""): FieldFindings => {
  const unknown: Array<string> = []
  const refused: Array<RefusedField> = []
  for (const [name, value] of isRecord(json) ? Object.entries(json) : []) {
    const field = `${prefix}${name}`
    const inner = table.within?.[name]
    if (inner !== undefined) {
      const found = checkFields(inner, value, `${field}.`)
      unknown.push(...found.unknown)
      refused.push(...found.refused)
      continue
    }
    const only = Object.hasOwn(table.only, name) ? table.only[name] : undefined
    if (only !== undefined) {
      if (value === null || only.values.some((taken) => same(taken, value))) continue
      refused.push({ field, value, because: only.because, remedy: only.remedy ?? readyGraphRemedy })
      continue
    }
    if (!Object.hasOwn(table.honoured, name) && !Object.hasOwn(table.harmless, name)) unknown.push(field)
  }
  return { unknown, refused }
}

/** A table with the rows of others; a later one's row counts. */
export const joinTables = (...tables: ReadonlyArray<Partial<FieldTable>>): FieldTable => {
  const joined = { honoured: {}, harmless: {}, only: {}, within: {} }
  for (const { harmless, honoured, only, within } of tables) {
    Object.assign(joined.honoured, honoured)
    Object.assign(joined.harmless, harmless)
    Object.assign(joined.only, only)
    Object.assign(joined.within, within)
  }
  return joined
}

const shortest = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "null"
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

/** A refused field in words: `is_decoder is true: a causal mask is due, which is not built`. */
export const refusedText = ({ because, field, value }: RefusedField): string =>
  `${field} is ${shortest(value)}: ${because}`
