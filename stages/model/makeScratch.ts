import { copyFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  decodeConfig,
  families,
  type Head,
  initialWeights,
  modelGraph,
  openTokenizer,
  readInputSpec,
  writeModelFiles,
} from "../../neural/index.ts"
import type { StageContext } from "../../pipeline/index.ts"
import { causeText, ModelCard, modelFiles } from "../../schemas/index.ts"
import type { ScratchConfig, scratchInputs, scratchOutputs } from "./contract.ts"
import { ModelFileFailed } from "./ModelError.ts"

const attempt = <A>(path: string, body: () => Promise<A>): Effect.Effect<A, ModelFileFailed> =>
  Effect.tryPromise({
    try: body,
    catch: (cause) => new ModelFileFailed({ path, why: causeText(cause) }),
  })

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`

/** Makes a model with random weights for a trained tokenizer. */
export const run = (context: StageContext<ScratchConfig, typeof scratchInputs, typeof scratchOutputs>) =>
  Effect.gen(function* () {
    const { config, inputs, outputs } = context
    const { initialisation, name, scratch, seed, truncation } = config
    const opened = yield* openTokenizer(inputs.tokenizer.path)
    const read = yield* readInputSpec(inputs.tokenizer.path)
    const input = { ...read, ...(truncation === undefined ? {} : { truncation }) }
    const written = families
      .find((family) => family.name === scratch)
      ?.scratch?.({ ...config, vocabulary: opened.tokenizer.vocabularySize, maximumTokens: input.maximumTokens })
    const { architecture } = yield* decodeConfig(written)
    const head: Head = { kind: config.head }
    const description = { architecture, head, maximumTokens: input.maximumTokens }
    const model = yield* modelGraph(description)
    const weightOf = yield* initialWeights(description, seed, initialisation)
    const byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor]))
    yield* writeModelFiles(outputs.model, model, (tensor, slice, into) =>
      Effect.sync(() => {
        const found = byName.get(tensor)
        if (found !== undefined) into.set(weightOf(found).subarray(slice.begin, slice.end))
      }),
    )
    const parameters = model.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
    const card: ModelCard = {
      form: 1,
      name,
      family: architecture.family,
      head,
      output: model.output,
      input,
      parameters,
      precision: "fp32",
      origin: `from nothing, ${initialisation} initialisation, seed ${seed}`,
    }
    const texts = [
      [modelFiles.config, json(written)],
      [modelFiles.card, json(Schema.encodeSync(ModelCard)(card))],
    ] as const
    yield* Effect.forEach(texts, ([file, text]) => {
      const path = join(outputs.model, file)
      return attempt(path, () => writeFile(path, text))
    })
    yield* Effect.forEach(opened.files, (file) =>
      attempt(file, () => copyFile(join(inputs.tokenizer.path, file), join(outputs.model, file))),
    )
    return { facts: { parameters, vocabulary: opened.tokenizer.vocabularySize, origin: card.origin } }
  })
