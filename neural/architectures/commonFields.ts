import type { FieldTable } from "../../schemas/index.ts"

const list = (reason: string, names: string): Readonly<Record<string, string>> =>
  Object.fromEntries(names.split(/\s+/u).map((name) => [name, reason]))

/** Fields that `config.json` has for every architecture: those of transformers' `PreTrainedConfig`, 3 to 5, and sentence-transformers' own. */
export const commonFields = {
  honoured: {
    model_type: "which architecture it is",
    architectures: "the class that it was saved from, which says the head",
    id2label: "how many labels a classifier has, and their names",
    num_labels: "how many labels a classifier has, where id2label does not say",
    problem_type: "whether a classifier's labels are independent of one another",
    sbert_ce_default_activation_function: "as sentence_transformers.activation_fn, of older cross-encoders",
  },
  harmless: {
    ...list(
      "where the file comes from",
      "transformers_version _name_or_path name_or_path _commit_hash model_name source",
    ),
    ...list(
      "how results are handed over, not what they are",
      "output_attentions output_hidden_states return_dict use_return_dict output_past torchscript return_dict_in_generate tie_last_hidden_states",
    ),
    ...list(
      "of generating text",
      "use_cache cache_implementation max_length min_length do_sample early_stopping num_beams num_beam_groups",
    ),
    ...list(
      "of generating text",
      "diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size",
    ),
    ...list(
      "of generating text",
      "encoder_no_repeat_ngram_size bad_words_ids num_return_sequences output_scores forced_bos_token_id forced_eos_token_id",
    ),
    ...list(
      "of generating text",
      "remove_invalid_values exponential_decay_length_penalty suppress_tokens begin_suppress_tokens prefix task_specific_params",
    ),
    ...list(
      "the tokenizer's own files say it",
      "bos_token_id eos_token_id sep_token_id cls_token_id tokenizer_class vocab_file",
    ),
    pad_token_id: "what pads a batch is masked",
    ...list("the names in id2label are taken", "label2id finetuning_task _num_labels"),
    ...list(
      "acts in training only",
      "gradient_checkpointing layerdrop dropout_rate classifier_dropout classifier_dropout_rate",
    ),
    ...list("acts in training only", "attention_dropout hidden_dropout_prob attention_probs_dropout_prob"),
    ...list("of new weights, not of stored ones", "initializer_range initializer_factor _fast_init"),
    ...list(
      "stored weights are read exactly and the arithmetic is float32; transformers 5 computes in this type",
      "dtype torch_dtype use_bfloat16",
    ),
    ...list(
      "how attention is computed, not what",
      "attn_implementation _attn_implementation _attn_implementation_autoset",
    ),
    chunk_size_feed_forward: "the same values in parts",
    _auto_class: "a name for transformers' registry",
  },
  only: {
    is_decoder: {
      values: [false],
      because: "a causal mask is due, which is not built",
      remedy: "Where it was trained as an encoder, set is_decoder to false.",
    },
    add_cross_attention: { values: [false], because: "attention to another model's states is not built" },
    is_cross_attention: { values: [false], because: "attention to another model's states is not built" },
    cross_attention_hidden_size: { values: [], because: "attention to another model's states is not built" },
    tie_encoder_decoder: { values: [false], because: "an encoder that is its decoder is not built" },
    pruned_heads: { values: [{}], because: "layers without some of their heads are not built" },
    per_layer_config: { values: [{}], because: "layers that differ from one another are not built" },
    quantization_config: {
      values: [],
      because: "quantised weights are not built",
      remedy: "Save it dequantised: model.dequantize(), then save_pretrained.",
    },
    compression_config: { values: [], because: "compressed weights are not built" },
    auto_map: {
      values: [{}],
      because: "its own code says how it is computed, and that is never run",
      remedy: "Where transformers gives the wanted scores without trust_remote_code, take auto_map out of config.json.",
    },
    rope_scaling: { values: [], because: "scaled rotary positions are not built" },
  },
  within: {
    sentence_transformers: {
      honoured: { activation_fn: "what sentence-transformers puts on the logits" },
      harmless: { version: "where the file comes from" },
      only: {},
    },
  },
} as const satisfies FieldTable
