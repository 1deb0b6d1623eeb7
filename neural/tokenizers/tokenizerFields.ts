import type { FieldTable } from "../../schemas/index.ts"

const list = (reason: string, names: string): Readonly<Record<string, string>> =>
  Object.fromEntries(names.split(/\s+/u).map((name) => [name, reason]))

const decoding = "of turning ids back into text"
const origin = "where the file comes from, or how it was loaded"

/** What becomes of the fields of `tokenizer_config.json`, whatever the tokenizer. */
export const tokenizerConfigFields: FieldTable = {
  honoured: {
    ...list(
      "a special token's name, where a template or a layout needs it",
      "pad_token eos_token bos_token unk_token cls_token sep_token mask_token",
    ),
    tokenizer_class: "what holds where the file is silent: token types, and how BERT's prepares text",
    model_max_length: "the limit on tokens, where sentence_bert_config.json states none",
    model_input_names: "whether token types are passed to the model; left out, as the class does",
    do_lower_case:
      "BERT's: lower case; goes before tokenizer.json's normalizer, left out by default true; DeBERTa-v2's: left out, false",
    strip_accents: "BERT's: without accents; goes before tokenizer.json's normalizer, left out as do_lower_case",
    tokenize_chinese_chars:
      "BERT's: ideographs apart; goes before tokenizer.json's normalizer, left out by default true",
    add_prefix_space:
      "RoBERTa's, XLM-R's and DeBERTa-v2's: whether a text begins as if behind a space; left out, false, true and true",
    extra_ids: "T5's sentinels, of a SentencePiece model",
    added_tokens_decoder: "tokens that are added to the tokenizer, and how they are matched",
    ...list(
      "tokens that are matched in the raw text; added where the tokenizer has them not",
      "additional_special_tokens extra_special_tokens",
    ),
    padding_side:
      "left is refused where positions are counted from the left; goes before padding.direction of tokenizer.json",
  },
  harmless: {
    ...list(origin, "name_or_path special_tokens_map_file tokenizer_file vocab_file merges_file backend is_local"),
    ...list(
      origin,
      "local_files_only use_fast from_slow processor_class tokenizer_type device_map cache_dir revision token",
    ),
    ...list(
      decoding,
      "clean_up_tokenization_spaces spaces_between_special_tokens errors trim_offsets wordpieces_prefix decoder",
    ),
    ...list("of chats", "chat_template use_default_system_prompt response_schema"),
    ...list("a text is scored as if it were alone: padding is masked", "padding pad_to_multiple_of pad_to_max_length"),
    ...list(
      "of one call in the past; model_max_length is the limit",
      "max_length stride truncation truncation_strategy",
    ),
    ...list("a name for tokens that the tokenizer has anyway", "model_specific_special_tokens image_token"),
    vocab_type: "DeBERTa-v2's; tokenizer.json says it",
    unk_id: "DeBERTa-v2's; the piece of unk_token's name",
    pad_token_type_id: "padding is masked",
    ...list("the input's template says it, or tokenizer.json's post_processor", "add_bos_token add_eos_token"),
    legacy: "how slow tokenizers of T5 and Llama treat spaces behind special tokens, which stand in no text here",
    add_dummy_prefix_space: "the SentencePiece model says it",
  },
  only: {
    truncation_side: {
      values: ["right"],
      because: "texts are shortened from their beginning, which is not built",
      remedy: "Set truncation_side to right, if the model was trained so.",
    },
    do_basic_tokenize: { values: [true], because: "BERT's tokenizer without its first part is not built" },
    never_split: { values: [[]], because: "words that are never split are not built; make them added tokens" },
    sp_model_kwargs: {
      values: [{}],
      because: "SentencePiece's own settings (sampling) are not built",
      remedy: "Set it to {}: sampling is of training.",
    },
    split_by_punct: { values: [false], because: "DeBERTa-v2's splitting at punctuation is not built" },
    split_special_tokens: { values: [false], because: "special tokens in a text are one token here" },
    auto_map: {
      values: [{}],
      because: "its own code tokenizes, and that is never run",
      remedy: "Save its fast tokenizer's tokenizer.json beside the weights and take auto_map out.",
    },
  },
}

/** What becomes of the fields of `tokenizer.json`; inside of them, parts that are not known are errors. */
export const tokenizerJsonFields: FieldTable = {
  honoured: {
    model: "pieces, and how words become pieces",
    added_tokens: "tokens that are matched in the raw text",
    normalizer:
      "how text is normalised; of the classes of BERT, RoBERTa, XLM-R and T5, SentencePiece's rules alone, of DeBERTa-v2's nothing: they make the rest themselves",
    pre_tokenizer:
      "how text falls apart into words; the classes of BERT, RoBERTa, XLM-R, T5 and DeBERTa-v2 make it themselves",
    post_processor:
      "what stands around a text and a pair, and their token types; the classes of BERT, RoBERTa and DeBERTa-v2 make it themselves",
    truncation: "its direction, where truncation_side is left out: must be Right; the rest is set anew for each call",
    padding: "its direction, as padding_side; the rest is set anew for each call",
  },
  harmless: {
    version: "of the file's form",
    decoder: decoding,
  },
  only: {},
}
