import * as Effect from "effect/Effect"
import { freezeModel, readConfig, readModelCard } from "../../neural/index.ts"
import type { StageRun } from "../../pipeline/index.ts"
import type { FreezeConfig, freezeInputs, freezeOutputs } from "./contract.ts"
import { ModelUnsuitable } from "./ModelError.ts"

/** Keeps a model's weights in fewer bits, for trainings in which they stay. */
export const run: StageRun<FreezeConfig, typeof freezeInputs, typeof freezeOutputs> = ({ config, inputs, outputs }) =>
  Effect.gen(function* () {
    const from = inputs.model.path
    const { head, input, name } = yield* readModelCard(from)
    if (head === undefined) {
      return yield* new ModelUnsuitable({
        model: name,
        problem: "it is a ready ONNX graph, of which the weights are not known",
        remedy: "Give the checkpoint as safetensors with its config.json.",
      })
    }
    const { architecture } = yield* readConfig(from)
    const description = { architecture, head, maximumTokens: input.maximumTokens }
    const made = yield* freezeModel({ from, to: outputs.weights, description, weights: config.base })
    return { facts: { base: config.base, ...made } }
  })
