import { readFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Device, ModelCard, modelFiles } from "../../schemas/index.ts"
import { openScorer, type Scorer, scoringLanes } from "../runtime/index.ts"
import { usualTokensPerBatch } from "./Batches.ts"
import { ScoringFileFailed } from "./ScoringError.ts"

/** A model, and how many tokens of texts it is given at once. */
export interface OpenModel {
  readonly scorer: Scorer
  readonly tokensPerBatch: number
}

/** How a model is run. */
export interface OpenModelOptions {
  readonly device: Device
  /** Left out, all that there are. */
  readonly threads: number | undefined
  /** Left out, what suits device and model. */
  readonly tokensPerBatch: number | undefined
  /** How it comes to more cores than one, where it is not alone on the machine; left out, all are its own. */
  readonly cores?: {
    /** Waits until another is free, and has it until the scope is closed. */
    readonly another: Effect.Effect<void, never, Scope.Scope>
    /** Waits until all are. */
    readonly all: Effect.Effect<void>
  }
}

/** The card in a model's folder. */
export const readCard = (folder: string) => {
  const path = join(folder, modelFiles.card)
  return Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => new ScoringFileFailed({ path, why: String(cause) }),
  }).pipe(Effect.flatMap(Schema.decode(Schema.parseJson(ModelCard))))
}

/** Bytes of a model's weights. A ready graph may have its weights in files of any size beside it. */
export const weightBytesOf = (card: ModelCard): number =>
  card.family === "onnx" ? Number.POSITIVE_INFINITY : (card.precision === "fp32" ? 4 : 1) * card.parameters

/** Opens the model of a folder. */
export const openModel = (folder: string, card: ModelCard, options: OpenModelOptions) =>
  Effect.gen(function* () {
    const { cores, device } = options
    const threads = options.threads ?? availableParallelism()
    const weightBytes = weightBytesOf(card)
    const lanes = scoringLanes(weightBytes, threads)
    // What has lanes begins with one, on the core that it has; what has none works with all threads at once. One thread has its core.
    if (lanes === 1 && threads > 1) yield* cores?.all ?? Effect.void
    const scorer = yield* openScorer(
      { path: join(folder, modelFiles.graph) },
      { device, threads, lanes, ...(cores === undefined ? {} : { another: cores.another }) },
    )
    const tokensPerBatch = options.tokensPerBatch ?? usualTokensPerBatch(device, weightBytes, threads)
    return { scorer, tokensPerBatch } satisfies OpenModel
  })
