import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { describesModel, isDenseWeights, modelFiles } from "../../schemas/index.ts"

/** Whether a file says what a model is: a checkpoint's, or the card of a model that was made here. */
const describes = (name: string): boolean => name === modelFiles.card || describesModel(name)

const moduleFolder = /^\d{1,2}_[A-Z]\w*$/u
const safetensors = /^model(?:-\d{5}-of-\d{5})?\.safetensors(?:\.index\.json)?$/u
const ready = /^(?:onnx\/)?model\.onnx$/u
const graphData = /^(?:onnx\/)?[^/]+(?:\.onnx[._]data(?:_\d+)?|\.data)$/u
const otherWeights = /\.(?:bin|pt|pth|ckpt|h5|msgpack)$/u

/**
 * The files of a folder that a model is made of, sorted: its safetensors, else a ready ONNX graph (`graph` names one), with
 * configuration and tokenizer; or what is wrong with the folder.
 */
export const folderFiles = (
  folder: string,
  graph: string | undefined,
): { readonly names: ReadonlyArray<string> } | { readonly problem: string; readonly seen: ReadonlyArray<string> } => {
  const list = (below: string): ReadonlyArray<string> =>
    existsSync(join(folder, below))
      ? readdirSync(join(folder, below), { withFileTypes: true })
          .filter((entry) => !entry.isDirectory())
          .map(({ name }) => (below === "" ? name : `${below}/${name}`))
      : []
  const modules = readdirSync(folder).filter((name) => moduleFolder.test(name))
  const all = ["", "onnx", ...modules].flatMap(list).sort()
  const weights = graph === undefined ? all.filter((name) => safetensors.test(name)) : []
  const graphs = weights.length > 0 ? [] : graph === undefined ? all.filter((name) => ready.test(name)) : [graph]
  if (weights.length === 0 && graphs.length === 0) {
    const pickles = all.filter((name) => otherWeights.test(name))
    return {
      problem:
        pickles.length === 0
          ? "it holds no weights: neither model.safetensors nor model.onnx"
          : `it holds weights as pickle or for other frameworks only (${pickles.join(", ")}), which are never read; save it as safetensors`,
      seen: all,
    }
  }
  const data = weights.length > 0 ? [] : all.filter((name) => graphData.test(name))
  const dense = weights.length > 0 ? all.filter(isDenseWeights) : []
  return { names: [...all.filter(describes), ...dense, ...weights, ...graphs, ...data].sort() }
}
