/** What onnxruntime's time goes to, and what it could do at most. */
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { floats, normalWeights, Onnx, OnnxRuntime } from "../../neural/index.ts"

/** Seconds: of the processor's time with one thread, which the rest of the machine disturbs least, else of the wall's. */
export const clock = (threads: number): number => {
  if (threads > 1) return performance.now() / 1000
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const Profile = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      name: Schema.String,
      dur: Schema.optionalWith(Schema.Number, { default: () => 0 }),
      args: Schema.optionalWith(
        Schema.Struct({
          op_name: Schema.optional(Schema.String),
          input_type_shape: Schema.optional(Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Unknown }))),
          output_type_shape: Schema.optional(
            Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
          ),
        }),
        { default: () => ({}) },
      ),
    }),
  ),
)
const Size = Schema.decodeUnknownSync(Schema.Array(Schema.Number))

/** How many members a shape has. */
export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1)

const productKinds = new Set(["Gemm", "MatMul", "FusedMatMul", "FusedGemm"])

/**
 * Where the time of a model goes: seconds and operations of each kind of node, from onnxruntime's own profile.
 *
 * @param use runs sessions that are opened with `profile`
 */
export const profileOf = <E, R>(folder: string, use: (profile: string) => Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    yield* Effect.scoped(use(join(folder, "profile")))
    const file = join(folder, readdirSync(folder).find((name) => name.startsWith("profile")) ?? "")
    const seconds = new Map<string, number>()
    let operations = 0
    for (const { args, dur, name } of Schema.decodeSync(Profile)(readFileSync(file, "utf8"))) {
      const { input_type_shape: inputs = [], op_name: kind, output_type_shape: outputs = [] } = args
      if (kind === undefined || !name.endsWith("_kernel_time")) continue
      const what = productKinds.has(kind) ? "products" : kind
      seconds.set(what, (seconds.get(what) ?? 0) + dur / 1e6)
      if (what === "products") {
        const [left = []] = Object.values(inputs[0] ?? {}).map((shape) => Size(shape))
        const [made = []] = Object.values(outputs[0] ?? {}).map((shape) => Size(shape))
        operations += 2 * product(made) * (left.at(-1) ?? 0)
      }
    }
    rmSync(file)
    return { seconds, operations }
  })

/** The most operations a second of a matrix product that onnxruntime reaches here with so many threads, over sizes that models have. */
export const peakOf = (threads: number) =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    let most = 0
    for (const [rows, inner, columns] of [
      [512, 768, 768],
      [512, 768, 2048],
      [512, 384, 1536],
      [2048, 2048, 2048],
    ] as const) {
      const x = Onnx.input("x", "float32", [rows, inner])
      const graph = {
        name: "product",
        inputs: [x],
        outputs: { y: Onnx.linear(x, Onnx.parameter("w", [columns, inner])) },
      }
      const weights = new Map([["w", normalWeights(1, "w", columns * inner, 1)]])
      const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, weights)
      const session = yield* runtime.open({ name: "product", bytes }, { device: "cpu", threads })
      const feeds = { x: floats([rows, inner], normalWeights(1, "x", rows * inner, 1)) }
      for (let round = 0; round < 30; round++) {
        const start = clock(threads)
        yield* session.run(feeds)
        most = Math.max(most, (2 * rows * inner * columns) / (clock(threads) - start))
      }
    }
    return most
  }).pipe(Effect.scoped)
