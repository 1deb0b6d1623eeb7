import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  type AskedNeeds,
  type Executor,
  type GivenTasks,
  inChildren,
  inProcess,
  onPostgres,
  onSlurm,
  readLabels,
  type StorePlace,
  type TaskProgram,
} from "../pipeline/index.ts"
import { didYouMean } from "../schemas/index.ts"
import { UsageError } from "./Arguments.ts"
import { environment } from "./Environment.ts"
import { checkHardware } from "./HardwareDiffers.ts"
import { storeWords } from "./storePlace.ts"
import type { PlanRecipe } from "./wirePlan.ts"

/** No executor is called so. */
export class UnknownExecutor extends Schema.TaggedError<UnknownExecutor>()("UnknownExecutor", {
  executor: Schema.String,
}) {
  override get message(): string {
    return `--executor ${this.executor}: there are ${executors.join(", ")}.${didYouMean(this.executor, executors)}`
  }
}

const executors = ["local", "children", "slurm", "postgres://user@host/database"] as const

/** Whether an executor is named by the address of a database. */
export const isPostgres = (name: string): boolean => /^postgres(?:ql)?:\/\//.test(name)

/** Who makes results. */
export interface ChosenExecutor {
  /** Whether other machines do, so that nothing may follow this one. */
  readonly isElsewhere: boolean
  readonly of: (recipe: PlanRecipe) => Executor
}

/** What the command line says of an executor, beside its name. */
export interface ExecutorOptions {
  /** Words for `sbatch`. */
  readonly slurm: string
  readonly detach: boolean
  /** `rerank=gpu,mem=80` */
  readonly needs: ReadonlyArray<string>
  /** Whether `--on` names hardware, which need not be this machine's. */
  readonly isNamed: boolean
  /** Where the store is. */
  readonly artifacts: StorePlace
}

/** How another process of this program is started: as this one was, by the launcher's bundle where there is one. */
export const taskProgram = (): TaskProgram => ({
  command: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
})

/** Words as a shell takes them apart, with quotes around what holds spaces. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  (text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"))

/** In this process what is planned for this machine; anything else is refused. */
const inProcessHere: Executor = (making, plan) =>
  Effect.map(inProcess(making, plan), (make) => (task) => Effect.zipRight(checkHardware(task.node), make(task)))

/** Reads `rerank=gpu,mem=80`. */
export const needsSaid = (text: string): Effect.Effect<AskedNeeds, UsageError> => {
  const equals = text.indexOf("=")
  const refused = (problem: string) =>
    new UsageError({ argument: "--needs", problem: `--needs ${text}: ${problem}. As in rerank=gpu,mem=80.` })
  if (equals < 1) return refused("what needs it stands before an equals sign")
  return Effect.mapBoth(readLabels(text.slice(equals + 1)), {
    onFailure: refused,
    onSuccess: (labels) => ({ of: text.slice(0, equals), labels }),
  })
}

/** A recipe as any run of its plan has it, whether it leaves or not. */
const plainRecipe = ({ left: _left, ...recipe }: PlanRecipe) => recipe

/** What goes on with a run that left Slurm its tasks, by what was given before. */
export const goingOn = (
  artifacts: StorePlace,
  recipe: PlanRecipe,
  given: GivenTasks,
): Effect.Effect<Executor, UsageError> =>
  Effect.map(Effect.forEach(recipe.left?.needs ?? [], needsSaid), (needs) =>
    onSlurm({
      program: taskProgram(),
      recipe: { ...recipe },
      store: storeWords(artifacts),
      options: wordsOf(recipe.left?.slurm ?? ""),
      needs,
      detach: true,
      given,
      chain: plainRecipe(recipe),
    }),
  )

/** Who makes results, by the name that the user gives. */
export const executorNamed = (
  name: string,
  { artifacts, detach, isNamed, needs: said, slurm }: ExecutorOptions,
): Effect.Effect<ChosenExecutor, UnknownExecutor | UsageError> =>
  Effect.gen(function* () {
    for (const [option, given] of [
      ["--needs", said.length > 0],
      ["--detach", detach],
    ] as const) {
      if (given && name !== "slurm" && !isPostgres(name)) {
        const problem = `${option} is for --executor slurm and postgres://…, which give work to other machines.`
        return yield* new UsageError({ argument: option, problem })
      }
    }
    if (slurm !== "" && name !== "slurm") {
      return yield* new UsageError({ argument: "--slurm", problem: "--slurm is for --executor slurm." })
    }
    const needs = yield* Effect.forEach(said, needsSaid)
    if (isPostgres(name)) {
      const place = { address: name, environment }
      return { isElsewhere: true, of: (recipe) => onPostgres(place, { ...recipe }, needs, detach ? {} : undefined) }
    }
    switch (name) {
      case "local":
        return { isElsewhere: false, of: () => (isNamed ? inProcessHere : inProcess) }
      case "children":
        return { isElsewhere: false, of: (recipe) => inChildren(taskProgram(), { ...recipe }) }
      case "slurm":
        return {
          isElsewhere: true,
          of: (recipe) =>
            onSlurm({
              program: taskProgram(),
              recipe: { ...recipe },
              store: storeWords(artifacts),
              options: wordsOf(slurm),
              needs,
              detach,
              chain: plainRecipe(recipe),
            }),
        }
      default:
        return yield* new UnknownExecutor({ executor: name })
    }
  })
