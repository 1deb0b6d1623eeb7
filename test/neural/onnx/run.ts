import * as Effect from "effect/Effect"
import { type Expression, encodeModel, type Graph, toBytes } from "../../../neural/onnx/index.ts"
import { layerOnnxRuntime, OnnxRuntime, type Tensor } from "../../../neural/runtime/index.ts"

/** Runs a graph without weights on the CPU. */
export const runGraph = (
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Effect.Effect<ReadonlyMap<string, Tensor>, unknown> =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const bytes = toBytes(encodeModel(graph, { kind: "inputs" }).model)
    const session = yield* runtime.open({ name: graph.name, bytes }, { device: "cpu", threads: 1 })
    return yield* session.run(feeds)
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

/** The value of one expression over inputs. */
export const valueOf = (
  expression: Expression,
  inputs: readonly Expression[],
  feeds: Readonly<Record<string, Tensor>>,
): Effect.Effect<Tensor, unknown> =>
  Effect.flatMap(runGraph({ name: "test", inputs, outputs: { result: expression } }, feeds), (results) => {
    const result = results.get("result")
    return result === undefined ? Effect.fail("no result") : Effect.succeed(result)
  })
