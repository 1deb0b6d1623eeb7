import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { keepAll, modelExpression, Parameters, tokenBatch } from "../../../neural/architectures/index.ts"
import { openTrainer } from "../../../neural/training/index.ts"
import { Recomputed } from "../../../neural/training/recomputed.ts"
import { adapterCase, optionsOf } from "../adapters/golden.ts"
import { readConfig } from "../architectures/golden.ts"
import { makeStep, optionsFor, run, worstGradient } from "./smallTraining.ts"

const models = [
  ["t5-relu", "first-token"],
  ["t5-gated", "masked-mean"],
  ["t5-seq2seq-tied", "decoder-logit"],
  ["t5gemma-window", "attention-pooling"],
  ["bert-cross", "classifier"],
  ["modernbert", "masked-mean"],
] as const

describe("recomputation", () => {
  it.each(models.filter(([name]) => !name.includes("seq2seq")))(
    "T88 %s is cut at the beginning of each layer",
    (name) => {
      const { architecture } = readConfig(name)
      const tokens = tokenBatch()
      const scores = modelExpression({ architecture, head: { kind: "masked-mean" } }, tokens, new Parameters(), keepAll)
      const { cuts } = new Recomputed([{ ids: tokens.ids, masks: [], scores }])
      expect(cuts.length).toBe(architecture.layers)
      for (const cut of cuts) expect(cut.shape[1]).toBe(architecture.width)
    },
  )

  it.effect.each([models[0], models[3], models[4]])(
    "T88 %s with the head %s: a step's bytes are the same with it as without, with dropout",
    ([name, kind]) =>
      Effect.gen(function* () {
        const after = (recompute: boolean, tokensPerMicroBatch: number) =>
          Effect.flatMap(optionsFor(name, kind, { dropout: 0.2, recompute, tokensPerMicroBatch }), (options) =>
            run(
              Effect.gen(function* () {
                const trainer = yield* openTrainer(options)
                yield* trainer.step(makeStep(name, 3))
                return trainer.state()
              }),
            ),
          )
        for (const tokens of name === "t5-relu" ? [4096, 40] : [4096]) {
          const [kept, again] = [yield* after(false, tokens), yield* after(true, tokens)]
          if (process.env["PARITY"] !== undefined) console.log(name, tokens, worstGradient(again, kept))
          expect(again).toEqual(kept)
        }
      }),
  )

  it.effect("T88 adapters, too", () =>
    Effect.gen(function* () {
      const name = "t5gemma-grouped-first-token"
      const { step } = yield* adapterCase(name)
      const after = (recompute: boolean) =>
        Effect.flatMap(optionsOf(name, "file", { recompute, dropout: 0.1 }), (options) =>
          run(
            Effect.gen(function* () {
              const trainer = yield* openTrainer(options)
              yield* trainer.step(step)
              return trainer.state()
            }),
          ),
        )
      expect(yield* after(true)).toEqual(yield* after(false))
    }),
  )
})
