import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { CodeDiffers, codeDifferences, hasNew, onPostgres, preview, run, selectTargets } from "../../pipeline/index.ts"
import { UsageError } from "../Arguments.ts"
import { environment } from "../Environment.ts"
import { isPostgres, needsSaid } from "../executors.ts"
import { runServices } from "../runServices.ts"
import { rewirePlan } from "../wirePlan.ts"
import { artifactsOption } from "./options.ts"

/** `submit`: what a worker does for a run that left, when it has made something of it. */
export const submitCommand = Command.make(
  "submit",
  {
    plan: Options.text("plan").pipe(Options.withDescription("Name of a plan that the run stored below plans/")),
    run: Options.text("run").pipe(Options.withDescription("The run that left")),
    executor: Options.text("executor").pipe(Options.withDescription("The run's own: postgres://user@host/database")),
    artifacts: artifactsOption,
  },
  ({ artifacts, executor, plan: hash, run: left }) =>
    Effect.gen(function* () {
      if (!isPostgres(executor)) {
        const problem = `--executor ${executor}: workers take tasks from postgres://user@host/database.`
        return yield* new UsageError({ argument: "--executor", problem })
      }
      const place = { address: executor, environment }
      const { services } = yield* runServices(artifacts)
      yield* Effect.gen(function* () {
        const { plan: whole, recipe, stored } = yield* rewirePlan(hash)
        const differences = yield* codeDifferences(whole, stored)
        if (differences.length > 0) return yield* new CodeDiffers({ key: hash, differences })
        if (recipe.left === undefined) {
          const problem = `--plan ${hash.slice(0, 12)} is of a run that did not leave: --detach does.`
          return yield* new UsageError({ argument: "--plan", problem })
        }
        const plan = yield* selectTargets(whole, recipe.left.targets)
        // Reads a few records; a run would compare every byte that is to be read, for what was given out long ago too.
        const ready = (yield* preview(plan)).flatMap(({ key, status }) => (status === "run" ? (key ?? []) : []))
        if (ready.length === 0 || !(yield* hasNew(place, left, ready))) return
        const needs = yield* Effect.forEach(recipe.left.needs, needsSaid)
        yield* run(plan, { executor: onPostgres(place, { ...recipe }, needs, { run: left }) })
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("Gives workers what has become ready of a run that left, as workers do by themselves"))
