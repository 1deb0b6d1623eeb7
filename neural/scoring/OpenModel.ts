import { readFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
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
  card.family === "onnx" ? Number.POSITIVE_INFINITY : 4 * card.parameters

/** Opens the model of a folder. */
export const openModel = (folder: string, card: ModelCard, options: OpenModelOptions) =>
  Effect.gen(function* () {
    const { device } = options
    const threads = options.threads ?? availableParallelism()
    const weightBytes = weightBytesOf(card)
    const lanes = scoringLanes(weightBytes, threads)
    const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, { device, threads, lanes })
    const tokensPerBatch = options.tokensPerBatch ?? usualTokensPerBatch(device, weightBytes, threads)
    return { scorer, tokensPerBatch } satisfies OpenModel
  })
