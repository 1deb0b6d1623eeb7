import { readdirSync } from "node:fs"
import { basename, join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { modelExpression, modelGraph, Parameters, tokenBatch } from "../../../neural/architectures/index.ts"
import { openWeights, requireTensors } from "../../../neural/checkpoints/index.ts"
import * as Onnx from "../../../neural/onnx/index.ts"
import { floats, int64s, layerOnnxRuntime, OnnxRuntime, type Tensor } from "../../../neural/runtime/index.ts"
import { type Golden, headOfKind, modelsFolder, readConfig, readGolden } from "./golden.ts"

/** What `test/reference/gradients/generate.py` made, a file a model. */
const folder = join(modelsFolder, "../gradients")
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".safetensors"))
  .map((file) => basename(file, ".safetensors"))

const textsOf = (golden: Golden): Golden["texts"] => golden.texts.filter((_, text) => [0, 2, 3, 4].includes(text))

/** The texts padded to one length. */
const feedsOf = (texts: Golden["texts"]): Readonly<Record<string, Tensor>> => {
  const length = Math.max(...texts.map(({ ids }) => ids.length))
  const padded = (of: (text: Golden["texts"][number], at: number) => number | undefined): Tensor => {
    const data = texts.flatMap((text) => Array.from({ length }, (_, at) => BigInt(of(text, at) ?? 0)))
    return int64s([texts.length, length], BigInt64Array.from(data))
  }
  return {
    input_ids: padded(({ ids }, at) => ids[at]),
    attention_mask: padded(({ ids }, at) => (at < ids.length ? 1 : 0)),
    token_type_ids: padded(({ types }, at) => types[at]),
  }
}

/** ‖found − expected‖ / ‖expected‖ */
const distance = (found: ArrayLike<number>, expected: Float32Array): number => {
  let [apart, length] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    apart += ((found[i] ?? Number.NaN) - expected[i]!) ** 2
    length += expected[i]! ** 2
  }
  return Math.sqrt(apart / length)
}

/** Gradients that are zero but for rounding: a key's bias adds the same to all scores of a query, also where the key is a position's. */
const vanishes = (tensor: string): boolean =>
  /\.attention\.(?:self\.key|self\.pos_key_proj|key|k_lin|attn\.k)\.bias$/u.test(tensor)

/** How far the gradient of each parameter, computed on a device, is from PyTorch's. */
const distancesOn = (
  device: "cpu" | "webgpu",
  name: string,
): Effect.Effect<ReadonlyMap<string, number>, unknown, OnnxRuntime | Scope.Scope> =>
  Effect.gen(function* () {
    const golden = readGolden(name)
    const { architecture, labels } = readConfig(name)
    const texts = textsOf(golden)
    const kinds = Object.keys(golden.texts[0]?.expected ?? {}).sort()
    const tokens = tokenBatch()
    const parameters = new Parameters()
    const aliases = new Map<string, readonly string[]>()
    const feeds: Record<string, Tensor> = { ...feedsOf(texts) }
    const seeds: Onnx.Expression[] = []
    const outputs: Onnx.Differentiated[] = []
    for (const [head, kind] of kinds.entries()) {
      const description = { architecture, head: headOfKind(kind, golden, labels) }
      const model = yield* modelGraph(description)
      for (const tensor of model.tensors) aliases.set(tensor.name, tensor.aliases)
      const of = modelExpression(description, tokens, parameters)
      const seed = Onnx.input(`seed_${kind}`, "float32", of.shape)
      const shape = kind.startsWith("embedding") ? [texts.length, architecture.width] : [texts.length]
      const weights = texts.flatMap((_, row) =>
        Array.from({ length: shape[1] ?? 1 }, (__, element) => Math.cos(3 * head + 5 * row + 7 * element + 1)),
      )
      feeds[`seed_${kind}`] = floats(shape, Float32Array.from(weights))
      seeds.push(seed)
      outputs.push({ of, seed })
    }

    const forward = { name, inputs: [], outputs: Object.fromEntries(outputs.map(({ of }, i) => [`${i}`, of])) }
    const tensors = Onnx.parametersOf(forward).map(({ expression, name: tensor, shape }) => {
      const used = parameters.get(tensor, ...shape)
      expect(used).toBe(expression)
      return { name: tensor, shape, aliases: aliases.get(tensor) ?? [], expression: used }
    })
    const gradients = Onnx.gradients(
      outputs,
      tensors.map(({ expression }) => expression),
    )
    const graph: Onnx.Graph = {
      name,
      inputs: [tokens.ids, tokens.attentionMask, tokens.tokenTypes, ...seeds],
      outputs: Object.fromEntries(gradients.map((gradient, i) => [`gradient of ${tensors[i]?.name}`, gradient])),
    }
    const everything = (): boolean => true
    const weights = yield* openWeights(join(modelsFolder, name))
    const found = yield* requireTensors(weights, name, tensors, everything)
    const inside = new Map<string, Float32Array>()
    for (const [tensor, place] of found) inside.set(tensor, yield* weights.floats(place.name))
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, inside)
    const runtime = yield* OnnxRuntime
    const session = yield* runtime.open({ name, bytes }, { device })
    const results = yield* session.run(feeds)

    const reference = yield* openWeights(join(folder, `${name}.safetensors`))
    const expected = yield* requireTensors(reference, name, tensors, everything)
    const distances = new Map<string, number>()
    for (const [tensor, place] of expected) {
      const result = results.get(`gradient of ${tensor}`)?.data ?? []
      const floating = Array.from(result, Number)
      if (vanishes(tensor)) expect(Math.max(...floating.map(Math.abs)), tensor).toBeLessThan(1e-4)
      else distances.set(tensor, distance(floating, yield* reference.floats(place.name)))
    }
    if (process.env["PARITY"] !== undefined) {
      console.log(`${name} | ${device} | ${Math.max(...distances.values()).toExponential(1)}`)
    }
    return distances
  })

describe.each(names)("%s", (name) => {
  it.scoped(`N19 the gradient of every parameter of ${name} is PyTorch's, through all heads and a padded batch`, () =>
    Effect.gen(function* () {
      const distances = yield* distancesOn("cpu", name)
      expect(distances.size).toBeGreaterThan(20)
      expect([...distances].filter(([, far]) => !(far <= 1e-4))).toEqual([])
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )
})

describe.skipIf(process.env["WEBGPU"] === undefined).each(names)(
  "%s on WebGPU (set WEBGPU where a driver is)",
  (name) => {
    it.scoped(
      `N19 the gradient of every parameter of ${name} is PyTorch's on WebGPU too`,
      () =>
        Effect.gen(function* () {
          const distances = yield* distancesOn("webgpu", name)
          expect([...distances].filter(([, far]) => !(far <= 1e-3))).toEqual([])
        }).pipe(Effect.provide(layerOnnxRuntime)),
      300_000,
    )
  },
)
