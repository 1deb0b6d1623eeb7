/**
 * A process that scores the golden texts of the models that it is given, with each head, on WebGPU and on the CPU, and prints one
 * line of JSON for each: {"model", "head", "difference"}. The driver's environment must be set before it starts.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerOnnxRuntime, openScorer } from "../../../neural/runtime/index.ts"
import { goldenModel, headOfKind, largestDifference, readConfig, readGolden } from "./golden.ts"

/** Texts of one and of several tokens: the long ones show nothing more here, and a software driver is slow. */
const longest = 40

const modelsGiven = Schema.decodeSync(Schema.parseJson(Schema.Array(Schema.String)))

const program = Effect.gen(function* () {
  for (const model of modelsGiven(process.argv[2] ?? "[]")) {
    const golden = readGolden(model)
    const texts = golden.texts.filter(({ ids }) => ids.length < longest)
    for (const head of Object.keys(golden.texts[0]?.expected ?? {})) {
      const { bytes } = yield* goldenModel(model, headOfKind(head, golden, readConfig(model).labels))
      const on = (device: "cpu" | "webgpu") =>
        Effect.flatMap(openScorer({ name: model, bytes }, { device, threads: 1 }), (scorer) => scorer.score(texts))
      // Sessions stay open to the end: with the last one the driver's compiled programs would go.
      const expected = yield* on("cpu")
      // Of scores beyond 1 in parts of the largest: float32's steps grow with them.
      const scale = Math.max(1, ...expected.map(Math.abs))
      const difference = largestDifference(yield* on("webgpu"), expected) / scale
      console.log(JSON.stringify({ model, head, difference }))
    }
  }
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
