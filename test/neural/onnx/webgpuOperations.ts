/**
 * A process that computes what WebGPU gets wrong unless it is written out, on the CPU and on the device that it is told, and prints
 * {"operation", "values"} a line. The driver's environment must be set before it starts.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Onnx from "../../../neural/onnx/index.ts"
import { layerOnnxRuntime, OnnxRuntime } from "../../../neural/runtime/index.ts"
import { farRows, gain, softplusArguments } from "./webgpuNumbers.ts"

const width = gain.length

const program = Effect.gen(function* () {
  const runtime = yield* OnnxRuntime
  const rows = Onnx.dimensions.named("rows")
  const x = Onnx.input("x", "float32", [rows, width])
  const weights = { gain: Float32Array.from(gain), bias: new Float32Array(width).fill(0.25) }
  const normalised = Onnx.layerNormalization(x, Onnx.parameter("gain", [width]), Onnx.parameter("bias", [width]), 1e-12)
  const folder = mkdtempSync(join(tmpdir(), "rankdag-webgpu-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  // With its weights in a file beside it, as those of large models are.
  const path = join(folder, "model.onnx")
  const graph = { name: "normalised", inputs: [x], outputs: { y: normalised } }
  yield* Onnx.writeModel(path, graph, { kind: "outside", file: "weights" }, (name, slice, into) =>
    Effect.sync(() => into.set(weights[name === "gain" ? "gain" : "bias"].subarray(slice.begin, slice.end))),
  )
  const s = Onnx.input("s", "float32", [rows])
  const soft = { name: "softplus", inputs: [s], outputs: { y: Onnx.softplus(s) } }
  const bytes = Onnx.toBytes(Onnx.encodeModel(soft, { kind: "inputs" }).model)
  const device = "webgpu"
  const normal = yield* runtime.open({ path }, { device, threads: 1 })
  const far = { type: "float32", shape: [farRows.length / width, width], data: Float32Array.from(farRows) } as const
  const given = {
    type: "float32",
    shape: [softplusArguments.length],
    data: Float32Array.from(softplusArguments),
  } as const
  const show = (operation: string, results: ReadonlyMap<string, { readonly data: ArrayLike<unknown> }>) =>
    console.log(JSON.stringify({ operation, values: Array.from(results.get("y")?.data ?? []) }))
  show("LayerNormalization", yield* normal.run({ x: far }))
  const softened = yield* runtime.open({ name: "softplus", bytes }, { device, threads: 1 })
  show("Softplus", yield* softened.run({ s: given }))
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
