import * as Either from "effect/Either"
import * as Onnx from "../onnx/index.ts"
import { invalid, type Outcome } from "./ConfigJson.ts"
import type { Floats } from "./Parameters.ts"

/** The activations of feed-forward layers that are built, by Hugging Face's names. */
export const activations = ["gelu", "gelu_new", "relu"] as const
export type Activation = (typeof activations)[number]

/** The activation that a field of `config.json` names, or an error that lists what is built. */
export const activationOf = (modelType: string, field: string, name: string): Outcome<Activation> => {
  const found = activations.find((known) => known === name)
  return found === undefined
    ? invalid(modelType, field, `«${name}» is not built; ${activations.join(", ")} are`)
    : Either.right(found)
}

export const activate = (x: Floats, activation: Activation): Floats => {
  if (activation === "relu") return Onnx.relu(x)
  return Onnx.gelu(x, activation === "gelu" ? "none" : "tanh")
}
