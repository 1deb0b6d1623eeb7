import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { experiment } from "../experiment.ts"
import { JsonValue, makePlan } from "../pipeline/index.ts"
import { Hardware } from "../schemas/index.ts"
import { wireCollections, wiring } from "./collections.ts"
import { loadExtensions } from "./extensions.ts"
import { findHardware } from "./findHardware.ts"
import { composeSettings, readSettings, type SettingsOptions } from "./Settings.ts"

/** What another process makes the same plan of. */
export const PlanRecipe = Schema.Struct({
  /** The folder that relative paths of the settings begin in. */
  folder: Schema.String,
  /** What a configuration file would hold. */
  settings: JsonValue,
  /** Values of `--run`. */
  runs: Schema.Array(Schema.String),
  /** Modules from outside, by absolute path. */
  modules: Schema.Array(Schema.String),
  /** What models run on, wherever the plan was made. */
  hardware: Hardware,
})
export type PlanRecipe = typeof PlanRecipe.Type

/**
 * Wires what the command line asks for.
 *
 * @param isElsewhere whether other machines make results: what would follow each machine's cores is then what follows this one's
 */
export const wirePlan = (
  modules: ReadonlyArray<string>,
  runs: ReadonlyArray<string>,
  isElsewhere: boolean,
  asked: SettingsOptions,
) =>
  Effect.gen(function* () {
    yield* loadExtensions(modules)
    const { threads } = (yield* readSettings(asked)).rerank
    // How a large model's pairs are put into batches follows the threads, and the last bits of its scores follow the batches.
    const resolved = isElsewhere && threads === undefined ? [`rerank.threads=${availableParallelism()}`] : []
    const options = { ...asked, sets: [...asked.sets, ...resolved] }
    const composed = yield* composeSettings(options)
    const settings = yield* readSettings(options)
    const collections = yield* wireCollections(settings, runs)
    const hardware = yield* findHardware(settings)
    const wired = yield* wiring(settings, () => experiment(settings, collections, hardware))
    const recipe: PlanRecipe = {
      folder: process.cwd(),
      settings: yield* Effect.orDie(Schema.decodeUnknown(JsonValue)(composed)),
      runs,
      modules: modules.map((module) => resolve(module)),
      hardware,
    }
    return { recipe, settings, wired }
  })

/** Wires a plan again, in another process; from then on relative paths begin where they did there. */
export const rewirePlan = ({ folder, hardware, modules, runs, settings: composed }: PlanRecipe) =>
  Effect.gen(function* () {
    process.chdir(folder)
    yield* loadExtensions(modules)
    const settings = yield* readSettings({ settings: composed, datasets: [], sets: [] })
    const collections = yield* wireCollections(settings, runs)
    const wired = yield* wiring(settings, () => experiment(settings, collections, hardware))
    return { settings, plan: yield* makePlan(wired.targets) }
  })
