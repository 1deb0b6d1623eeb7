import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"

/** Turns heads, [batch, places, heads, size], each by the angles of its place. */
export type Rotation = (x: Floats) => Floats

/**
 * Rotary position embedding on halves: (y₁, y₂) = (x₁ cos − x₂ sin, x₂ cos + x₁ sin), the angle of pair t at position p being
 * p · theta^(−2t / size) / stretch.
 *
 * @param positions as floats, [places, 1] for all texts alike, or [batch, 1, 1] with one place a text
 */
export const rotation = (
  size: number,
  { stretch, theta }: { readonly theta: number; readonly stretch: number },
  positions: Floats,
): Rotation => {
  const half = size / 2
  const frequencies = Float32Array.from({ length: half }, (_, t) => theta ** ((-2 * t) / size) / stretch)
  const angles = Onnx.multiply(positions, Onnx.constant(frequencies, [1, half]))
  const heads = [angles.shape.length - 1]
  const [cosine, sine] = [Onnx.cosine(angles), Onnx.sine(angles)]
  const same = Onnx.unsqueeze(Onnx.concat([cosine, cosine], -1), heads)
  const swapped = Onnx.unsqueeze(Onnx.concat([Onnx.negate(sine), sine], -1), heads)
  return (x) => {
    const halves = Onnx.concat([Onnx.slice(x, -1, half, size), Onnx.slice(x, -1, 0, half)], -1)
    return Onnx.add(Onnx.multiply(x, same), Onnx.multiply(halves, swapped))
  }
}

/** The positions of a sequence from 0, [sequence, 1]. */
export const positionsOf = (sequence: Onnx.Dim): Floats => Onnx.unsqueeze(Onnx.range(sequence, "float32"), [1])
