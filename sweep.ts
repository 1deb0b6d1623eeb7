/**
 * Sweeps: settings that have a grid of values, taken apart into points. Each point is an experiment's settings without grids, and
 * becomes a system of the table. Nothing is wired here.
 */
import * as Data from "effect/Data"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import { isRecord, type Sweep, SystemName, tellingNames, valueAt, withValueAt } from "./schemas/index.ts"
import { type Experiment, experimentSchema, type GridValue } from "./settings.ts"

/** The most points of one sweep: of a first stage, or of a model with a loss. */
export const mostPoints = 256

/** A sweep that is not wired. */
export class SweepRefused extends Data.TaggedError("SweepRefused")<{
  /** Whose points they would be. */
  readonly system: string
  readonly settings: ReadonlyArray<string>
  readonly problem: string
}> {
  override get message(): string {
    return `${this.system} cannot be swept over ${this.settings.join(" × ")}: ${this.problem}`
  }
}

/** Where grids may stand: what a first stage searches with, and what decides what a training learns. */
const swept = /^(?:retrieve\.[^.]+|train\.(?:embedding|lists|loss|optimizer|validate))\..|^train\.(?:steps|dropout)$/

/**
 * Every setting that a grid may stand for, by its dotted path, in the order of the schema: those of first stages and of trainings
 * that are a number, a word or a truth value, but for seeds.
 */
export const sweepableSettings = (): ReadonlyArray<string> => {
  const root: unknown = JSONSchema.make(experimentSchema())
  const definitions = isRecord(root) && isRecord(root["$defs"]) ? root["$defs"] : {}
  const resolved = (schema: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> => {
    if (!isRecord(schema)) return []
    const reference = schema["$ref"]
    const all = Array.isArray(schema["allOf"]) ? schema["allOf"] : []
    const named = typeof reference === "string" ? resolved(definitions[reference.replace("#/$defs/", "")]) : []
    return [schema, ...named, ...all.flatMap(resolved)]
  }
  const paths: Array<string> = []
  const visit = (schema: unknown, path: string): void => {
    const parts = resolved(schema)
    const isScalar = parts.some(
      ({ type }) => typeof type === "string" && /^(?:number|integer|string|boolean)$/.test(type),
    )
    if (isScalar && swept.test(path) && !path.endsWith(".seed")) paths.push(path)
    for (const { properties } of parts) {
      if (!isRecord(properties)) continue
      for (const [name, property] of Object.entries(properties)) visit(property, path === "" ? name : `${path}.${name}`)
    }
  }
  visit(root, "")
  return paths
}

/** A point of a sweep. */
export interface SweepPoint {
  /** What it has of each setting that is swept, by the setting's short name, in the order of the schema. */
  readonly values: Readonly<Record<string, GridValue>>
  /** The settings in which it differs from those without grids, each with its part of a name: `k1_0.6`. */
  readonly differs: ReadonlyArray<{ readonly setting: string; readonly label: string }>
  /** With this point's values, and no grids. */
  readonly settings: Experiment
}

/**
 * The points of the grids of some settings: every combination of their values, the last setting of the schema varying fastest; one
 * point, the settings as they are, where none of them has a grid.
 *
 * @param system whose points they are, for messages.
 * @param reads whether what is swept depends on a setting.
 * @throws SweepRefused where there are more than `mostPoints`
 */
export const sweepPoints = (
  settings: Experiment,
  system: string,
  reads: (setting: string) => boolean,
): ReadonlyArray<SweepPoint> => {
  const given = (settings.grids ?? []).filter(({ setting }) => reads(setting))
  if (given.length === 0) return [{ values: {}, differs: [], settings }]
  const known = sweepableSettings().filter(reads)
  const names = tellingNames(known.map((setting) => setting.split(".").slice(1)))
  const grids = known.flatMap((setting, at) =>
    given.flatMap((grid) => (grid.setting === setting ? [{ ...grid, name: names[at]! }] : [])),
  )
  const count = grids.reduce((product, { values }) => product * values.length, 1)
  if (count > mostPoints) {
    const sizes = grids.map(({ values }) => values.length).join(" × ")
    const problem = `${sizes} values make ${count.toLocaleString("en-US")} points, and ${mostPoints} are the most. Give fewer values, or sweep one setting after the other, each with the values chosen before.`
    throw new SweepRefused({ system, settings: grids.map(({ setting }) => setting), problem })
  }
  const validate = Schema.validateSync(Schema.typeSchema(experimentSchema()))
  const combinations = grids.reduce<ReadonlyArray<ReadonlyArray<GridValue>>>(
    (before, { values }) => before.flatMap((each) => values.map((value) => [...each, value])),
    [[]],
  )
  return combinations.map((combination): SweepPoint => {
    const at = grids.map(({ name, setting }, place) => ({ name, setting, value: combination[place]! }))
    return {
      values: Object.fromEntries(at.map(({ name, value }) => [name, value])),
      differs: at.flatMap(({ name, setting, value }) =>
        valueAt(settings, setting) === value ? [] : [{ setting, label: `${name}_${String(value)}` }],
      ),
      settings: validate(
        at.reduce<Readonly<Record<string, unknown>>>(
          (whole, { setting, value }) => withValueAt(whole, setting, value),
          { ...settings },
        ),
      ),
    }
  })
}

const decodeName = Schema.decodeUnknownOption(SystemName)

/**
 * The name of a point's system: that of the system without grids, and what differs from it.
 *
 * @param end what follows, such as a seed.
 * @throws SweepRefused where it is too long for a name
 */
export const pointName = (system: string, { differs }: SweepPoint, end = ""): SystemName => {
  const name = [system, ...differs.map(({ label }) => label)].join("-") + end
  const found = decodeName(name)
  if (found._tag === "Some") return found.value
  const problem = `a point would be called ${name}, and a system's name has at most 80 characters. Give the model a shorter "name", or sweep fewer settings at once.`
  throw new SweepRefused({ system, settings: differs.map(({ setting }) => setting), problem })
}

/** What a system is as a point of a sweep. */
export interface Swept {
  /** What the sweep's systems would be called without what differs. */
  readonly system: SystemName
  readonly values: SweepPoint["values"]
  /** Whether it is what it would be without grids. */
  readonly usual: boolean
}

/** A system that may be a point. */
interface Named {
  readonly system: string
  readonly swept?: Swept | undefined
}

/** What is swept among the systems of a table: points by what they would be called without what differs, each with its systems, one a seed. */
export const sweepsOf = (named: ReadonlyArray<Named>): ReadonlyArray<Sweep> => {
  interface Point extends Omit<Swept, "system"> {
    of: readonly [SystemName, ...Array<SystemName>]
  }
  const bySweep = new Map<SystemName, Map<string, Point>>()
  for (const { swept, system } of named) {
    if (swept === undefined) continue
    const points = bySweep.get(swept.system) ?? new Map<string, Point>()
    bySweep.set(swept.system, points)
    const key = JSON.stringify(swept.values)
    const known = points.get(key)
    const name = SystemName.make(system)
    if (known === undefined) points.set(key, { values: swept.values, usual: swept.usual, of: [name] })
    else known.of = [...known.of, name]
  }
  return [...bySweep].flatMap(([system, points]) => {
    const [first, ...others] = points.values()
    return first === undefined ? [] : [{ system, points: [first, ...others] as const }]
  })
}

/** The same as a part of a stage's configuration: nothing where nothing is swept, so that its key is what it would be. */
export const sweepsConfig = (named: ReadonlyArray<Named>) => {
  const [first, ...others] = sweepsOf(named)
  return first === undefined ? {} : { sweeps: [first, ...others] as const }
}
