import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Executor, inChildren, inProcess, type TaskProgram } from "../pipeline/index.ts"
import { didYouMean } from "../schemas/index.ts"
import type { PlanRecipe } from "./wirePlan.ts"

/** No executor is called so. */
export class UnknownExecutor extends Schema.TaggedError<UnknownExecutor>()("UnknownExecutor", {
  executor: Schema.String,
}) {
  override get message(): string {
    return `--executor ${this.executor}: there are ${executors.join(", ")}.${didYouMean(this.executor, executors)}`
  }
}

const executors = ["local", "children"] as const

/** How another process of this program is started: as this one was, by the launcher's bundle where there is one. */
export const taskProgram = (): TaskProgram => ({
  command: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
})

/** Who makes results, by the name that the user gives. */
export const executorNamed = (name: string): Effect.Effect<(recipe: PlanRecipe) => Executor, UnknownExecutor> => {
  switch (name) {
    case "local":
      return Effect.succeed(() => inProcess)
    case "children":
      return Effect.succeed((recipe) => inChildren(taskProgram(), { ...recipe }))
    default:
      return Effect.fail(new UnknownExecutor({ executor: name }))
  }
}
