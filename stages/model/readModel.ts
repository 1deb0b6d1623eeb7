import type { StageRun } from "../../pipeline/index.ts"
import type { ModelFilesConfig, modelFilesInputs, modelOutputs } from "./contract.ts"
import { makeModel } from "./makeModel.ts"

/** Makes a model of the user's own files. */
export const run: StageRun<ModelFilesConfig, typeof modelFilesInputs, typeof modelOutputs> = ({
  config,
  inputs,
  outputs,
  warn,
}) => {
  const { files, graph, ...settings } = config
  return makeModel({ folder: inputs.files.path, files, graph, origin: "a folder of the user" }, settings, outputs, warn)
}
