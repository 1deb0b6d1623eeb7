import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { convertCheckpoint } from "../../../neural/architectures/index.ts"
import { openWeights, writeSafetensors } from "../../../neural/checkpoints/index.ts"
import { layerOnnxRuntime, openScorer } from "../../../neural/runtime/index.ts"
import { modelsFolder, readGolden } from "./golden.ts"

const folder = mkdtempSync(join(tmpdir(), "rankdag-convert-"))
afterAll(() => rmSync(folder, { recursive: true }))

const fresh = (name: string): string => {
  const path = join(folder, name)
  mkdirSync(path)
  return path
}

const firstToken = { kind: "first-token" } as const

describe("converting a checkpoint", () => {
  it.scoped(
    "N15 a folder becomes a model file that gives the golden scores; its own head is taken where it has one",
    () =>
      Effect.gen(function* () {
        const to = fresh("bert-cross")
        const model = yield* convertCheckpoint({ from: join(modelsFolder, "bert-cross"), to })
        expect(model.head).toEqual({ kind: "classifier", labels: 1, label: 0 })
        expect(readdirSync(to).sort()).toEqual(["model.onnx", "model.safetensors"])
        expect(model.parameters).toBeGreaterThan(1000)
        const scorer = yield* openScorer({ path: join(to, "model.onnx") }, { device: "cpu", threads: 1 })
        const { texts } = readGolden("bert-cross")
        const scores = yield* scorer.score(texts)
        texts.forEach((text, i) => expect(scores[i]).toBeCloseTo(Number(text.expected["classifier"]), 4))
      }).pipe(Effect.provide(layerOnnxRuntime)),
  )

  it.effect(
    "N15 the same checkpoint gives the same bytes, and in half precision the same graph with rounded weights",
    () =>
      Effect.gen(function* () {
        const from = join(modelsFolder, "t5-relu")
        const [one, two, half] = [fresh("one"), fresh("two"), fresh("half")]
        yield* convertCheckpoint({ from, to: one, head: firstToken })
        yield* convertCheckpoint({ from, to: two, head: firstToken })
        const bytes = readFileSync(join(one, "model.onnx"))
        expect(Buffer.compare(bytes, readFileSync(join(two, "model.onnx")))).toBe(0)

        const rounded = fresh("rounded")
        cpSync(join(from, "config.json"), join(rounded, "config.json"))
        yield* Effect.scoped(
          Effect.gen(function* () {
            const weights = yield* openWeights(from)
            const tensors = yield* Effect.forEach([...weights.tensors.values()], (tensor) =>
              Effect.map(weights.floats(tensor.name), (data) => ({
                name: tensor.name,
                dtype: "BF16" as const,
                shape: tensor.shape,
                data: () => [data],
              })),
            )
            yield* writeSafetensors(join(rounded, "model.safetensors"), tensors)
          }),
        )
        yield* convertCheckpoint({ from: rounded, to: half, head: firstToken })
        expect(readFileSync(join(half, "model.onnx")).length).toBe(bytes.length)
      }),
  )

  it.effect("N15 what is wrong with a checkpoint is named, and no model is left", () =>
    Effect.gen(function* () {
      const attempt = (from: string, options: object) => {
        const to = mkdtempSync(join(folder, "to-"))
        return Effect.map(Effect.either(convertCheckpoint({ from, to, ...options })), (outcome) => {
          expect(readdirSync(to)).toEqual([])
          return outcome._tag === "Left" ? outcome.left : undefined
        })
      }
      const t5 = join(modelsFolder, "t5-relu")
      expect((yield* attempt(t5, {}))?.message).toMatch(/does not say which head.*first-token/)
      expect((yield* attempt(t5, { head: { kind: "decoder-logit", token: 3 } }))?.message).toMatch(/decoder\.block\.0/)
      expect((yield* attempt(join(modelsFolder, "t5-seq2seq-tied"), { head: firstToken }))?.message).toMatch(
        /head\.score\.weight/,
      )
      expect((yield* attempt(join(folder, "nowhere"), {}))?._tag).toBe("ConfigInvalid")
      const broken = fresh("broken")
      writeFileSync(join(broken, "config.json"), "{")
      expect((yield* attempt(broken, {}))?.message).toMatch(/not JSON/)
      writeFileSync(join(broken, "config.json"), JSON.stringify({ model_type: "t5", d_model: 32 }))
      cpSync(join(t5, "model.safetensors"), join(broken, "model.safetensors"))
      expect((yield* attempt(broken, { head: firstToken }))?._tag).toBe("TensorsMismatch")
    }),
  )
})
