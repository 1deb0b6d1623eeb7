import type { ScratchSettings } from "../../schemas/index.ts"

/** T5's own: 32 buckets, the last from 128 tokens on. */
const distances = { relative_attention_num_buckets: 32, relative_attention_max_distance: 128 }

/** The sizes of the matrices, of whatever the tokenizer came to. */
type Sizes = Pick<ScratchSettings, "scratch" | "width" | "heads" | "headSize" | "innerWidth" | "layers"> & {
  readonly vocabulary: number
  readonly maximumTokens: number
}

/**
 * The `config.json` of a model from nothing, as Hugging Face's classes write and read it: an encoder, whose special tokens are
 * `trainBpe`'s.
 */
export const scratchConfig = (sizes: Sizes): Readonly<Record<string, unknown>> => {
  const { headSize, heads, innerWidth, layers, maximumTokens, scratch, vocabulary, width } = sizes
  const tokens = { pad_token_id: 0, eos_token_id: 1 }
  switch (scratch) {
    case "t5":
      return {
        architectures: ["T5EncoderModel"],
        model_type: "t5",
        vocab_size: vocabulary,
        d_model: width,
        d_kv: headSize,
        d_ff: innerWidth,
        num_layers: layers,
        num_decoder_layers: layers,
        num_heads: heads,
        ...distances,
        feed_forward_proj: "relu",
        layer_norm_epsilon: 1e-6,
        is_encoder_decoder: false,
        use_cache: false,
        decoder_start_token_id: 0,
        ...tokens,
      }
    case "t5gemma": {
      // What equals the classes' defaults is left out: they take whole numbers for floats badly.
      const part = {
        model_type: "t5_gemma_module",
        vocab_size: vocabulary,
        hidden_size: width,
        intermediate_size: innerWidth,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: heads,
        head_dim: headSize,
        hidden_activation: "gelu_pytorch_tanh",
        query_pre_attn_scalar: headSize,
        max_position_embeddings: maximumTokens,
        sliding_window: maximumTokens,
        layer_types: Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention")),
        rms_norm_eps: 1e-6,
        attention_bias: false,
        tie_word_embeddings: true,
        ...tokens,
      }
      return {
        architectures: ["T5GemmaEncoderModel"],
        model_type: "t5gemma",
        vocab_size: vocabulary,
        is_encoder_decoder: false,
        use_cache: false,
        tie_word_embeddings: true,
        encoder: part,
        decoder: part,
        ...tokens,
      }
    }
  }
}
