/**
 * What a module from outside brings: `--stages ./mine.ts`. It exports by default a function of a kit and imports this file's types
 * alone, so that there is one copy of the program:
 *
 * ```ts
 * import type { Extension } from "./rankdag/extension.ts"
 *
 * const mine: Extension = ({ defineMeasure, forms }) => ({
 *   measures: [defineMeasure({ ...forms.cut, name: "First", description: "…", score: (_, grades) => grades[0] ?? 0 })],
 * })
 * export default mine
 * ```
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  addMeasure,
  cut,
  defineMeasure,
  graded,
  type MeasureDefinition,
  type MeasureSpec,
  plain,
  ranked,
  whole,
} from "./measures/index.ts"
import { addLoss, defineLoss, type LossDefinition } from "./neural/losses/index.ts"
import { choice, count, Random, setting, share, weight } from "./schemas/index.ts"
import { broughtRerankers, defineOutsideReranker, type OutsideReranker } from "./stages/rerank/index.ts"
import {
  allFirstStages,
  broughtFirstStages,
  defineOutsideFirstStage,
  type OutsideFirstStage,
} from "./stages/retrieve/index.ts"

/**
 * What a module makes its things with.
 *
 * @param schema all of Effect's Schema: named as a value it would be a part of every start, where little of it is used
 */
export const kitOf = (schema: typeof Schema) => ({
  defineFirstStage: defineOutsideFirstStage,
  defineReranker: defineOutsideReranker,
  defineLoss,
  /** A measure whose figure is the mean over the queries: what is not loaded when scores are compared is taken as that too. */
  defineMeasure: <P>(spec: Omit<MeasureSpec<P>, "aggregation" | "trecNames">): MeasureDefinition =>
    defineMeasure<P>({ ...spec, aggregation: "mean", trecNames: [] }),
  /** How a measure's parameters are read and written: `ranked` (AP(rel=2)@100), `cut` (P@10), `graded` (DCG@10), `whole` (Rprec), `plain` (Bpref). */
  forms: { ranked, cut, graded, whole, plain },
  /** Effect's Schema, and what settings are made with. */
  Schema: schema,
  setting,
  choice,
  count,
  share,
  weight,
  /** A seeded generator, the same numbers on every machine. */
  Random,
})
export type Kit = ReturnType<typeof kitOf>

/** What a module brings. */
export interface Brought {
  readonly firstStages?: ReadonlyArray<OutsideFirstStage>
  readonly rerankers?: ReadonlyArray<OutsideReranker>
  readonly losses?: ReadonlyArray<LossDefinition>
  readonly measures?: ReadonlyArray<MeasureDefinition>
}

/** What a module exports by default. */
export type Extension = (kit: Kit) => Brought

/** Settings of `retrieve` and `rerank` that are no system's. */
const settingsNames = {
  retrieve: ["systems", "splits", "depth", "leaveOutOwn"],
  rerank: ["models", "tokensPerBatch", "threads", "precision", "interpolate", "systems"],
}

const systemName = /^[\p{L}\p{N}][\p{L}\p{N}_+-]*$/u

/** Why a schema cannot be that of a system's settings, if it cannot. */
const settingsProblem = (settings: Schema.Schema.AnyNoContext, seeded: boolean): string | undefined => {
  const defaults = Schema.decodeUnknownEither(settings)({})
  if (Either.isLeft(defaults)) return "each of its settings needs a default, as setting(count, 1, …) gives it"
  const filled: unknown = defaults.right
  const values = new Map<string, unknown>(typeof filled === "object" && filled !== null ? Object.entries(filled) : [])
  for (const [name, value] of values) {
    if (seeded && name === "seed") return "its search is given a seed; a setting of this name would be another"
    if (!["string", "number", "boolean"].includes(typeof value)) {
      return `its setting ${name} is neither a text nor a number nor a truth value`
    }
  }
  return undefined
}

/** Losses and measures by name, with the module that each came from. */
const files = new Map<string, string>()

/** Whether another module brought something of a name; if none did, it is now this one's. */
const ofAnother = (what: string, name: string, file: string): boolean => {
  const before = files.get(`${what} ${name}`) ?? file
  files.set(`${what} ${name}`, before)
  return before !== file
}

/** Why a system from outside cannot have a name, if it cannot. */
const nameProblem = (name: string, taken: ReadonlyArray<string>): string | undefined => {
  if (!systemName.test(name)) return "letters, digits and _ + - are allowed"
  return taken.includes(name) ? "the name is taken" : undefined
}

/**
 * Adds what a module brought to the registries.
 *
 * @param digest the hash of its code
 * @param file its path
 * @returns what cannot be added, and why
 */
export const bring = (brought: Brought, digest: string, file: string): ReadonlyArray<string> => {
  const { firstStages = [], losses = [], measures = [], rerankers = [] } = brought
  const elsewhere = <A extends { readonly file: string; readonly definition: { readonly name: string } }>(
    all: ReadonlyArray<A>,
  ) => all.filter((each) => each.file !== file).map(({ definition }) => definition.name)
  const ours = new Set(broughtFirstStages.all().map(({ definition }) => definition.name))
  const problems: Array<string> = []
  const others = allFirstStages().filter(({ name }) => !ours.has(name))
  for (const definition of firstStages) {
    const taken = [
      ...settingsNames.retrieve,
      ...others.flatMap(({ name, section }) => [name, section]),
      ...elsewhere(broughtFirstStages.all()),
    ]
    const problem = nameProblem(definition.name, taken) ?? settingsProblem(definition.settings, true)
    if (problem === undefined) broughtFirstStages.bring({ definition, digest, file })
    else problems.push(`the first stage «${definition.name}»: ${problem}`)
  }
  for (const definition of rerankers) {
    const taken = [...settingsNames.rerank, ...elsewhere(broughtRerankers.all())]
    const problem = nameProblem(definition.name, taken) ?? settingsProblem(definition.settings, false)
    if (problem === undefined) broughtRerankers.bring({ definition, digest, file })
    else problems.push(`the reranker «${definition.name}»: ${problem}`)
  }
  for (const definition of losses) {
    if (ofAnother("loss", definition.name, file) || !addLoss(definition, digest))
      problems.push(`the loss «${definition.name}»: the name is taken`)
  }
  for (const definition of measures) {
    const { name } = definition
    const taken = ofAnother("measure", name, file) ? name : addMeasure(definition, digest)
    if (taken !== undefined) problems.push(`the measure «${definition.name}»: the name ${taken} is taken`)
  }
  return problems
}
