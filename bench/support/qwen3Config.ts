/** Qwen3-Reranker-0.6B's sizes, and the entries of yes and no in its vocabulary. */
export const qwen3Head = { kind: "decoder-choice", yes: 9693, no: 2152 } as const

export const qwen3Config = {
  model_type: "qwen3",
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 151_669,
  tie_word_embeddings: true,
  rope_theta: 1_000_000,
} as const
