import { isRecord } from "../schemas/index.ts"
import type { Grid, GridValue } from "../settings.ts"

type JsonObject = Readonly<Record<string, unknown>>

/** A grid as it is written, in place of a value. */
export interface WrittenGrid {
  /** Dotted path. */
  readonly setting: string
  /** What is given as its values. */
  readonly values: unknown
  /** Whether nothing stands beside them. */
  readonly alone: boolean
}

/**
 * Takes the grids, `{ "grid": […] }`, out of a configuration: what is left of it says nothing of their settings.
 *
 * @param isSetting whether a setting, or a section, of this path is called `grid` itself.
 */
export const takeGrids = (
  encoded: JsonObject,
  isSetting: (path: string) => boolean,
): { readonly plain: JsonObject; readonly grids: ReadonlyArray<WrittenGrid> } => {
  const grids: Array<WrittenGrid> = []
  const without = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((each, at) => without(each, `${path}.${at}`))
    if (!isRecord(value)) return value
    const kept = Object.entries(value).flatMap(([name, below]): ReadonlyArray<readonly [string, unknown]> => {
      const setting = path === "" ? name : `${path}.${name}`
      if (isRecord(below) && "grid" in below && !isSetting(`${setting}.grid`)) {
        grids.push({ setting, values: below["grid"], alone: Object.keys(below).length === 1 })
        return []
      }
      return [[name, without(below, setting)]]
    })
    return Object.fromEntries(kept)
  }
  const plain = without(encoded, "")
  return { plain: isRecord(plain) ? plain : {}, grids }
}

/** Letters of a system's name, of which a word is a part. */
const word = /^[\p{L}\p{M}\p{N}._@+-]+$/u

const isValue = (value: unknown): value is GridValue =>
  typeof value === "number" || typeof value === "boolean" || typeof value === "string"

/** What is wrong with a written grid by itself, with the place in its list where there is one, or the grid. */
export const checkedGrid = (
  { alone, setting, values }: WrittenGrid,
  sweepable: ReadonlyArray<string>,
): Grid | { readonly at?: number; readonly problem: string } => {
  if (!sweepable.includes(setting)) {
    const instead = setting === "train.seeds" ? " It is a list already: each seed is a training." : ""
    return {
      problem: `takes no grid.${instead} What can be swept are numbers, words and truth values of first stages (as retrieve.bm25.k1), and train.steps, train.dropout and those under train.lists, train.loss, train.optimizer and train.validate`,
    }
  }
  if (!alone) return { problem: `expected nothing beside "grid"` }
  if (!Array.isArray(values) || values.length === 0) {
    return { problem: `expected a list of values, {"grid": [value, …]}, actual ${JSON.stringify(values)}` }
  }
  const found: Array<GridValue> = []
  for (const [at, value] of values.entries()) {
    const given: unknown = value
    const said = JSON.stringify(given)
    if (!isValue(given)) return { at, problem: `expected a number, a word or a truth value, actual ${said}` }
    if (found.includes(given)) return { at, problem: `${said} stands in the grid already` }
    if (typeof given === "string" && !word.test(given)) {
      return { at, problem: `${said} cannot be part of a system's name: letters, digits and . _ @ + - can` }
    }
    found.push(given)
  }
  return { setting, values: found }
}

/** The JSON Schema of a configuration in which a grid may stand for each of some settings. */
export const withGrids = (schema: unknown, sweepable: ReadonlyArray<string>): unknown => {
  const visit = (at: unknown, path: string): unknown => {
    if (!isRecord(at)) return at
    if (sweepable.includes(path)) {
      const { default: usual, description, ...own } = at
      const items = { type: "array", minItems: 1, uniqueItems: true, items: own }
      const grid = { type: "object", required: ["grid"], properties: { grid: items }, additionalProperties: false }
      return {
        anyOf: [own, grid],
        ...(description === undefined ? {} : { description }),
        ...(usual === undefined ? {} : { default: usual }),
      }
    }
    const { allOf, properties } = at
    const below = isRecord(properties)
      ? Object.entries(properties).map(
          ([name, of]) => [name, visit(of, path === "" ? name : `${path}.${name}`)] as const,
        )
      : undefined
    return {
      ...at,
      ...(Array.isArray(allOf) ? { allOf: allOf.map((part: unknown) => visit(part, path)) } : {}),
      ...(below === undefined ? {} : { properties: Object.fromEntries(below) }),
    }
  }
  return visit(schema, "")
}
