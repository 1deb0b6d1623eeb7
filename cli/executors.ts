import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Executor, inChildren, inProcess, onPostgres, onSlurm, type TaskProgram } from "../pipeline/index.ts"
import { didYouMean } from "../schemas/index.ts"
import { UsageError } from "./Arguments.ts"
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
}

/** How another process of this program is started: as this one was, by the launcher's bundle where there is one. */
export const taskProgram = (): TaskProgram => ({
  command: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
})

/** Words as a shell takes them apart, with quotes around what holds spaces. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  (text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"))

/** Who makes results, by the name that the user gives. */
export const executorNamed = (
  name: string,
  { detach, slurm }: ExecutorOptions,
): Effect.Effect<ChosenExecutor, UnknownExecutor | UsageError> =>
  Effect.gen(function* () {
    for (const [option, given] of [
      ["--slurm", slurm !== ""],
      ["--detach", detach],
    ] as const) {
      if (given && name !== "slurm") {
        return yield* new UsageError({ argument: option, problem: `${option} is for --executor slurm.` })
      }
    }
    if (/^postgres(?:ql)?:\/\//.test(name)) {
      return { isElsewhere: true, of: (recipe) => onPostgres(name, { ...recipe }) }
    }
    switch (name) {
      case "local":
        return { isElsewhere: false, of: () => inProcess }
      case "children":
        return { isElsewhere: false, of: (recipe) => inChildren(taskProgram(), { ...recipe }) }
      case "slurm":
        return {
          isElsewhere: true,
          of: (recipe) => onSlurm({ program: taskProgram(), recipe: { ...recipe }, options: wordsOf(slurm), detach }),
        }
      default:
        return yield* new UnknownExecutor({ executor: name })
    }
  })
