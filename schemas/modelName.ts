import { SystemName } from "./Ids.ts"

/**
 * What a model is called in the table, where nothing is said: the last part of its source, in the letters that names may have.
 *
 * @param source a path, or a repository of the hub
 */
export const modelName = (source: string): SystemName => {
  const last = (source.split(/[\\/]+/u).findLast((part) => part !== "") ?? "").replace(/\.onnx$/u, "")
  const name = last.replaceAll(/[^\p{L}\p{N}._@+-]+/gu, "-").replace(/^[^\p{L}\p{N}]+/u, "")
  return SystemName.make(name === "" ? "model" : name)
}
