import { readFileSync } from "node:fs"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  CodeDiffers,
  codeDifferences,
  GivenTasks,
  hasNew,
  onPostgres,
  preview,
  run,
  type StorePlace,
  selectTargets,
} from "../../pipeline/index.ts"
import { causeText } from "../../schemas/index.ts"
import { UsageError } from "../Arguments.ts"
import { environment } from "../Environment.ts"
import { goingOn, isPostgres, needsSaid } from "../executors.ts"
import { runServices } from "../runServices.ts"
import { type PlanRecipe, rewirePlan } from "../wirePlan.ts"
import { artifactsOption } from "./options.ts"

/** What was given before, as a job of Slurm has it behind its script. */
const readGiven = Effect.suspend(() =>
  Schema.decode(Schema.parseJson(GivenTasks))(readFileSync(process.stdin.fd, "utf8")),
).pipe(
  Effect.mapError((error) => {
    const problem = `--executor slurm: what was given before is read from the standard input, and is not there: ${causeText(error)}`
    return new UsageError({ argument: "--executor", problem })
  }),
)

/** Who goes on; undefined where nothing that is ready is still to be given. */
const executorOf = (
  executor: string,
  left: string,
  artifacts: StorePlace,
  recipe: PlanRecipe,
  ready: ReadonlyArray<string>,
) =>
  Effect.gen(function* () {
    if (!isPostgres(executor)) return yield* goingOn(artifacts, recipe, yield* readGiven)
    const place = { address: executor, environment }
    if (!(yield* hasNew(place, left, ready))) return undefined
    const needs = yield* Effect.forEach(recipe.left?.needs ?? [], needsSaid)
    return onPostgres(place, { ...recipe }, needs, { run: left })
  })

/** `submit`: what a worker, or a job of Slurm, does for a run that left, when something of it has been made. */
export const submitCommand = Command.make(
  "submit",
  {
    plan: Options.text("plan").pipe(Options.withDescription("Name of a plan that the run stored below plans/")),
    run: Options.text("run").pipe(Options.withDescription("The run that left")),
    executor: Options.text("executor").pipe(
      Options.withDescription("The run's own: slurm, or postgres://user@host/database"),
    ),
    artifacts: artifactsOption,
  },
  ({ artifacts, executor, plan: hash, run: left }) =>
    Effect.gen(function* () {
      if (executor !== "slurm" && !isPostgres(executor)) {
        const problem = `--executor ${executor}: tasks are given to slurm, or to workers over postgres://user@host/database.`
        return yield* new UsageError({ argument: "--executor", problem })
      }
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
        if (ready.length === 0) return
        const chosen = yield* executorOf(executor, left, artifacts, recipe, ready)
        if (chosen !== undefined) yield* run(plan, { executor: chosen })
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped),
).pipe(
  Command.withDescription("Gives out what has become ready of a run that left, as workers and jobs do by themselves"),
)
