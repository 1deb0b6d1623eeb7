import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { formGroups } from "../../neural/index.ts"
import type { StageContext } from "../../pipeline/index.ts"
import { TrainConfig, type trainInputs, type trainOutputs } from "./contract.ts"
import { modelReadme } from "./modelReadme.ts"
import { runTraining, type TrainedPart } from "./runTraining.ts"
import { type TrainableModel, writeTrained } from "./trainedModel.ts"
import { trainingHash } from "./trainingHash.ts"

type Context = StageContext<TrainConfig, typeof trainInputs, typeof trainOutputs>

const encodeConfig = Schema.encodeSync(TrainConfig)

/** All weights; those of frozen groups stay in the model's file. */
const partOf = (model: TrainableModel, { config, inputs }: Context) =>
  Effect.gen(function* () {
    const names = model.graph.tensors.map(({ name }) => name)
    const groups = yield* formGroups(config.optimizer, names)
    const trained = names.filter((name) => groups.get(name)?.frozen === false || !model.locations.has(name))
    const weights = yield* model.read(trained)
    if (trained.length === names.length) return { weights } satisfies TrainedPart
    const base = { folder: inputs.model.path, locations: model.locations, fingerprint: inputs.model.hash }
    return { weights, base } satisfies TrainedPart
  })

/** Trains a model's weights. */
export const run = (context: Context) =>
  runTraining({
    ...context,
    training: trainingHash(encodeConfig(context.config), context.inputs),
    log: context.outputs.log,
    partOf: (model) => partOf(model, context),
    write: ({ facts, model, origin, weights }) => {
      const card = { ...facts.base, name: context.config.system, origin }
      return writeTrained(context.inputs.model.path, context.outputs.model, model, weights, card, modelReadme(facts))
    },
  })
