import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { InferenceFailed, ScoreNotFinite, Scorer, TokenSequence } from "../../neural/index.ts"
import type { Progress } from "../../pipeline/index.ts"
import { type Batches, packBatches } from "./Batches.ts"
import { type RerankFileFailed, ScoresMisshaped } from "./RerankError.ts"
import { type ScoreFile, scoreFile } from "./ScoreFile.ts"

/** Texts as a model's input reads them. */
export interface InputTexts {
  readonly count: number
  /** What they are, in the plural, for the progress. */
  readonly unit: string
  /** Tokens of a text, template and all, after shortening. */
  readonly length: (text: number) => number
  /** Writes a text's ids, and the token types where the model wants them, and gives their number. */
  readonly write: (text: number, ids: Int32Array, types?: Int32Array) => number
  /** How many of each text's first tokens are left out of its mean, where the model does that. */
  readonly leftOut?: number
}

/** What became of texts: their numbers in a file in the order of the batches, and where each text's are. */
export interface ScoredTexts {
  readonly file: ScoreFile
  readonly batches: Batches
  /** Numbers of one text. */
  readonly width: number
  /** How many texts an earlier run, which was killed, had scored. */
  readonly scoredBefore: number
}

/** A turn of the event loop: lets signals and the live line have their say between batches. */
const breathe = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/**
 * Runs a model over texts, batch by batch, the longest first, into a file that a killed run goes on with.
 *
 * @param options.width numbers that the model gives for a text
 * @param options.failed says which text it was that has no number
 */
export const scoreTexts = <E>(options: {
  readonly system: string
  readonly scorer: Scorer
  readonly texts: InputTexts
  readonly tokensPerBatch: number
  readonly width: number
  readonly path: string
  readonly progress: (progress: Progress) => void
  readonly failed: (text: number, error: ScoreNotFinite) => E
}): Effect.Effect<ScoredTexts, E | InferenceFailed | RerankFileFailed | ScoresMisshaped, Scope.Scope> =>
  Effect.gen(function* () {
    const { failed, path, progress, scorer, system, texts, tokensPerBatch, width } = options
    const lengths = new Uint32Array(texts.count)
    for (let text = 0; text < texts.count; text++) lengths[text] = texts.length(text)
    const batches = packBatches(lengths, tokensPerBatch)
    const { order, starts, tokens, padded } = batches
    /** Batches whose results are in the file. */
    let done = 0
    const file = yield* scoreFile(path, (floats) => {
      while (done + 1 < starts.length && starts[done + 1]! * width <= floats) done++
      return starts[done]! * width
    })
    const waste = padded === 0 ? 0 : 1 - tokens / padded
    const detail = `padding ${(100 * waste).toFixed(1)} % · ${scorer.device}`
    const scoredBefore = starts[done] ?? 0
    const tell = (): void =>
      progress({ done: starts[done] ?? 0, resumedAt: scoredBefore, total: texts.count, unit: texts.unit, detail })
    tell()

    const sequence = (text: number): TokenSequence => {
      const ids = new Int32Array(lengths[text]!)
      const types = scorer.wantsTypes ? new Int32Array(ids.length) : undefined
      texts.write(text, ids, types)
      const { leftOut = 0 } = texts
      return { ids, leftOut, ...(types === undefined ? {} : { types }) }
    }
    const score = (batch: number) =>
      Effect.gen(function* () {
        const members = order.subarray(starts[batch], starts[batch + 1])
        const values = yield* Effect.catchTag(scorer.score(Array.from(members, sequence)), "ScoreNotFinite", (error) =>
          Effect.fail(failed(members[error.text] ?? 0, error)),
        )
        if (values.length !== members.length * width) {
          return yield* new ScoresMisshaped({ system, texts: members.length, values: values.length })
        }
        yield* breathe
        return values
      })
    // The results come in the order of the batches, however many are worked at side by side.
    yield* Stream.range(done, starts.length - 2).pipe(
      Stream.mapEffect(score, { concurrency: scorer.lanes }),
      Stream.runForEach((values) =>
        Effect.gen(function* () {
          yield* file.append(values)
          done++
          tell()
        }),
      ),
    )
    return { file, batches, width, scoredBefore }
  })

/** Numbers in one read of a file of scores. */
const readAtOnce = 2 ** 20

/** All scores of texts that have one number each, by text. */
export const scoresByText = ({ batches, file }: ScoredTexts): Effect.Effect<Float32Array, RerankFileFailed> =>
  Effect.gen(function* () {
    const { order } = batches
    const scores = new Float32Array(order.length)
    const buffer = new Float32Array(Math.min(readAtOnce, order.length))
    for (let from = 0; from < order.length; from += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, order.length - from))
      yield* file.read(part, from)
      for (let i = 0; i < part.length; i++) scores[order[from + i]!] = part[i]!
    }
    return scores
  })
