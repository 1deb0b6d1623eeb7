import * as Onnx from "../onnx/index.ts"
import type { Floats, Parameters } from "./Parameters.ts"

/** A linear layer with a bias over rows. */
export const dense = (parameters: Parameters, name: string, rows: Floats, outputs: number): Floats => {
  const inputs = rows.shape[1]
  if (typeof inputs !== "number") throw new Onnx.ShapeError("Linear", [rows.shape], "the width must be a number")
  return Onnx.linear(rows, parameters.get(`${name}.weight`, outputs, inputs), parameters.get(`${name}.bias`, outputs))
}
