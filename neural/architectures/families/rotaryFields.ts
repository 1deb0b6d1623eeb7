import * as Schema from "effect/Schema"
import type { FieldTable } from "../../../schemas/index.ts"
import { invalid, or, positive } from "../ConfigJson.ts"
import type { NormNames } from "../RotaryStack.ts"

/** How the positions of a rotary model are turned, as `config.json` says it. */
export const RopeJson = Schema.Struct({
  rope_type: or(Schema.String, "default"),
  rope_theta: or(Schema.NullOr(positive), null),
})

/** What becomes of the fields of `rope_parameters` where a reader looks at rope_type itself. */
export const plainRopeFields: FieldTable = {
  honoured: {
    rope_type: "must be default: scaled rotary positions are not built",
    rope_theta: "base of the rotary positions",
  } satisfies Record<keyof typeof RopeJson.fields, string>,
  harmless: {},
  only: { partial_rotary_factor: { values: [1], because: "rotary positions on a part of a head are not built" } },
}

/** What becomes of the fields of `rope_parameters`. */
export const ropeFields: FieldTable = {
  honoured: { rope_theta: "base of the rotary positions" },
  harmless: {},
  only: {
    rope_type: { values: ["default"], because: "scaled rotary positions are not built" },
    type: { values: ["default"], because: "scaled rotary positions are not built" },
    partial_rotary_factor: { values: [1], because: "rotary positions on a part of a head are not built" },
  },
}

/** What decoders have in common: which fields of theirs have no say. */
export const decoderHarmless = {
  is_decoder: "it is one whatever this says, as in transformers",
  max_position_embeddings: "rotary positions have no end",
  pretraining_tp: "how products are split, not what they are",
} as const

/** The names of the normalisations of a layer of Qwen and Gemma 1. */
export const twoNorms: NormNames = {
  beforeAttention: "input_layernorm",
  beforeFeedForward: "post_attention_layernorm",
}

/** And of Gemma 2 and 3. */
export const fourNorms: NormNames = {
  beforeAttention: "input_layernorm",
  afterAttention: "post_attention_layernorm",
  beforeFeedForward: "pre_feedforward_layernorm",
  afterFeedForward: "post_feedforward_layernorm",
}

/** And of the encoders of T5Gemma and T5Gemma 2. */
export const encoderNorms: NormNames = {
  beforeAttention: "pre_self_attn_layernorm",
  afterAttention: "post_self_attn_layernorm",
  beforeFeedForward: "pre_feedforward_layernorm",
  afterFeedForward: "post_feedforward_layernorm",
}

/**
 * For each layer whether it slides, or what is wrong.
 *
 * @param usual whether a layer slides where the file does not say it
 */
export const slidingLayers = (
  types: readonly string[] | null,
  layers: number,
  usual: (layer: number) => boolean,
): readonly boolean[] | string => {
  if (types === null) return Array.from({ length: layers }, (_, layer) => usual(layer))
  const strange = types.find((type) => type !== "sliding_attention" && type !== "full_attention")
  if (strange !== undefined) return `«${strange}» is not built`
  if (types.length !== layers) return `${types.length} entries for ${layers} layers`
  return types.map((type) => type === "sliding_attention")
}

/** What is wrong with a division into heads; undefined where nothing is. */
export const headProblem = (modelType: string, heads: number, keyHeads: number, headSize: number) => {
  if (heads % keyHeads !== 0) return invalid(modelType, "num_key_value_heads", "it must divide num_attention_heads")
  return headSize % 2 === 0 ? undefined : invalid(modelType, "head_dim", "rotary positions need an even number")
}
