import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"

/** The activations of feed-forward layers that are built, by Hugging Face's names. */
export const activations = ["gelu", "gelu_new", "relu"] as const
export type Activation = (typeof activations)[number]

export const activate = (x: Floats, activation: Activation): Floats => {
  if (activation === "relu") return Onnx.relu(x)
  return Onnx.gelu(x, activation === "gelu" ? "none" : "tanh")
}
