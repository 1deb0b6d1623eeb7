import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { layerOnnxRuntime, type OnnxRuntime, type TokenSequence } from "../../../neural/runtime/index.ts"
import {
  openTrainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingStep,
} from "../../../neural/training/index.ts"
import { OptimizerSettings } from "../../../schemas/index.ts"
import { goldenModel, headOfKind, readConfig, readGolden } from "../architectures/golden.ts"

/** Settings of the optimizer, without clipping. */
export const optimizer = (given: object = {}): OptimizerSettings =>
  Schema.decodeUnknownSync(OptimizerSettings)({ learningRate: 1e-2, clip: 0, ...given })

/** A small random model with a head, to be trained. */
export const optionsFor = (
  name: string,
  kind: string,
  given: Partial<TrainerOptions> = {},
): Effect.Effect<TrainerOptions, unknown> =>
  Effect.gen(function* () {
    const { architecture, labels } = readConfig(name)
    const head = headOfKind(kind, readGolden(name), labels)
    const { floats } = yield* goldenModel(name, head)
    return {
      description: { architecture, head },
      weights: floats,
      loss: { kind: "hybrid", alpha: 0.5, k: 2, scope: "all" } as const,
      optimizer: optimizer(),
      dropout: 0,
      seed: 7,
      device: "cpu" as const,
      threads: 2,
      ...given,
    }
  }).pipe(Effect.scoped)

const m = 5

/** Lists of short texts, made of the golden ones' tokens; the last list is shorter than the others. */
export const makeStep = (name: string, step: number, lists = 3, longest = 12): TrainingStep => {
  const pool = readGolden(name).texts.flatMap(({ ids, types }) => ids.map((id, i) => [id, types[i] ?? 0] as const))
  const texts = Array.from({ length: lists * m }, (_, item): TokenSequence => {
    const tokens = Array.from(
      { length: 3 + ((item * 7 + step) % (longest - 2)) },
      (_each, at) => pool[(item * 31 + at * 17 + step * 13) % pool.length] ?? ([1, 0] as const),
    )
    return { ids: tokens.map(([id]) => id), types: tokens.map(([, type]) => type) }
  })
  const mask = new Uint8Array(lists * m).fill(1)
  mask[lists * m - 1] = 0
  mask[lists * m - 2] = 0
  return {
    step,
    lists,
    m,
    texts,
    grades: Float32Array.from({ length: lists * m }, (_, item) => {
      const list = Math.floor(item / m)
      return item % m === list % 3 ? 1 + (list % 2) : 0
    }),
    mask,
    learningRates: [1e-2],
  }
}

/** With onnxruntime, and what was opened closed. */
export const run = <A>(body: Effect.Effect<A, unknown, Scope.Scope | OnnxRuntime>): Effect.Effect<A, unknown> =>
  body.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

/** What a trainer's state is after one step: the first moments are a tenth of the gradients. */
export const afterOneStep = (options: TrainerOptions, step: TrainingStep) =>
  run(
    Effect.gen(function* () {
      const trainer = yield* openTrainer(options)
      const report = yield* trainer.step(step)
      return { report, state: trainer.state() }
    }),
  )

/** ‖a − b‖ / ‖b‖ of the gradient of each weight, the worst. */
export const worstGradient = (a: TrainerState, b: TrainerState): number => {
  let worst = 0
  for (const [name, values] of b.tensors) {
    if (!name.startsWith("first:")) continue
    const other = a.tensors.get(name)
    let [difference, norm] = [0, 0]
    values.forEach((value, i) => {
      difference += ((other?.[i] ?? Number.NaN) - value) ** 2
      norm += value ** 2
    })
    // A gradient that is zero but for rounding, as that of a bias which shifts all scores alike, has no relative error.
    worst = Math.max(worst, Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-3))
  }
  return worst
}
