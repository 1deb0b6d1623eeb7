import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { InferenceFailed, ScoreNotFinite, Scorer, TokenSequence } from "../runtime/index.ts"
import { type Batches, type BatchPart, batchesOfPart, packBatches } from "./Batches.ts"
import { distinctInputs, type InputTexts } from "./distinctInputs.ts"
import { type ScoreFile, scoreFile } from "./ScoreFile.ts"
import { ScoresMisshaped, type ScoringFileFailed } from "./ScoringError.ts"

/** What became of texts: the numbers of their distinct inputs in a file in the order of the batches, and which input is each text's. */
export interface ScoredTexts {
  readonly file: ScoreFile
  /** How many distinct inputs the texts are, in all parts. */
  readonly inputs: number
  /** Of the inputs; of a part, its own. */
  readonly batches: Batches
  /** The input of each text. */
  readonly inputOf: Uint32Array
  /** Numbers of one text. */
  readonly width: number
  /** How many inputs an earlier run, which was killed, had scored. */
  readonly scoredBefore: number
}

/** How many of the texts' distinct inputs have been scored. */
export interface ScoringProgress {
  readonly done: number
  /** How many an earlier run, which was killed, had scored. */
  readonly resumedAt: number
  readonly total: number
  readonly unit: string
  readonly detail: string
}

/** A turn of the event loop: lets signals and the live line have their say between batches. */
const breathe = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/**
 * Runs a model over texts, batch by batch, the longest first, into a file that a killed run goes on with. Texts that are one
 * input are scored once: copies of a passage tie, however sums are rounded in batches of other sizes.
 *
 * @param options.part which of the batches; left out, all
 * @param options.width numbers that the model gives for a text
 * @param options.failed says which text it was that has no number
 */
export const scoreTexts = <E>(options: {
  readonly system: string
  readonly scorer: Scorer
  readonly texts: InputTexts
  readonly part?: BatchPart | undefined
  readonly tokensPerBatch: number
  readonly width: number
  readonly path: string
  readonly progress: (progress: ScoringProgress) => void
  readonly failed: (text: number, error: ScoreNotFinite) => E
}): Effect.Effect<ScoredTexts, E | InferenceFailed | ScoringFileFailed | ScoresMisshaped, Scope.Scope> =>
  Effect.gen(function* () {
    const { failed, part, path, progress, scorer, system, texts, tokensPerBatch, width } = options
    const { first, of: inputOf } = distinctInputs(texts, scorer.wantsTypes)
    const lengths = first.map((text) => texts.length(text))
    const all = packBatches(lengths, tokensPerBatch)
    const batches = part === undefined ? all : batchesOfPart(all, lengths, part)
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
      progress({ done: starts[done] ?? 0, resumedAt: scoredBefore, total: order.length, unit: texts.unit, detail })
    tell()

    const sequence = (input: number): TokenSequence => {
      const ids = new Int32Array(lengths[input]!)
      const types = scorer.wantsTypes ? new Int32Array(ids.length) : undefined
      texts.write(first[input]!, ids, types)
      const { leftOut = 0 } = texts
      return { ids, leftOut, ...(types === undefined ? {} : { types }) }
    }
    const score = (batch: number) =>
      Effect.gen(function* () {
        const members = order.subarray(starts[batch], starts[batch + 1])
        const values = yield* Effect.catchTag(scorer.score(Array.from(members, sequence)), "ScoreNotFinite", (error) =>
          Effect.fail(failed(first[members[error.text] ?? 0] ?? 0, error)),
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
    return { file, inputs: first.length, batches, inputOf, width, scoredBefore }
  })

/** Numbers in one read of a file of scores. */
const readAtOnce = 2 ** 20

/** All scores of texts that have one number each, by text. */
export const scoresByText = ({ batches, file, inputOf }: ScoredTexts): Effect.Effect<Float32Array, ScoringFileFailed> =>
  Effect.gen(function* () {
    const { order } = batches
    const scores = new Float32Array(order.length)
    const buffer = new Float32Array(Math.min(readAtOnce, order.length))
    for (let from = 0; from < order.length; from += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, order.length - from))
      yield* file.read(part, from)
      for (let i = 0; i < part.length; i++) scores[order[from + i]!] = part[i]!
    }
    return Float32Array.from(inputOf, (input) => scores[input]!)
  })
