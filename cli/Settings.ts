import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { causeText, type DeviceChoice, didYouMean, isRecord, valueAt, withValueAt } from "../schemas/index.ts"
import { type Experiment, experimentSchema, type Grid } from "../settings.ts"
import { sweepableSettings } from "../sweep.ts"
import { checkedGrid, takeGrids, withGrids } from "./gridSettings.ts"
import { withoutComments } from "./withoutComments.ts"

/** The configuration, from a file or from `--set`, is not one. */
export class ConfigurationError extends Schema.TaggedError<ConfigurationError>()("ConfigurationError", {
  /** The file, or the option as it was typed. */
  where: Schema.String,
  /** Dotted path inside the configuration; empty for the whole. */
  path: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    const path = this.path.replaceAll(/\.(\d+)(?=\.|$)/g, "[$1]")
    if (this.where === "--set") return `--set ${path}: ${this.problem}`
    return `${this.where}: ${path === "" ? "" : `${path}: `}${this.problem}`
  }
}

type JsonObject = Readonly<Record<string, unknown>>

/** The JSON Schema of a configuration, for editors: `experiments/schema.json`. */
export const experimentJsonSchema = (): unknown => withGrids(JSONSchema.make(experimentSchema()), sweepableSettings())

/** Names allowed below each object of the configuration, by dotted path (`""` for the top). */
type SettingNames = ReadonlyMap<string, ReadonlyArray<string>>

/** The object that a setting is written as, if it is one: without its default, without where it came from. */
const objectOf = (ast: SchemaAST.AST): SchemaAST.TypeLiteral | undefined => {
  switch (ast._tag) {
    case "TypeLiteral":
      return ast
    case "Transformation":
    case "Refinement":
      return objectOf(ast.from)
    case "Suspend":
      return objectOf(ast.f())
    case "Union": {
      const [only, ...more] = ast.types.filter((each) => each._tag !== "UndefinedKeyword")
      return only === undefined || more.length > 0 ? undefined : objectOf(only)
    }
    default:
      return undefined
  }
}

const settingNames = (schema: Schema.Schema.AnyNoContext): SettingNames => {
  const names = new Map<string, ReadonlyArray<string>>()
  const visit = (ast: SchemaAST.AST, path: string): void => {
    const properties = objectOf(ast)?.propertySignatures
    if (properties === undefined) return
    names.set(
      path,
      properties.map(({ name }) => String(name)).filter((name) => name !== "$schema"),
    )
    for (const { name, type } of properties) visit(type, path === "" ? String(name) : `${path}.${String(name)}`)
  }
  visit(schema.ast, "")
  return names
}

/** Every setting, by its dotted path. */
const everySetting = (names: SettingNames): ReadonlyArray<string> =>
  [...names].flatMap(([above, below]) => below.map((name) => (above === "" ? name : `${above}.${name}`)))

const unknownName = (where: string, path: string, names: SettingNames) => {
  const above = path.slice(0, Math.max(0, path.lastIndexOf(".")))
  const siblings = names.get(above)
  return new ConfigurationError({
    where,
    path,
    // The names inside of a list's objects are not among these.
    problem: `no such setting.${/\.\d+\./.test(path) ? "" : didYouMean(path, everySetting(names))}${
      siblings === undefined ? "" : ` Settings ${above === "" ? "at the top" : `of ${above}`}: ${siblings.join(", ")}.`
    }`,
  })
}

const parseJson = (text: string): Either.Either<unknown, unknown> => Either.try((): unknown => JSON.parse(text))

/** Puts one `path=value` into an encoded configuration. The value is JSON where it parses as JSON, else a string. */
const assign = (
  into: JsonObject,
  option: string,
  names: SettingNames,
): Either.Either<JsonObject, ConfigurationError> => {
  const where = `--set ${option}`
  const equals = option.indexOf("=")
  if (equals < 1) {
    return Either.left(
      new ConfigurationError({ where, path: "", problem: "expected path=value, as in retrieve.bm25.k1=0.82" }),
    )
  }
  const path = option.slice(0, equals)
  const text = option.slice(equals + 1)
  const steps = path.split(".")
  if (steps[0] === "extensions") {
    const problem =
      "modules are loaded before settings are read; name them with --stages, or in the configuration's file"
    return Either.left(new ConfigurationError({ where, path, problem }))
  }
  for (const [depth, step] of steps.entries()) {
    if (!names.get(steps.slice(0, depth).join("."))?.includes(step)) return Either.left(unknownName(where, path, names))
  }
  return Either.right(
    withValueAt(
      into,
      path,
      Either.getOrElse(parseJson(text), () => text),
    ),
  )
}

/**
 * The messages of one place: of a choice of words, one message that has all the words and the one that was probably meant, also
 * where an object could stand there. That it may be left out is known.
 */
const problemOf = (all: ReadonlyArray<string>): string => {
  const messages = all.filter((message) => !message.startsWith("Expected undefined"))
  const [first = all[0] ?? ""] = messages
  const choices = messages.flatMap((message) => {
    const [, alternatives, actual = ""] = /^Expected "(.*)", actual (.*)$/.exec(message) ?? []
    return alternatives?.split('" | "').map((word) => ({ word, actual })) ?? []
  })
  const [one, ...more] = choices
  if (one === undefined || more.length === 0) return first
  const words = choices.map(({ word }) => word)
  const quoted = words.map((word) => `"${word}"`)
  const { actual } = one
  const meant = actual.startsWith('"') ? didYouMean(actual.slice(1, -1), words).trimStart() : ""
  const listed = `Expected ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}, actual ${actual}`
  return meant === "" ? listed : `${listed}. ${meant}`
}

const firstProblem = (where: string, error: ParseResult.ParseError, names: SettingNames) => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
  // Where an object may stand for a word, what is wrong inside of the object says more than that it is no word.
  const issue = issues.toSorted((a, b) => b.path.length - a.path.length)[0]
  const path = issue?.path.map(String).join(".") ?? ""
  if (issue?._tag === "Unexpected") return unknownName(where, path, names)
  const messages = issues.flatMap((each) =>
    each.path.map(String).join(".") === path ? [each.message.replaceAll(/\s+/g, " ")] : [],
  )
  return new ConfigurationError({ where, path, problem: problemOf(messages) })
}

/** The option that changes what a stage's own schema refused: the setting that ends in these names and has the value that is refused. */
export const refusedSetting = (error: ParseResult.ParseError, settings: Experiment): ConfigurationError => {
  const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
  const path = issue?.path.map(String).join(".") ?? ""
  const problem = issue?.message ?? error.message
  const name = path.replaceAll(/\.\d+(?=\.|$)/g, "")
  const ending = everySetting(settingNames(experimentSchema())).filter(
    (each) => each === name || each.endsWith(`.${name}`),
  )
  const whole = ending.map((setting) => setting + path.slice(name.length))
  const named = whole.filter((each) =>
    [
      valueAt(settings, each),
      ...(settings.grids ?? []).flatMap(({ setting, values }) => (setting === each ? values : [])),
    ].some((value) => problem.includes(String(value))),
  )
  const [only, ...others] = named.length === 1 ? named : whole
  if (name === "" || only === undefined || others.length > 0) {
    return new ConfigurationError({ where: "settings", path, problem })
  }
  return new ConfigurationError({ where: "--set", path: only, problem })
}

/** `source`, or `source:question`, or `source:browse`. */
const parseDataset = (option: string): JsonObject => {
  const colon = option.lastIndexOf(":")
  const kind = option.slice(colon + 1)
  return colon > 0 && (kind === "question" || kind === "browse")
    ? { source: option.slice(0, colon), kind }
    : { source: option }
}

/** What the command line says of the configuration. */
export interface SettingsOptions {
  readonly configFile?: string
  /** What a file would hold, given as a value. */
  readonly settings?: unknown
  readonly datasets: ReadonlyArray<string>
  readonly device?: DeviceChoice
  /** Whether no model is trained or reranks, unless `sets` say so. */
  readonly quick?: boolean
  /** `path=value`, later ones win. */
  readonly sets: ReadonlyArray<string>
}

const isStrings = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((each) => typeof each === "string")

/** The modules that a configuration names, found from its folder. What is wrong with the file, `readSettings` says. */
export const extensionsOf = (configFile: string): ReadonlyArray<string> => {
  const text = Either.try(() => readFileSync(configFile, "utf8"))
  const parsed = Either.getOrUndefined(Either.flatMap(text, parseJson))
  const named = isRecord(parsed) ? parsed["extensions"] : undefined
  return isStrings(named) ? named.map((file) => resolve(dirname(configFile), file)) : []
}

/** What a configuration decodes to; a grid of one value is that value, and each value of a grid has to be one of its setting. */
const decodeSettings = (
  schema: ReturnType<typeof experimentSchema>,
  where: string,
  encoded: JsonObject,
  names: SettingNames,
): Either.Either<Experiment, ConfigurationError> =>
  Either.gen(function* () {
    const decode = Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })
    const nameOf = (path: string): string => path.slice(path.lastIndexOf(".") + 1)
    const isSetting = (path: string): boolean =>
      names.get(path.slice(0, Math.max(0, path.lastIndexOf("."))))?.includes(nameOf(path)) === true
    const taken = takeGrids(encoded, isSetting)
    let { plain } = taken
    const grids: Array<Grid> = []
    if (taken.grids.length > 0) {
      const sweepable = sweepableSettings()
      for (const written of taken.grids) {
        const path = written.setting
        if (!/\.\d+(?:\.|$)/.test(path) && !isSetting(path)) return yield* Either.left(unknownName(where, path, names))
        const grid = checkedGrid(written, sweepable)
        if ("problem" in grid) {
          const at = grid.at === undefined ? "" : `.grid.${grid.at}`
          return yield* Either.left(new ConfigurationError({ where, path: `${path}${at}`, problem: grid.problem }))
        }
        const [only, ...others] = grid.values
        if (others.length === 0) plain = withValueAt(plain, path, only)
        else grids.push(grid)
      }
    }
    const settings = yield* Either.mapLeft(decode(plain), (error) => firstProblem(where, error, names))
    for (const { setting, values } of grids) {
      for (const [at, value] of values.entries()) {
        yield* Either.mapLeft(decode(withValueAt(plain, setting, value)), (error) => {
          const { problem } = firstProblem(where, error, names)
          return new ConfigurationError({ where, path: `${setting}.grid.${at}`, problem })
        })
      }
    }
    return grids.length === 0 ? settings : { ...settings, grids }
  })

const quickSets = ["train.models=[]", "rerank.models=[]"]

/**
 * Composes the configuration: defaults, then the file, then `--dataset` and `--device`, then `--quick`, then `--set`; unknown names are
 * refused.
 */
export const readSettings = (options: SettingsOptions): Effect.Effect<Experiment, ConfigurationError> =>
  Effect.flatMap(composeSettings(options), (encoded) => {
    const schema = experimentSchema()
    return decodeSettings(schema, "--dataset", encoded, settingNames(schema))
  })

/** The configuration as one file would hold it: what is not a default. `readSettings` makes the same of it, given as `settings`. */
export const composeSettings = (options: SettingsOptions): Effect.Effect<JsonObject, ConfigurationError> =>
  Effect.gen(function* () {
    const schema = experimentSchema()
    const names = settingNames(schema)
    let encoded: JsonObject = {}
    const { configFile } = options
    if (configFile !== undefined) {
      const failed = (problem: string) => new ConfigurationError({ where: configFile, path: "", problem })
      const text = yield* Effect.try({
        try: () => readFileSync(configFile, "utf8"),
        catch: (cause) => failed(`cannot be read: ${causeText(cause)}`),
      })
      const parsed = yield* Either.mapLeft(parseJson(withoutComments(text)), (cause) =>
        failed(`is not JSON: ${causeText(cause)}`),
      )
      if (!isRecord(parsed)) return yield* failed("expected a JSON object")
      yield* decodeSettings(schema, configFile, parsed, names)
      encoded = parsed
    }
    if (options.settings !== undefined) {
      const where = "settings"
      if (!isRecord(options.settings))
        return yield* new ConfigurationError({ where, path: "", problem: "expected an object" })
      encoded = { ...encoded, ...options.settings }
      yield* decodeSettings(schema, where, encoded, names)
    }
    if (options.datasets.length > 0) encoded = { ...encoded, datasets: options.datasets.map(parseDataset) }
    if (options.device !== undefined) encoded = { ...encoded, device: options.device }
    for (const option of [...(options.quick === true ? quickSets : []), ...options.sets]) {
      encoded = yield* assign(encoded, option, names)
      yield* decodeSettings(schema, `--set ${option}`, encoded, names)
    }
    return encoded
  })
