import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Onnx from "../../../neural/onnx/index.ts"
import {
  floats,
  int64s,
  layerOnnxRuntime,
  OnnxRuntime,
  openScorer,
  scoringLanes,
} from "../../../neural/runtime/index.ts"

const folder = mkdtempSync(join(tmpdir(), "rankdag-session-"))
afterAll(() => rmSync(folder, { recursive: true }))

const cpu = { device: "cpu", threads: 1 } as const
const [batch, sequence] = [Onnx.dimensions.named("batch"), Onnx.dimensions.named("sequence")]

const bytesOf = (graph: Onnx.Graph, weights?: ReadonlyMap<string, Float32Array>): Uint8Array =>
  Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, weights)

const x = Onnx.input("x", "float32", [batch, 2])
const doubled = bytesOf({ name: "doubled", inputs: [x], outputs: { y: Onnx.add(x, x) } })

const live = <A, E>(body: Effect.Effect<A, E, OnnxRuntime>): Effect.Effect<A, E> =>
  Effect.provide(body, layerOnnxRuntime)

describe("sessions", () => {
  it.scoped("N11 a session describes itself and runs", () =>
    live(
      Effect.scoped(
        Effect.gen(function* () {
          const runtime = yield* OnnxRuntime
          const session = yield* runtime.open({ name: "doubled", bytes: doubled }, cpu)
          expect(session.device).toBe("cpu")
          expect(session.deviceName).not.toBe("")
          expect(session.inputs).toEqual([{ name: "x", type: "float32", shape: ["batch", 2] }])
          const results = yield* session.run({ x: floats([1, 2], Float32Array.of(1.5, -2)) })
          expect(results.get("y")).toEqual({ type: "float32", shape: [1, 2], data: Float32Array.of(3, -4) })
        }),
      ),
    ),
  )

  it.scoped("N11 auto takes what is there and says what it took", () =>
    live(
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        const device = yield* runtime.choose("auto")
        expect(["cpu", "webgpu", "cuda"]).toContain(device)
        const session = yield* Effect.scoped(runtime.open({ name: "doubled", bytes: doubled }, { device: "auto" }))
        expect(session.device).toBe(device)
      }),
    ),
  )

  it.effect("N11 a device that is not there: what was tried, why it failed, how to get it", () =>
    live(
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        for (const device of ["cuda", "webgpu"] as const) {
          const outcome = yield* Effect.either(runtime.choose(device))
          if (outcome._tag === "Right") continue
          expect(outcome.left).toMatchObject({ _tag: "DeviceUnavailable", requested: device })
          expect(outcome.left.tried.map((each) => each.device)).toEqual([device])
          expect(outcome.left.message).toMatch(device === "cuda" ? /cuda12/ : /Vulkan/)
          expect(outcome.left.message).toMatch(/--device cpu/)
        }
      }),
    ),
  )

  it.effect("N11 a file that is no model, or is not there, is rejected by name", () =>
    live(
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        const path = join(folder, "noise.onnx")
        writeFileSync(path, "this is no model")
        for (const source of [
          { path },
          { path: join(folder, "absent.onnx") },
          { name: "x", bytes: doubled.slice(0, 50) },
        ]) {
          const outcome = yield* Effect.either(Effect.scoped(runtime.open(source, cpu)))
          expect(outcome._tag === "Left" && outcome.left._tag).toBe("ModelRejected")
          if (outcome._tag === "Left" && "path" in source) expect(outcome.left.message).toContain(source.path)
        }
      }),
    ),
  )

  it.scoped("N11 inputs that do not fit fail with their shapes", () =>
    live(
      Effect.scoped(
        Effect.gen(function* () {
          const runtime = yield* OnnxRuntime
          const session = yield* runtime.open({ name: "doubled", bytes: doubled }, cpu)
          const outcome = yield* Effect.either(session.run({ x: floats([1, 3], new Float32Array(3)) }))
          expect(outcome._tag === "Left" && outcome.left._tag).toBe("InferenceFailed")
          if (outcome._tag === "Left") expect(outcome.left.message).toContain("x float32 [1, 3]")
          const wrong = yield* Effect.either(session.run({ x: int64s([1, 2], new BigInt64Array(2)) }))
          expect(wrong._tag).toBe("Left")
        }),
      ),
    ),
  )

  it.scoped(
    "N21 sessions of a thread give the bytes of those in the program, in new places or given ones, and leave the program free",
    () =>
      live(
        Effect.scoped(
          Effect.gen(function* () {
            const runtime = yield* OnnxRuntime
            const open = yield* runtime.apart
            const width = 512
            const rows = Onnx.input("x", "float32", [batch, width])
            const weights = new Map([["w", Float32Array.from({ length: width * width }, (_, i) => Math.sin(i))]])
            const product = Onnx.linear(rows, Onnx.parameter("w", [width, width]))
            const bytes = bytesOf({ name: "wide", inputs: [rows], outputs: { y: product } }, weights)
            const own = yield* runtime.open({ name: "wide", bytes }, cpu)
            const sessions = yield* Effect.replicateEffect(open({ name: "wide", bytes }, cpu), 2)
            // A part of a larger array: the rest must not go along.
            const numbers = Float32Array.from({ length: 2 * 1024 * width }, (_, i) => Math.cos(i))
            const feeds = { x: floats([1024, width], numbers.subarray(1024 * width)) }
            const wanted = (yield* own.run(feeds)).get("y")
            let turns = 0
            const turning = setInterval(() => turns++, 1)
            const made = yield* Effect.forEach(sessions, (session) => session.run(feeds), { concurrency: 2 })
            clearInterval(turning)
            for (const results of made) expect(results.get("y")).toEqual(wanted)
            expect(turns).toBeGreaterThan(0)
            const place = floats([1024, width], new Float32Array(1024 * width))
            const [session = own] = sessions
            expect((yield* session.run(feeds, { y: place })).get("y")).toBe(place)
            expect(place).toEqual(wanted)
          }),
        ),
      ),
  )

  it.scoped("N21 what goes wrong in a thread is told as in the program, and the thread goes on", () =>
    live(
      Effect.scoped(
        Effect.gen(function* () {
          const runtime = yield* OnnxRuntime
          const open = yield* runtime.apart
          const rejected = yield* Effect.either(open({ path: join(folder, "absent.onnx") }, cpu))
          expect(rejected._tag === "Left" && rejected.left._tag).toBe("ModelRejected")
          const session = yield* open({ name: "doubled", bytes: doubled }, cpu)
          expect(session.inputs).toEqual([{ name: "x", type: "float32", shape: ["batch", 2] }])
          const failed = yield* Effect.either(session.run({ x: floats([1, 3], new Float32Array(3)) }))
          expect(failed._tag === "Left" && failed.left).toMatchObject({
            _tag: "InferenceFailed",
            inputs: ["x float32 [1, 3]"],
          })
          const results = yield* session.run({ x: floats([1, 2], Float32Array.of(1, 2)) })
          expect(results.get("y")?.data).toEqual(Float32Array.of(2, 4))
        }),
      ),
    ),
  )

  it.effect("N12 memory is flat over ten models opened, run and closed in one process", () =>
    live(
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        const width = 3072
        const rows = Onnx.input("x", "float32", [batch, width])
        const weight = new Float32Array(width * width).fill(0.01)
        const bytes = bytesOf(
          { name: "wide", inputs: [rows], outputs: { y: Onnx.linear(rows, Onnx.parameter("w", [width, width])) } },
          new Map([["w", weight]]),
        )
        const once = Effect.scoped(
          Effect.gen(function* () {
            const session = yield* runtime.open({ name: "wide", bytes }, cpu)
            yield* session.run({ x: floats([4, width], new Float32Array(4 * width)) })
          }),
        )
        yield* Effect.repeatN(once, 2)
        const before = process.memoryUsage().rss
        yield* Effect.repeatN(once, 9)
        const growth = process.memoryUsage().rss - before
        // One model is 36 MiB: ten of them unreleased would be 360 at least.
        expect(growth).toBeLessThan(90 * 2 ** 20)
      }),
    ),
  )
})

const onnxRandom = join(import.meta.dirname, "../../../../shared/models/onnx-random")

/** Scores are the sums of the ids, divided by `divisor`: with 0, what no model should say. */
const summing = (
  outputs: (sums: Onnx.Expression<"float32">) => Readonly<Record<string, Onnx.Expression>>,
): Uint8Array => {
  const ids = Onnx.input("input_ids", "int32", [batch, sequence])
  const sums = Onnx.reduceSum(Onnx.cast(ids, "float32"), [1])
  return bytesOf({ name: "summing", inputs: [ids], outputs: outputs(sums) })
}

describe("ready models", () => {
  const open = (bytes: Uint8Array) => openScorer({ name: "ready", bytes }, cpu)

  it.scoped("N13 a model with fewer inputs, 32-bit ids and logits of one column is scored", () =>
    Effect.gen(function* () {
      const scorer = yield* open(summing((sums) => ({ logits: Onnx.reshape(sums, [batch, 1]) })))
      expect(scorer.wantsTypes).toBe(false)
      expect(yield* scorer.score([{ ids: [1, 2, 3] }, { ids: [10] }])).toEqual(Float32Array.of(6, 10))
      expect(yield* scorer.score([])).toEqual(new Float32Array(0))
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.scoped("N13 unexpected inputs and outputs are named", () =>
    Effect.gen(function* () {
      const pixels = Onnx.input("pixel_values", "float32", [batch, 3])
      const vision = bytesOf({ name: "vision", inputs: [pixels], outputs: { logits: Onnx.relu(pixels) } })
      const two = summing((sums) => ({ left: sums, right: Onnx.negate(sums) }))
      for (const [bytes, why] of [
        [vision, /pixel_values/],
        [two, /scores or logits/],
        [doubled, /input x/],
      ] as const) {
        const outcome = yield* Effect.either(open(bytes))
        expect(outcome._tag === "Left" && outcome.left._tag).toBe("InterfaceUnexpected")
        if (outcome._tag === "Left") expect(outcome.left.message).toMatch(why)
      }
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.scoped("N13 a score that is no number is an error that names the text", () =>
    Effect.gen(function* () {
      const scorer = yield* open(summing((sums) => ({ scores: Onnx.logarithm(sums) })))
      expect(yield* scorer.score([{ ids: [1] }])).toEqual(Float32Array.of(0))
      const outcome = yield* Effect.either(scorer.score([{ ids: [1] }, { ids: [-1] }]))
      expect(outcome._tag === "Left" && outcome.left).toMatchObject({ _tag: "ScoreNotFinite", text: 1 })
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.scoped("N21 a scorer with lanes works at several batches at once and gives each its own scores", () =>
    Effect.gen(function* () {
      const bytes = summing((sums) => ({ scores: sums }))
      const scorer = yield* openScorer({ name: "ready", bytes }, { device: "cpu", threads: 3, lanes: 3 })
      expect(scorer.lanes).toBe(3)
      const batches = Array.from({ length: 20 }, (_, i) => [{ ids: [i, 1] }, { ids: [i] }])
      const scores = yield* Effect.forEach(batches, (texts) => scorer.score(texts), { concurrency: 8 })
      expect(scores.map((each) => [...each])).toEqual(batches.map((_, i) => [i + 1, i]))
      // Two of them wait: one until there is room, the other for ever.
      const room = yield* Deferred.make<void>()
      let asked = 0
      const another = Effect.suspend(() => (asked++ === 0 ? Deferred.await(room) : Effect.never))
      const later = yield* openScorer({ name: "ready", bytes }, { device: "cpu", threads: 3, lanes: 3, another })
      expect([...(yield* later.score([{ ids: [4, 1] }]))]).toEqual([5])
      yield* Deferred.succeed(room, undefined)
      const same = yield* Effect.forEach(batches, (texts) => later.score(texts), { concurrency: 8 })
      expect({ same, asked }).toEqual({ same: scores, asked: 2 })
      expect(scoringLanes(90e6, 4)).toBe(4)
      expect(scoringLanes(440e6, 4)).toBe(1)
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.skipIf(!existsSync(onnxRandom))(
    "N13 an encoder without a head, made by others, is refused (needs ../shared)",
    async () => {
      const bytes = readFileSync(join(onnxRandom, "dummy_transformer_without_type_ids.onnx"))
      const outcome = await Effect.runPromise(
        Effect.either(open(bytes).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))),
      )
      expect(outcome._tag === "Left" && outcome.left._tag).toBe("InterfaceUnexpected")
      if (outcome._tag === "Left") expect(outcome.left.message).toMatch(/output_0 float32 \[batch, tokens, 16\]/)
    },
  )
})
