import { existsSync } from "node:fs"
import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { experiment, usesModels } from "../experiment.ts"
import { JsonValue, makePlan, readPlan } from "../pipeline/index.ts"
import { Hardware } from "../schemas/index.ts"
import type { Experiment } from "../settings.ts"
import { UsageError } from "./Arguments.ts"
import { wireCollections, wiring } from "./collections.ts"
import { loadExtensions } from "./extensions.ts"
import { findHardware, hardwareLabel, readHardware } from "./findHardware.ts"
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
  /** What was asked of the plan by a run that left, for those who go on with it. */
  left: Schema.optionalWith(
    Schema.Struct({
      targets: Schema.Array(Schema.String),
      /** Values of `--needs`. */
      needs: Schema.Array(Schema.String),
      /** What `--slurm` says. */
      slurm: Schema.optionalWith(Schema.String, { exact: true }),
    }),
    { exact: true },
  ),
})
export type PlanRecipe = typeof PlanRecipe.Type

/** For which machines a plan is made. */
export interface PlannedFor {
  /** Whether other machines make results: what would follow each machine's cores is then settled here. */
  readonly isElsewhere: boolean
  /** What `--on` names. */
  readonly on?: string
}

/** Threads of models, which would follow the cores of whatever machine runs them, and the last bits of their scores with them. */
const threadsFor = (planned: Hardware | undefined, settings: Experiment) => {
  const { threads } = settings.rerank
  if (threads !== undefined || !usesModels(settings)) return Effect.succeed([])
  if (planned === undefined) return Effect.succeed([`rerank.threads=${availableParallelism()}`])
  // Batches on a graphics card do not follow the processor.
  if (planned.device !== "cpu") return Effect.succeed(["rerank.threads=1"])
  const problem = `--on ${hardwareLabel(planned)}: say on how many threads models run there, as in --set rerank.threads=8. Left out, they would be this machine's, and the last bits of scores follow them.`
  return new UsageError({ argument: "--on", problem })
}

/**
 * Wires what the command line asks for.
 *
 * @throws UsageError where it is planned for a processor whose threads are not said
 */
export const wirePlan = (
  modules: ReadonlyArray<string>,
  runs: ReadonlyArray<string>,
  { isElsewhere, on }: PlannedFor,
  asked: SettingsOptions,
) =>
  Effect.gen(function* () {
    yield* loadExtensions(modules)
    const named = on === undefined ? undefined : yield* readHardware(on)
    const isSettled = isElsewhere || on !== undefined
    const resolved = isSettled ? yield* threadsFor(named, yield* readSettings(asked)) : []
    const device = named === undefined ? {} : { device: named.device }
    const options = { ...asked, ...device, sets: [...asked.sets, ...resolved] }
    const composed = yield* composeSettings(options)
    const settings = yield* readSettings(options)
    const collections = yield* wireCollections(settings, runs)
    const hardware = named ?? (yield* findHardware(settings))
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

/** Wires a stored plan again, in another process; from then on relative paths begin where they did there, if that folder is here. */
export const rewirePlan = (hash: string) =>
  Effect.gen(function* () {
    const stored = yield* readPlan(hash)
    const recipe = yield* Effect.orDie(Schema.decodeUnknown(PlanRecipe)(stored.recipe))
    const { folder, hardware, modules, runs, settings: composed } = recipe
    // Another machine's checkout may lie elsewhere: then they begin where this process does.
    if (existsSync(folder)) process.chdir(folder)
    yield* loadExtensions(modules)
    const settings = yield* readSettings({ settings: composed, datasets: [], sets: [] })
    const collections = yield* wireCollections(settings, runs)
    const wired = yield* wiring(settings, () => experiment(settings, collections, hardware))
    return { stored, recipe, plan: yield* makePlan(wired.targets) }
  })
