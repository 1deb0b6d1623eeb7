/** What a training needs of memory: told before it begins, and where it ran out. */
import { totalmem } from "node:os"
import * as Effect from "effect/Effect"
import {
  type Adapters,
  InferenceFailed,
  type MemoryRemedy,
  type ModelDescription,
  ModelRejected,
  memoryRemedies,
  type PlannedTraining,
  planAdapters,
  type TrainingMemory,
  trainingMemory,
} from "../../neural/index.ts"
import type { TrainAdapterConfig, TrainConfig } from "./contract.ts"
import { TrainingOutOfMemory } from "./TrainError.ts"
import { vectorScores } from "./vectorScores.ts"

/** A training's memory, and what would make it less. */
export interface MemoryPlan {
  readonly memory: TrainingMemory
  readonly remedies: readonly MemoryRemedy[]
  /** Bytes that this machine gives the process; of a device's memory nothing is known. */
  readonly available: number
}

/** Bytes of memory that the process may have. */
export const availableMemory = (): number => {
  const allowed = process.constrainedMemory()
  return allowed > 0 ? Math.min(totalmem(), allowed) : totalmem()
}

const plannedTraining = (
  config: TrainConfig,
  description: ModelDescription,
  adapters: Adapters | undefined,
  storage: PlannedTraining["storage"],
): PlannedTraining => ({
  description,
  ...(adapters === undefined ? {} : { adapters }),
  storage,
  device: config.hardware.device,
  lists: config.lists.perStep,
  m: config.lists.size,
  longest: description.maximumTokens ?? 512,
  loss: config.loss,
  optimizer: config.optimizer,
  dropout: config.dropout,
  vectors: vectorScores(config, description.head),
  watched: config.validate.every > 0,
  stepsPerRun: config.stepsPerRun,
  ...(config.recompute === undefined ? {} : { recompute: config.recompute }),
  ...(config.tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch: config.tokensPerMicroBatch }),
})

/** What a training needs, by its settings and the model's sizes; of none of its weights anything is read. */
export const planMemory = (config: TrainConfig | TrainAdapterConfig, description: ModelDescription) =>
  Effect.gen(function* () {
    const lora = "lora" in config ? config.lora : undefined
    const adapters = lora === undefined ? undefined : yield* planAdapters(description, lora)
    const frozen = config.optimizer.groups.some((group) => group.frozen)
    const storage = lora === undefined ? (frozen ? ("fp32" as const) : undefined) : lora.base
    const training = plannedTraining(config, description, adapters, storage)
    const memory = yield* trainingMemory(training)
    return { memory, remedies: memoryRemedies(training, memory), available: availableMemory() } satisfies MemoryPlan
  })

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 2 : 1)} GB`

/** What a plan comes to, part by part, in words. */
export const memoryText = ({ memory }: Pick<MemoryPlan, "memory">): string => {
  const { base, batch, copies, device, gradients, host, moments, moved, values, weights } = memory
  const arrays = `${gigabytes(weights)} weights, ${gigabytes(gradients)} gradients, ${gigabytes(moments)} moments, ${gigabytes(copies)} copies that are kept`
  const mapped = base === 0 ? "" : `, ${gigabytes(base)} of weights that stay`
  const running = `${gigabytes(values)} values of ${batch} texts`
  if (device === 0) return `${gigabytes(host)} of memory: ${arrays}${mapped}, ${running}`
  return `${gigabytes(host)} of the host's memory (${arrays}), ${gigabytes(device)} of the device's (${running}${mapped}), ${gigabytes(moved)} moved a step`
}

/** Why steps do not go together that were asked to, in words. */
export const apartText = ({ memory: { tooMany } }: Pick<MemoryPlan, "memory">): string | undefined =>
  tooMany === undefined
    ? undefined
    : `train.stepsPerRun: steps with texts as long as the model reads them do not fit into a micro-batch, and are made one by one; train.tokensPerMicroBatch=${tooMany} has room for all`

/** What would make it less, in words; nothing where nothing would. */
export const remedyText = ({ memory: { device }, remedies }: Pick<MemoryPlan, "memory" | "remedies">): string =>
  remedies
    .map(({ memory, settings }) => `${settings.join(" ")}: ${gigabytes(device > 0 ? memory.device : memory.host)}`)
    .join("; ")

/** What is to be said before a training that the machine has no room for. */
export const memoryWarning = (plan: MemoryPlan): string | undefined => {
  if (plan.memory.host <= plan.available) return undefined
  const less = remedyText(plan)
  return `it wants about ${memoryText(plan)}; this machine has ${gigabytes(plan.available)}${less === "" ? "" : `. Less with ${less}`}`
}

const exhausted = /out of memory|failed to allocate|bad_?alloc|cannot allocate|insufficient memory|OUT_OF_MEMORY/iu

/** Whether a run, or opening a model, failed for want of memory. */
export const isOutOfMemory = (error: unknown): error is InferenceFailed | ModelRejected =>
  (error instanceof InferenceFailed || error instanceof ModelRejected) && exhausted.test(error.why)

/** An error as it is; where memory ran out, with what the training needs. */
export const withPlan =
  (system: string, plan: MemoryPlan | undefined) =>
  <E>(error: E): E | TrainingOutOfMemory =>
    plan !== undefined && isOutOfMemory(error)
      ? new TrainingOutOfMemory({
          system,
          device: error.device,
          why: error.why.trim().replaceAll(/\s+/gu, " "),
          needs: memoryText(plan),
          remedy: remedyText(plan),
        })
      : error
