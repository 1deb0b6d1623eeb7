/** The sizes of MiniLM-L6, of a BERT's vocabulary. */
export const miniLmConfig = {
  model_type: "bert",
  hidden_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  intermediate_size: 1536,
  vocab_size: 30522,
} as const
