/**
 * Scores of query and passage by a model on one's own machine: a cross-encoder, a T5 reranker or a bi-encoder from its folder.
 *
 * @packageDocumentation
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { modelFolder } from "../stages/model/index.ts"
import { openPairScorer, type PairScores, type TextPair } from "../stages/rerank/index.ts"
import { promise } from "./promise.ts"

export type { PairScores, TextPair }

/** How a model runs, and what its files do not say. */
export interface ModelOptions {
  /** `cpu` (the default), `cuda`, `webgpu`, or `auto` for the best that there is; one that is missing is an error. */
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu"
  /** Threads on the CPU. Default: all that there are. */
  readonly threads?: number
  /** Tokens that a batch may have, padding included. Default: what suits the device. */
  readonly tokensPerBatch?: number
  /** A folder with an adapter (LoRA) whose changes are put into the weights. */
  readonly adapter?: string
  /** What makes the score. Default: what the checkpoint was saved with, or the adapter. */
  readonly head?:
    | "first-token"
    | "masked-mean"
    | "attention-pooling"
    | "decoder-logit"
    | "decoder-choice"
    | "classifier"
    | "embedding"
  /** How query and passage become one text, with `{query}` and `{document}`. Default: the family's usual. */
  readonly template?: string
  /** Of a bi-encoder: what stands before a query. */
  readonly queryPrefix?: string
  /** Of a bi-encoder: what stands before a passage. */
  readonly passagePrefix?: string
  /** Most tokens of an input. Default: what the model's files say. */
  readonly maximumTokens?: number
  /**
   * What is shortened of a pair that is too long: `passage`; `longest-first`, as transformers does it; `query:64`, the query to 64
   * tokens, then the passage. Default: `longest-first` in a tokenizer's layout for pairs, `passage` in a template.
   */
  readonly truncation?: "passage" | "longest-first" | `query:${number}`
}

/** A model that is open: it holds its weights until it is closed. */
export interface OpenModel {
  /** `cpu`, or the device that was taken. */
  readonly device: string
  /** What a reader of its scores has to know: of its files, fields that were passed over or taken in one of several ways. */
  readonly warnings: ReadonlyArray<string>
  /** Most tokens of an input; texts are shortened to fit, which `PairScores` counts. */
  readonly maximumTokens: number
  /**
   * Scores pairs. A pair's score does not depend on the others but for the rounding of sums (1e-5).
   *
   * @throws (rejects with) `PairNotScored` where the model gives no number
   */
  readonly score: (pairs: ReadonlyArray<TextPair>) => Promise<PairScores>
  /** Frees the model. */
  readonly close: () => Promise<void>
}

/**
 * Opens a model: a folder in Hugging Face's layout (safetensors), one that `rankdag export model` wrote, an ONNX file with a
 * tokenizer beside it, or an adapter's folder (LoRA) as peft or `rankdag export adapter` wrote it, whose configuration says which folder
 * holds the model it is put over; else `adapter` names it beside that model. A checkpoint is converted once, into a temporary folder, which is removed on closing.
 *
 * @throws (rejects with) `UnknownModel`, `ModelUnsuitable` and the errors of its files, told apart by `_tag`
 */
export const openModel = async (folder: string, options: ModelOptions = {}): Promise<OpenModel> => {
  const { device = "cpu", threads, tokensPerBatch, ...settings } = options
  const scope = await promise(Scope.make())
  const close = (): Promise<void> => promise(Scope.close(scope, Exit.void))
  const opened = Effect.gen(function* () {
    const made = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "rankdag-model-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
    )
    const warnings = yield* modelFolder({ source: resolve(folder), ...settings }, made)
    const scorer = yield* openPairScorer(made, {
      device,
      ...(threads === undefined ? {} : { threads }),
      ...(tokensPerBatch === undefined ? {} : { tokensPerBatch }),
    })
    return { scorer, warnings }
  })
  try {
    const { scorer, warnings } = await promise(Scope.extend(opened, scope))
    return {
      warnings,
      device: scorer.device,
      maximumTokens: scorer.maximumTokens,
      score: (pairs) => promise(scorer.score(pairs)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Opens a model, scores pairs and closes it: see {@link openModel} for several calls. */
export const scorePairs = async (
  folder: string,
  pairs: ReadonlyArray<TextPair>,
  options: ModelOptions = {},
): Promise<PairScores> => {
  const model = await openModel(folder, options)
  try {
    return await model.score(pairs)
  } finally {
    await model.close()
  }
}
