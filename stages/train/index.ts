/** Training: from a model, what is to be learnt and how, to another model and the log of its making. */
import * as Effect from "effect/Effect"
import type { ModelDescription } from "../../neural/index.ts"
import { stage } from "../../pipeline/index.ts"
import {
  onOneCore,
  TrainAdapterConfig,
  TrainConfig,
  trainAdapterInputs,
  trainAdapterOutputs,
  trainInputs,
  trainOutputs,
} from "./contract.ts"

export { TrainAdapterConfig, TrainConfig } from "./contract.ts"
export type { MemoryPlan } from "./memory.ts"
export type { TrainError } from "./TrainError.ts"

/** Trains a model. A killed run goes on from its last checkpoint, and ends with the same bytes. */
export const train = stage({
  name: "train",
  config: TrainConfig,
  inputs: trainInputs,
  outputs: trainOutputs,
  code: "stages/train/train.ts",
  load: () => import("./train.ts"),
  native: ["duckdb", "onnxruntime"],
  resumable: true,
  occupies: (config) => (onOneCore(config) ? "core" : "machine"),
  determinism: "seeded",
})

/** Trains low-rank changes of a model's weights, and its head; the model stays as it is. */
export const trainAdapter = stage({
  name: "train.adapter",
  config: TrainAdapterConfig,
  inputs: trainAdapterInputs,
  outputs: trainAdapterOutputs,
  code: "stages/train/trainAdapter.ts",
  load: () => import("./trainAdapter.ts"),
  native: ["duckdb", "onnxruntime"],
  resumable: true,
  occupies: (config) => (onOneCore(config) ? "core" : "machine"),
  determinism: "seeded",
})

/** What a training needs of memory, and in words; of the model nothing but its sizes is asked. */
export const plannedMemory = (config: TrainConfig | TrainAdapterConfig, description: ModelDescription) =>
  Effect.gen(function* () {
    const words = yield* Effect.promise(() => import("./memory.ts"))
    const plan = yield* words.planMemory(config, description)
    const warning = words.memoryWarning(plan)
    return {
      ...plan,
      text: words.memoryText(plan),
      less: words.remedyText(plan),
      apart: words.apartText(plan),
      warning,
    }
  })
