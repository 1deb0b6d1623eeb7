import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { openWeights, writeSafetensors } from "../../../neural/checkpoints/index.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { floats, layerOnnxRuntime, type ModelSource, OnnxRuntime } from "../../../neural/runtime/index.ts"

const folder = mkdtempSync(join(tmpdir(), "rankdag-onnx-"))
afterAll(() => rmSync(folder, { recursive: true }))

const width = 40

/** y = x Wᵀ + b, with a weight large enough to go outside. */
const graph = (): Onnx.Graph => {
  const x = Onnx.input("x", "float32", [Onnx.dimensions.named("batch"), width])
  const y = Onnx.linear(x, Onnx.parameter("layer.weight", [width, width]), Onnx.parameter("layer.bias", [width]))
  return { name: "linear", inputs: [x], outputs: { y, positive: Onnx.relu(y) } }
}

const weight = Float32Array.from({ length: width * width }, (_, i) => Math.sin(i))
const bias = Float32Array.from({ length: width }, (_, i) => i / 7)
const weights = new Map([
  ["layer.weight", weight],
  ["layer.bias", bias],
])
const read: Onnx.ReadWeight<never> = (name, slice, into) =>
  Effect.sync(() => into.set((weights.get(name) ?? bias).subarray(slice.begin, slice.end)))

const x = Float32Array.from({ length: 3 * width }, (_, i) => Math.cos(i))

const outputs = (model: ModelSource): Effect.Effect<readonly number[], unknown> =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const session = yield* runtime.open(model, { device: "cpu", threads: 1 })
    const results = yield* session.run({ x: floats([3, width], x) })
    return Array.from(results.get("y")?.data ?? [], Number)
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

const inside = (): Uint8Array => Onnx.toBytes(Onnx.encodeModel(graph(), { kind: "inside" }).model, weights)

describe("model files", () => {
  it("N4 equal graphs and weights give equal bytes", () => {
    expect(Buffer.compare(inside(), inside())).toBe(0)
  })

  it.effect("N4 weights inside, outside, and in a safetensors file give the same results", () =>
    Effect.gen(function* () {
      const expected = yield* outputs({ name: "inside", bytes: inside() })
      expect(expected).toHaveLength(3 * width)
      expect(expected[0]).toBeCloseTo(
        Array.from(weight.subarray(0, width)).reduce((sum, w, i) => sum + w * (x[i] ?? 0), 0),
        4,
      )

      const outside = join(folder, "outside.onnx")
      yield* Onnx.writeModel(outside, graph(), { kind: "outside", file: "outside.data" }, read)
      expect(yield* outputs({ path: outside })).toEqual(expected)
      expect(statSync(join(folder, "outside.data")).size).toBe(weight.byteLength)
      expect(statSync(outside).size).toBeLessThan(2000)

      const safetensors = join(folder, "model.safetensors")
      yield* writeSafetensors(safetensors, [
        { name: "layer.weight", dtype: "F32", shape: [width, width], data: () => [weight] },
        { name: "layer.bias", dtype: "F32", shape: [width], data: () => [bias] },
      ])
      const located = join(folder, "located.onnx")
      const places = (yield* Effect.scoped(openWeights(safetensors))).tensors
      const locations = new Map(
        [...places.values()].map(({ name, offset }) => [name, { file: "model.safetensors", offset }]),
      )
      yield* Onnx.writeModel(located, graph(), { kind: "located", locations }, read)
      expect(yield* outputs({ path: located })).toEqual(expected)
    }),
  )

  it.effect("N4 a file is written whole or not at all", () =>
    Effect.gen(function* () {
      const path = join(folder, "broken.onnx")
      const failing: Onnx.ReadWeight<string> = () => Effect.fail("no such weight")
      const outcome = yield* Effect.either(Onnx.writeModel(path, graph(), { kind: "inside" }, failing))
      expect(outcome._tag).toBe("Left")
      expect(() => statSync(path)).toThrow()
      expect(() => statSync(`${path}.partial`)).toThrow()
    }),
  )

  it("N4 a missing or short weight is named", () => {
    const { model } = Onnx.encodeModel(graph(), { kind: "inside" })
    expect(() => Onnx.toBytes(model)).toThrow(/layer\.\w+.*is missing/)
    expect(() => Onnx.toBytes(model, new Map([...weights, ["layer.bias", new Float32Array(3)]]))).toThrow(
      /layer\.bias.*12 bytes/,
    )
  })

  it("N4 a model of more than 2 GB must have its weights outside", () => {
    const rows = Onnx.input("x", "float32", [1, 30_000])
    const large = Onnx.linear(rows, Onnx.parameter("w", [30_000, 30_000]))
    const of = { name: "large", inputs: [rows], outputs: { y: large } }
    expect(() => Onnx.encodeModel(of, { kind: "inside" })).toThrow(/put them outside/)
    const { data } = Onnx.encodeModel(of, { kind: "outside", file: "large.data" })
    expect(data?.byteLength).toBe(30_000 * 30_000 * 4)
    expect(Onnx.placeBySize([{ shape: [30_000, 30_000] }], "d").kind).toBe("outside")
    expect(Onnx.placeBySize([{ shape: [300, 300] }], "d").kind).toBe("inside")
  })

  it("N4 a name that is used twice and a size that no input has are refused", () => {
    const size = Onnx.dimensions.named("batch")
    const one = Onnx.input("x", "float32", [size])
    const twice = { name: "twice", inputs: [one, Onnx.input("x", "float32", [2])], outputs: { y: Onnx.relu(one) } }
    expect(() => Onnx.encodeModel(twice, { kind: "inputs" })).toThrow(Onnx.GraphError)
    const parameters = Onnx.add(Onnx.parameter("w", [2]), Onnx.parameter("w", [2]))
    expect(() =>
      Onnx.encodeModel({ name: "same", inputs: [], outputs: { y: parameters } }, { kind: "inputs" }),
    ).toThrow(/w/)
    const unknown = Onnx.range(Onnx.dimensions.named("elsewhere"), "int64")
    expect(() => Onnx.encodeModel({ name: "u", inputs: [one], outputs: { unknown } }, { kind: "inputs" })).toThrow(
      /elsewhere/,
    )
    const undeclared = { name: "undeclared", inputs: [], outputs: { y: Onnx.relu(one) } }
    expect(() => Onnx.encodeModel(undeclared, { kind: "inputs" })).toThrow(/not among/)
  })

  it("N4 with weights as inputs the parameters follow the graph's own inputs, in the order of their use", () => {
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph(), { kind: "inputs" }).model)
    const { inputs, outputs: results } = Onnx.readInterface(Onnx.randomAccess(bytes))
    expect(inputs.map(({ name }) => name)).toEqual(["x", "layer.weight", "layer.bias"])
    expect(results.map(({ name }) => name)).toEqual(["y", "positive"])
    expect(Onnx.parametersOf(graph()).map(({ name }) => name)).toEqual(["layer.weight", "layer.bias"])
  })
})

const onnxRandom = join(import.meta.dirname, "../../../../shared/models/onnx-random")

describe("reading what a model file says about itself", () => {
  it("N5 inputs, outputs, operator sets and data files", () => {
    const found = Onnx.readInterface(Onnx.randomAccess(inside()))
    expect(found).toMatchObject({ irVersion: 8, producer: "rankdag", graph: "linear", dataFiles: [] })
    expect(found.opsets.get("")).toBe(Onnx.opset)
    expect([...found.computedBy.keys()]).toEqual(["y", "positive"])
    expect(found.inputs).toEqual([{ name: "x", type: "float32", shape: ["batch", width] }])
    const { model } = Onnx.encodeModel(graph(), { kind: "outside", file: "w.data" })
    expect(Onnx.readInterface(Onnx.randomAccess(Onnx.toBytes(model, weights))).dataFiles).toEqual(["w.data"])
  })

  it("N5 only the parts that are needed are read", () => {
    const bytes = inside()
    // After the model comes one field of a tebibyte, which nobody needs.
    const tail = [0xfa, 0x3f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]
    let touched = 0
    const found = Onnx.readInterface({
      byteLength: bytes.byteLength + tail.length + 2 ** 40,
      read: (offset, length) => {
        touched += length
        if (offset + length > bytes.byteLength + 70_000) throw new Error("read where there is nothing")
        const part = new Uint8Array(length)
        part.set(bytes.subarray(offset, offset + length))
        tail.forEach((byte, i) => {
          const at = bytes.byteLength + i - offset
          if (at >= 0 && at < length) part[at] = byte
        })
        return part
      },
    })
    expect(found.graph).toBe("linear")
    expect(touched).toBeLessThan(400_000)
  })

  it("N5 damaged bytes give a ProtobufError or an interface, and nothing else", () => {
    const bytes = inside()
    const attempt = (damaged: Uint8Array): void => {
      try {
        Onnx.readInterface(Onnx.randomAccess(damaged))
      } catch (error) {
        if (!(error instanceof Onnx.ProtobufError)) throw error
      }
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 1500 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 20 }),
        fc.nat({ max: bytes.length }),
        (changes, length) => {
          const damaged = bytes.slice(0, length)
          for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value
          attempt(damaged)
        },
      ),
      { numRuns: 500 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 500 })
  })

  it.skipIf(!statSync(onnxRandom, { throwIfNoEntry: false }))("N5 files made by others (needs ../shared)", () => {
    for (const name of ["random_encoder.onnx", "dummy_transformer_without_type_ids.onnx"]) {
      const path = join(onnxRandom, name)
      const file = openSync(path, "r")
      const { size } = statSync(path)
      const found = Onnx.readInterface({
        byteLength: size,
        read: (offset, length) => {
          const part = new Uint8Array(length)
          return part.subarray(0, readSync(file, part, 0, length, offset))
        },
      })
      closeSync(file)
      expect(found.inputs.map((input) => input.name)).toContain("input_ids")
      expect(found).toEqual(Onnx.readInterface(Onnx.randomAccess(readFileSync(path))))
    }
  })
})
