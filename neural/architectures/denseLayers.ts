import type { DenseActivation, DenseLayer } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import type { Floats, Parameters } from "./Parameters.ts"
import { ofUnitLength } from "./unitLength.ts"

const prefix = "head.dense."

/** The name of a layer's tensor in a model: `linear.weight` of the first file of a module Dense is `head.dense.0.weight`. */
export const denseTensor = (layer: number, name: string): string =>
  `${prefix}${layer}.${name.replace(/^linear\./u, "")}`

/** Whether a tensor is one of `denseTensor`'s. */
export const isDenseTensor = (name: string): boolean => name.startsWith(prefix)

const activated = (x: Floats, activation: DenseActivation): Floats => {
  switch (activation) {
    case "Identity":
      return x
    case "Tanh":
      return Onnx.tanh(x)
    case "ReLU":
      return Onnx.relu(x)
    case "GELU":
      return Onnx.gelu(x, "none")
    case "Sigmoid":
      return Onnx.sigmoid(x)
  }
}

/** Vectors [batch, inputs] through the modules Dense of sentence-transformers 6.2, [batch, outputs]. */
export const denseLayers = (vectors: Floats, layers: ReadonlyArray<DenseLayer>, parameters: Parameters): Floats =>
  layers.reduce((into, { activation, bias, inputs, normalizedInput, outputs }, at) => {
    const weight = parameters.get(denseTensor(at, "weight"), outputs, inputs)
    const added = bias ? [parameters.get(denseTensor(at, "bias"), outputs)] : []
    return activated(Onnx.linear(normalizedInput === true ? ofUnitLength(into) : into, weight, ...added), activation)
  }, vectors)

/** Which layer does not take what comes into it, in words. */
export const denseMisfit = (width: number, layers: ReadonlyArray<DenseLayer>): string | undefined => {
  let given = width
  for (const [at, { inputs, outputs }] of layers.entries()) {
    if (inputs !== given) {
      return `module Dense ${at + 1} takes ${inputs} numbers (in_features), and ${given} come into it`
    }
    given = outputs
  }
  return undefined
}
