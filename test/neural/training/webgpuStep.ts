import * as Effect from "effect/Effect"
import { afterOneStep, makeStep, optionsFor, worstGradient } from "./smallTraining.ts"

// Prints how far a step on WebGPU is from one on the CPU.
const [name, kind] = ["t5-relu", "masked-mean"] as const

await Effect.runPromise(
  Effect.gen(function* () {
    const on = (device: "cpu" | "webgpu") =>
      Effect.flatMap(optionsFor(name, kind, { device, dropout: 0.2 }), (options) =>
        afterOneStep(options, makeStep(name, 3)),
      )
    const [here, there] = [yield* on("cpu"), yield* on("webgpu")]
    const loss = Math.abs(here.report.loss - there.report.loss)
    console.log(JSON.stringify({ loss, gradient: worstGradient(there.state, here.state) }))
  }),
)
