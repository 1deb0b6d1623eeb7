import { copyFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import type { AdapterFilesConfig, adapterFilesInputs, adapterFilesOutputs } from "./contract.ts"
import { attempt } from "./ModelFolder.ts"

/** Takes an adapter of the user's own files; what they say is read beside the model. */
export const run: StageRun<AdapterFilesConfig, typeof adapterFilesInputs, typeof adapterFilesOutputs> = ({
  config,
  inputs,
  outputs,
}) =>
  Effect.gen(function* () {
    for (const file of config.files) {
      const path = join(inputs.files.path, file)
      yield* attempt(path, () => copyFile(path, join(outputs.adapter, file)))
    }
    return {}
  })
