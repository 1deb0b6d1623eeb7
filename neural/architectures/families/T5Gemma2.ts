import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { rankT5Template } from "../../tokenizers/index.ts"
import { type Architecture, ignoresBeside } from "../Architecture.ts"
import { configFields, decoded, type Outcome, or } from "../ConfigJson.ts"
import { type Family, pooledHeads } from "../Family.ts"
import { type RotaryStack, stackArchitecture } from "../RotaryStack.ts"
import { Gemma3Json, gemma3Stack, gemma3Table } from "./Gemma3.ts"
import { encoderNorms } from "./rotaryFields.ts"

const T5Gemma2Json = Schema.Struct({
  encoder: Schema.Struct({
    text_config: Gemma3Json,
    eoi_token_index: or(Schema.NullOr(Schema.NonNegativeInt), 256_000),
  }),
})

const ofImages = "of images, which are not read"

const fields = configFields({
  honoured: {},
  harmless: {
    decoder: "the encoder alone is used",
    vocab_size: "encoder.text_config.vocab_size is taken",
    tie_word_embeddings: "of the language model's head, which is not used",
    is_encoder_decoder: "the encoder alone is used",
    image_token_index: ofImages,
    eoi_token_index: "encoder.eoi_token_index is taken, as transformers does",
  },
  within: {
    encoder: configFields({
      honoured: { eoi_token_index: "the token whose embedding is stored apart, and is not scaled" },
      harmless: {
        vision_config: ofImages,
        mm_tokens_per_image: ofImages,
        boi_token_index: ofImages,
        image_token_index: ofImages,
        tie_word_embeddings: "of the language model's head, which is not used",
      },
      within: {
        text_config: configFields({
          ...gemma3Table,
          harmless: {
            ...gemma3Table.harmless,
            final_logit_softcapping: "of the language model's head, which is not used",
            tie_word_embeddings: "of the language model's head, which is not used",
            is_encoder_decoder: "the encoder alone is used",
          },
        }),
      },
    }),
  },
})

const architecture = (stack: RotaryStack): Architecture => ({
  family: "t5gemma2",
  ...stackArchitecture(stack),
  headOfClass: () => undefined,
  // transformers 5 has the text part at encoder.text_model, and writes files without it.
  aliases: (name) => {
    const inner = name.replace(/^encoder\./u, "encoder.text_model.")
    return [`model.${name}`, inner, `model.${inner}`]
  },
  ignores: ignoresBeside("model.", ["encoder.vision_tower.", "encoder.multi_modal_projector."]),
  template: () => ({ ...rankT5Template, eos: false }),
})

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const { encoder } = yield* decoded("t5gemma2", T5Gemma2Json, json)
    const { eoi_token_index: image, text_config: text } = encoder
    const stack = yield* gemma3Stack("t5gemma2", text, {
      prefix: "encoder.",
      norms: encoderNorms,
      // The window is of both sides together, and of an even one the right side has a token more.
      sliding: (window) => ({ before: Math.floor((window + 1) / 2) - 1, after: Math.floor(window / 2) }),
      full: { before: undefined, after: undefined },
      part: "encoder.text_config.",
    })
    const stored = image !== null && image < text.vocab_size
    return architecture(
      stored ? { ...stack, ownRows: new Map([[image, "encoder.embed_tokens.eoi_embedding"]]) } : stack,
    )
  })

/** T5Gemma 2, of the text encoder alone. */
export const t5Gemma2Family: Family = {
  name: "t5gemma2",
  modelTypes: { t5gemma2: { fields, read } },
  proven: { t5gemma2: pooledHeads },
  repositories: [],
}
