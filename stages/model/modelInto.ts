import * as Effect from "effect/Effect"
import type { ModelSettings } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import { makeModel } from "./makeModel.ts"
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
