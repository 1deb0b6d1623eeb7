import { join } from "node:path"
import * as Effect from "effect/Effect"
import {
  layerOnnxRuntime,
  openModel,
  openTokenizer,
  readCard,
  readTokenTable,
  type ScoredTexts,
  scoreTexts,
  singleInput,
  singleTexts,
  usualTokensPerBatch,
  type VectorTableWriter,
  vectorTableWriter,
  weightBytesOf,
} from "../../neural/index.ts"
import type { StageContext } from "../../pipeline/index.ts"
import type { EncodeConfig, encodeInputs, encodeOutputs } from "./contract.ts"
import { NoEmbedder, TextNotEncoded } from "./EncodeError.ts"
import { tellTruncated } from "./tellTruncated.ts"

/** Vectors held at once. */
const block = 1024

/** The texts of each distinct input, one behind another in the order of the inputs, and where each input's begin. */
const textsByInput = ({ inputs, inputOf }: ScoredTexts) => {
  const starts = new Uint32Array(inputs + 1)
  for (const input of inputOf) starts[input + 1]!++
  for (let input = 0; input < inputs; input++) starts[input + 1]! += starts[input]!
  const next = starts.slice()
  const texts = new Uint32Array(inputOf.length)
  inputOf.forEach((input, text) => {
    texts[next[input]!++] = text
  })
  return { starts, texts }
}

/** The texts whose inputs are in the batches, in their order. */
const encodedTexts = ({ batches, inputOf, inputs }: ScoredTexts): Uint32Array => {
  const isIn = new Uint8Array(inputs)
  for (const input of batches.order) isIn[input] = 1
  return Uint32Array.from(inputOf.keys()).filter((text) => isIn[inputOf[text]!] === 1)
}

/** The vectors, which lie in the order of the batches, at the places that their texts have among those of the table. */
const putVectors = (encoded: ScoredTexts, own: Uint32Array, writer: VectorTableWriter) =>
  Effect.gen(function* () {
    const { batches, file, inputOf, width } = encoded
    const { order } = batches
    const { starts, texts } = textsByInput(encoded)
    const places = new Uint32Array(inputOf.length)
    for (const [place, text] of own.entries()) places[text] = place
    const held = new Float32Array(Math.min(block, order.length) * width)
    for (let from = 0; from < order.length; from += block) {
      const inputs = order.subarray(from, from + block)
      yield* file.read(held.subarray(0, inputs.length * width), from * width)
      for (const [at, input] of inputs.entries()) {
        const vector = held.subarray(at * width, (at + 1) * width)
        for (const text of texts.subarray(starts[input], starts[input + 1])) yield* writer.put([places[text]!], vector)
      }
    }
    yield* writer.finish
  })

/** Encodes the texts of a table; of a part those of its batches, which are the whole's. */
export const run = ({
  config,
  inputs,
  outputs,
  progress,
  scratch,
  shard,
  warn,
}: StageContext<EncodeConfig, typeof encodeInputs, typeof encodeOutputs>) =>
  Effect.gen(function* () {
    const card = yield* readCard(inputs.model.path)
    const { maximumTokens, texts, truncation } = card.input
    if (card.output !== "embeddings" || texts.kind !== "single") {
      return yield* new NoEmbedder({ model: card.name, head: card.head?.kind ?? "of a ready graph" })
    }
    const table = yield* readTokenTable(inputs.tokens.path, config.texts)
    const { tokenizer } = yield* openTokenizer(inputs.tokenizer.path)
    const input = yield* config.texts === "queries"
      ? singleInput(tokenizer, maximumTokens, texts.queryPrefix, truncation)
      : singleInput(tokenizer, maximumTokens, texts.passagePrefix)
    const { device } = config.hardware
    // Batches as of one thread, however many there are: the same sums, and so the same bytes.
    const { threads, tokensPerBatch = usualTokensPerBatch(device, weightBytesOf(card), 1) } = config
    const model = yield* openModel(inputs.model.path, card, { device, threads, tokensPerBatch })
    const all = Uint32Array.from({ length: table.texts }, (_, text) => text)
    const encoded = yield* scoreTexts({
      system: card.name,
      ...model,
      part: shard,
      width: model.scorer.width,
      path: join(scratch, "vectors.f32"),
      progress,
      texts: singleTexts(table, config.texts, all, input),
      failed: (text, { value }) =>
        new TextNotEncoded({ model: card.name, texts: config.texts, name: table.nameOf(text), value }),
    })
    const own = encodedTexts(encoded)
    const writer = yield* vectorTableWriter(outputs.vectors, {
      texts: own.length,
      dimensions: model.scorer.width,
      nameOf: (place) => table.nameOf(own[place]!),
    })
    yield* putVectors(encoded, own, writer)
    let truncated = 0
    for (const text of own) if (input.truncates(table.length(text))) truncated++
    // Said of the whole, once.
    if (shard === undefined) tellTruncated(warn, { texts: own.length, truncated }, config.texts, maximumTokens)
    const { batches, scoredBefore } = encoded
    return {
      rows: { vectors: own.length },
      facts: {
        texts: own.length,
        distinct: batches.order.length,
        dimensions: model.scorer.width,
        truncated,
        tokens: batches.tokens,
        paddedTokens: batches.padded,
        // Said where it happened: a run that was never killed has the facts of every other.
        ...(scoredBefore > 0 ? { shareBefore: scoredBefore / batches.order.length } : {}),
        device: model.scorer.device,
        deviceName: model.scorer.deviceName,
        precision: config.precision,
      },
    }
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))
