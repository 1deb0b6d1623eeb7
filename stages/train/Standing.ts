import * as Effect from "effect/Effect"
import type { Trainer } from "../../neural/index.ts"
import type { Best, Checkpoint } from "./Checkpoints.ts"
import type { Tensors } from "./TensorFile.ts"

const statePrefix = "state:"
const bestPrefix = "best:"
const minedName = "mined"

/** Where a training stands, beside its trainer. It changes as the training goes on, and is a checkpoint's to keep. */
export interface Standing {
  /** Steps that are done. */
  step: number
  /** The best measurement on the dev split, and the weights that it was of. */
  best: Best | undefined
  bestWeights: Tensors | undefined
  /** Ranks that were mined last. */
  mined: Uint32Array | undefined
}

/** Where a training stands that has not begun. */
export const atStart = (): Standing => ({ step: 0, best: undefined, bestWeights: undefined, mined: undefined })

const parts = (tensors: Tensors, prefix: string): Tensors =>
  new Map(
    [...tensors].flatMap(([name, array]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), array]] : [])),
  )

const prefixed = (tensors: Tensors, prefix: string): Tensors =>
  new Map([...tensors].map(([name, array]) => [`${prefix}${name}`, array]))

/** Puts trainer and standing where a checkpoint says. */
export const resumed = (trainer: Trainer, { position, tensors }: Checkpoint) =>
  Effect.gen(function* () {
    const { base, updates } = position
    const state = { updates, tensors: parts(tensors, statePrefix) }
    yield* trainer.restore(base === undefined ? state : { ...state, base })
    const mined = tensors.get(minedName)
    const best = parts(tensors, bestPrefix)
    return {
      step: position.step,
      best: position.best,
      bestWeights: best.size === 0 ? undefined : best,
      mined: mined === undefined ? undefined : Uint32Array.from(mined),
    } satisfies Standing
  })

/** What a checkpoint keeps of them. */
export const savedTensors = (state: Tensors, { bestWeights, mined }: Standing): Tensors =>
  new Map([
    ...prefixed(state, statePrefix),
    ...(bestWeights === undefined ? [] : prefixed(bestWeights, bestPrefix)),
    ...(mined === undefined ? [] : [[minedName, Int32Array.from(mined)] as const]),
  ])
