import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { ModelSettings } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { attempt } from "./ModelFolder.ts"
import { makeModel } from "./makeModel.ts"
import { mergeInto } from "./merge.ts"
import { sourceFolder } from "./sourceFolder.ts"

/**
 * Makes of a model's files the folder that a scorer reads, with the tokenizer in it, outside of any store.
 *
 * @returns what a reader of its scores has to know
 */
export const modelInto = (settings: ModelSettings, config: ModelConfig, to: string) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const source = yield* sourceFolder(settings.source, settings.revision, () => {})
    yield* makeModel(source, config, { model: to, tokenizer: to }, (message) => warnings.push(message))
    return warnings
  })

/**
 * The same of a model with an adapter's changes in its weights.
 *
 * @param settings of the model under it
 * @param adapter its folder
 */
export const adaptedInto = (settings: ModelSettings, config: ModelConfig, adapter: string, to: string) =>
  Effect.acquireUseRelease(
    Effect.map(
      attempt(to, () => mkdir(join(to, "base"))),
      () => join(to, "base"),
    ),
    (base) =>
      Effect.gen(function* () {
        const warnings = yield* modelInto(settings, config, base)
        yield* mergeInto(base, adapter, to, config.name)
        return warnings
      }),
    (base) => Effect.promise(() => rm(base, { recursive: true, force: true })),
  )
