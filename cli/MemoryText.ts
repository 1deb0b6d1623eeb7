import * as Effect from "effect/Effect"
import type { WiredDataset } from "../experiment.ts"
import type { NodePreview } from "../pipeline/index.ts"
import { describeUnmade } from "../stages/model/index.ts"
import { type MemoryPlan, plannedMemory } from "../stages/train/index.ts"

/** What is known of a training's memory before anything is made. */
export interface PlannedSystem {
  readonly system: string
  readonly plan:
    | Effect.Effect.Success<ReturnType<typeof plannedMemory>>
    /** Why nothing can be said. */
    | { readonly unknown: string }
}

/** The memory that the trainings take which would run. */
export const planTrainings = (
  datasets: ReadonlyArray<WiredDataset>,
  previews: ReadonlyArray<NodePreview>,
): Effect.Effect<ReadonlyArray<PlannedSystem>> => {
  const runs = new Set(
    previews.flatMap(({ name, status }) => (status === "run" || status === "undetermined" ? [name] : [])),
  )
  const trained = datasets.flatMap((dataset) => dataset.trained.filter(({ log }) => runs.has(log.node.name)))
  return Effect.forEach(trained, ({ asked, from, name }) =>
    Effect.flatMap(describeUnmade(from), (description) => plannedMemory(asked, description)).pipe(
      Effect.map((plan): PlannedSystem => ({ system: name, plan })),
      Effect.catchAll((error) => Effect.succeed({ system: name, plan: { unknown: error.message } })),
    ),
  )
}

/** Whether anybody would want it to be less: a device's memory is not known, of the machine's a quarter is much. */
const isLarge = ({ available, memory }: MemoryPlan): boolean => memory.device > 0 || memory.host > available / 4

const millions = (count: number): string => `${(count / 1e6).toFixed(count < 1e7 ? 2 : 0)} M`

/** The plans in words, a paragraph each; trainings that take the same are told together. Nothing where nothing is trained. */
export const memoryText = (planned: ReadonlyArray<PlannedSystem>): string => {
  const told = new Map<string, Array<string>>()
  for (const { plan, system } of planned) {
    const text =
      "unknown" in plan
        ? `memory not known: ${plan.unknown}`
        : [
            `trains ${millions(plan.memory.trained)} of ${millions(plan.memory.numbers)} numbers in ${plan.text}`,
            ...(plan.apart === undefined ? [] : [plan.apart]),
            ...(plan.less === "" || !isLarge(plan) ? [] : [`less with ${plan.less}`]),
            ...(plan.warning === undefined ? [] : [`! more than this machine has`]),
          ].join("\n    ")
    told.set(text, [...(told.get(text) ?? []), system])
  }
  return [...told].map(([text, systems]) => `${systems.join(", ")}: ${text}\n`).join("")
}
