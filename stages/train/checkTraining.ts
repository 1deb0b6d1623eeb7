/** What a training is refused for, before it begins: settings that contradict each other, and data that teach nothing. */
import * as Effect from "effect/Effect"
import { needsTeacher } from "../../neural/index.ts"
import type { StageContext } from "../../pipeline/index.ts"
import type { ModelCard } from "../../schemas/index.ts"
import { curriculumProblem } from "./Curriculum.ts"
import type { TrainConfig, trainInputs, trainOutputs } from "./contract.ts"
import { NothingToLearn, TrainingContradicts } from "./TrainError.ts"
import type { TrainingData } from "./TrainingData.ts"

type Context = Pick<StageContext<TrainConfig, typeof trainInputs, typeof trainOutputs>, "config" | "inputs">

/** Refuses settings that contradict each other before anything is read. */
export const checkSettings = ({ config, inputs }: Context): Effect.Effect<void, TrainingContradicts> => {
  const { lists, loss, optimizer, steps, system, validate } = config
  const refuse = (setting: string, why: string, remedy: string) =>
    new TrainingContradicts({ system, setting, why, remedy })
  const curriculum = curriculumProblem(lists.curriculum, steps)
  if (curriculum !== undefined) return refuse("train.lists.curriculum", curriculum, "Mend its phases")
  const sources = lists.curriculum.flatMap(({ sources }) => sources)
  const taught = inputs.teacher.length > 0
  const wants = needsTeacher(loss)
    ? `the loss ${loss.kind} learns from a teacher's scores`
    : sources.some(({ kind }) => kind === "teacher")
      ? "a source takes a teacher's ranks"
      : lists.filter.by === "teacher"
        ? "the filter compares a teacher's scores"
        : undefined
  if (wants !== undefined && !taught) return refuse("train.teacher", `${wants}, and there is none`, "Name a model")
  if (needsTeacher(loss) && sources.some(({ kind }) => kind === "random")) {
    const why = `the loss ${loss.kind} needs a teacher's score of every item, and random passages have none`
    return refuse("train.lists.curriculum", why, "Take negatives from the candidates")
  }
  const { by, margin, ratio } = lists.filter
  if (by !== "none" && margin === undefined && ratio === undefined) {
    return refuse("train.lists.filter", "it has neither a margin nor a ratio", "Give one of them")
  }
  const schedules = [optimizer.schedule, ...optimizer.groups.flatMap(({ schedule }) => schedule ?? [])]
  const late = schedules.find(({ warmup }) => warmup >= steps)
  if (late !== undefined) {
    const why = `the warm-up of ${late.warmup} steps leaves none of the ${steps}`
    return refuse("train.optimizer.schedule", why, "Shorten it, or train longer")
  }
  if (config.stepsPerRun !== undefined && config.stepsPerRun > 1) {
    const why =
      config.hardware.device === "webgpu"
        ? "WebGPU's provider has no Loop, so that a run of it is one step"
        : optimizer.kind !== "adamw"
          ? `several steps of a run follow their gradients by adamw, and not by ${optimizer.kind}`
          : optimizer.embeddings === "touched"
            ? "in several steps of a run all rows of a table are updated, and train.optimizer.embeddings asks for the touched alone"
            : undefined
    if (why !== undefined) return refuse("train.stepsPerRun", why, "Leave it out, or change that")
  }
  if (validate.patience !== undefined && validate.every === 0) {
    return refuse("train.validate.patience", "nothing is measured (every is 0)", "Say after how many steps to measure")
  }
  return Effect.void
}

/** Refuses settings of vectors for a model that gives scores. */
export const checkHead = ({ config }: Context, card: ModelCard): Effect.Effect<void, TrainingContradicts> => {
  const { embedding, system } = config
  if (card.output === "embeddings" || embedding === undefined) return Effect.void
  const setting = embedding.temperature === undefined ? "train.embedding.inBatch" : "train.embedding.temperature"
  return new TrainingContradicts({
    system,
    setting,
    why: `its head ${card.head?.kind ?? ""} scores a query and a passage together, and compares no vectors`,
    remedy: "Leave it out, or train with the head embedding",
  })
}

/**
 * Refuses data that no loss could learn from.
 *
 * @param asked how many queries the train split has
 */
export const checkData = (
  { config }: Context,
  data: TrainingData,
  asked: number,
): Effect.Effect<void, NothingToLearn | TrainingContradicts> => {
  const { lists, system } = config
  if (data.qids.length === 0) {
    return new NothingToLearn({
      system,
      queries: asked,
      why: "none has candidates of different grades",
      remedy: "Raise train.lists.depth, take random negatives, or look at the grades of the train split",
    })
  }
  const random = lists.curriculum.some(({ sources }) => sources.some(({ kind }) => kind === "random"))
  let most = 0
  for (let q = 0; q < data.qids.length; q++) most = Math.max(most, data.starts[q + 1]! - data.starts[q]!)
  if (random || most >= lists.size) return Effect.void
  const why = `no query has more than ${most} candidates, which do not fill a list of ${lists.size}`
  return new TrainingContradicts({
    system,
    setting: "train.lists.size",
    why,
    remedy: "Lower it, or raise train.lists.depth",
  })
}
