import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  layerOnnxRuntime,
  openModel,
  openTokenizer,
  readCard,
  singleInput,
  singleSequence,
} from "../../neural/index.ts"
import type { StoredStage } from "../../schemas/index.ts"
import { EncodeConfig } from "./contract.ts"
import { NoEmbedder, TextNotEncoded } from "./EncodeError.ts"

/**
 * Opens what encoded the queries of an earlier run, for queries that are typed; closed with the scope. A vector's numbers are those of
 * the stage, to 1e-5.
 */
export const openEncoder = ({ config, inputs }: StoredStage) =>
  Effect.gen(function* () {
    const folder = inputs["model"]?.[0] ?? ""
    const { hardware, threads, tokensPerBatch } = yield* Schema.decodeUnknown(EncodeConfig)(config)
    const card = yield* readCard(folder)
    const { maximumTokens, texts, truncation } = card.input
    if (texts.kind !== "single") {
      return yield* new NoEmbedder({ model: card.name, head: card.head?.kind ?? "of a ready graph" })
    }
    const { tokenizer } = yield* openTokenizer(inputs["tokenizer"]?.[0] ?? "")
    const input = yield* singleInput(tokenizer, maximumTokens, texts.queryPrefix, truncation)
    const { scorer } = yield* openModel(folder, card, { device: hardware.device, threads, tokensPerBatch })
    return (query: string) =>
      Effect.catchTag(
        scorer.score([singleSequence(input, input.text(query), scorer.wantsTypes)]),
        "ScoreNotFinite",
        ({ value }) => new TextNotEncoded({ model: card.name, texts: "queries", name: query, value }),
      )
  }).pipe(Effect.provide(layerOnnxRuntime))
