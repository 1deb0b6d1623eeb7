import { copyFile, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { quantizeModel, readConfig, readModelCard } from "../../neural/index.ts"
import type { StageRun } from "../../pipeline/index.ts"
import { ModelCard, modelFiles, type Precision } from "../../schemas/index.ts"
import type { QuantizeConfig, quantizeInputs, quantizeOutputs } from "./contract.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import { attempt } from "./ModelFolder.ts"

const encodeCard = Schema.encodeSync(ModelCard)

/** The files that are made anew; all others are the model's. */
const madeAnew: ReadonlySet<string> = new Set([modelFiles.weights, modelFiles.graph, modelFiles.card])

/** Makes of a model's folder one with weights in 8 bits. */
export const quantizeInto = (from: string, to: string, precision: Exclude<Precision, "fp32">) =>
  Effect.gen(function* () {
    const card = yield* readModelCard(from)
    const { head, input, name } = card
    if (head === undefined) {
      return yield* new ModelUnsuitable({
        model: name,
        problem: `a ready graph has the precision that it was exported with, and cannot be made ${precision}`,
        remedy: "Give the checkpoint as safetensors, or say fp32 as its precision: the graph then runs as it is.",
      })
    }
    const { architecture } = yield* readConfig(from)
    const { maximumTokens } = input
    const made = yield* quantizeModel({
      from,
      to,
      description: { architecture, head, maximumTokens },
      weights: precision,
    })
    const files = yield* attempt(from, () => readdir(from, { withFileTypes: true }))
    yield* Effect.forEach(
      files.flatMap((file) => (file.isFile() && !madeAnew.has(file.name) ? [file.name] : [])).sort(),
      (file) => attempt(join(from, file), () => copyFile(join(from, file), join(to, file))),
    )
    const path = join(to, modelFiles.card)
    yield* attempt(path, () => writeFile(path, `${JSON.stringify(encodeCard({ ...card, precision }), null, 1)}\n`))
    return made
  })

/** Makes a model with its weights in 8 bits. */
export const run: StageRun<QuantizeConfig, typeof quantizeInputs, typeof quantizeOutputs> = ({
  config,
  inputs,
  outputs,
}) =>
  Effect.map(quantizeInto(inputs.model.path, outputs.model, config.precision), ({ kept, quantized }) => ({
    facts: { precision: config.precision, quantized, kept },
  }))
