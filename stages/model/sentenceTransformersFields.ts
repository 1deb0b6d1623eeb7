import type { FieldTable } from "../../schemas/index.ts"

const list = (reason: string, names: string): Readonly<Record<string, string>> =>
  Object.fromEntries(names.split(/\s+/u).map((name) => [name, reason]))

const textByForward = (output: string): unknown => ({ text: { method: "forward", method_output_name: output } })

/** What becomes of the fields of the files that sentence-transformers (2 to 6.2) writes beside a checkpoint, by file. */
export const sentenceTransformersFields = {
  "config_sentence_transformers.json": {
    honoured: {
      model_type: "SentenceTransformer (a bi-encoder) or CrossEncoder; another is refused",
      prompts: "what stands before queries and passages",
      default_prompt_name: "the prompt before a cross-encoder's pair; of a bi-encoder it has no effect, which is said",
      similarity_fn_name: "cosine or dot; another is refused",
      truncate_dim: "how many numbers of a vector count",
      activation_fn: "of a cross-encoder: what is put on its logits",
    },
    harmless: {
      __version__: "where the file comes from",
      keep_in_fp32_modules: "all arithmetic is float32",
    },
    only: {},
  },
  "sentence_bert_config.json": {
    honoured: {
      max_seq_length: "the limit on tokens; goes before model_max_length",
      do_lower_case: "texts are lower-cased: refused where the tokenizer does not do it anyway",
    },
    harmless: { unpad_inputs: "how batches are packed" },
    only: {
      transformer_task: {
        values: ["feature-extraction", "sequence-classification"],
        because: "another task than vectors of texts or scores of pairs is not built",
      },
      module_output_name: {
        values: ["token_embeddings", "scores"],
        because: "another output than the tokens' states or the scores is not built",
      },
      modality_config: {
        values: [textByForward("last_hidden_state"), textByForward("logits")],
        because: "another input than text, or another output of it, is not built",
      },
      processing_kwargs: { values: [{}], because: "settings of the tokenizer's call are not built" },
      query_length: { values: [], because: "a limit of the queries alone is not built" },
      document_length: { values: [], because: "a limit of the passages alone is not built" },
      query_expansion: { values: [], because: "queries filled with mask tokens are not built" },
      model_args: { values: [{}], because: "arguments of the model's class are not read" },
      tokenizer_args: { values: [{}], because: "arguments of the tokenizer's class are not read" },
      config_args: { values: [{}], because: "arguments of the configuration's class are not read" },
    },
  },
  "1_Pooling/config.json": {
    honoured: {
      pooling_mode: "cls, mean, max, lasttoken, weightedmean or mean_sqrt_len_tokens; another, or several, is refused",
      ...list(
        "as pooling_mode, of older files",
        "pooling_mode_cls_token pooling_mode_mean_tokens pooling_mode_max_tokens pooling_mode_mean_sqrt_len_tokens pooling_mode_weightedmean_tokens pooling_mode_lasttoken",
      ),
      include_prompt: "whether the tokens of a prompt are in the mean",
    },
    harmless: list("the weights say it", "embedding_dimension word_embedding_dimension"),
    only: {},
  },
  "2_Dense/config.json": {
    honoured: {
      in_features: "how many numbers come into the linear layer: as many as the module before gives",
      out_features: "how many numbers come out of it",
      bias: "whether it has a bias; left out, true",
      activation_function: "torch's Identity, Tanh, ReLU, GELU or Sigmoid; left out, Tanh; another is refused",
    },
    harmless: {},
    only: {
      module_input_name: {
        values: ["sentence_embedding"],
        because: "a layer on another vector than the text's is not built",
      },
      module_output_name: {
        values: ["sentence_embedding"],
        because: "a layer to another vector than the text's is not built",
      },
      use_residual: { values: [false], because: "a layer to whose result its input is added is not built" },
    },
  },
  "2_Normalize/config.json": {
    honoured: {},
    harmless: {},
    only: {
      module_input_name: { values: ["sentence_embedding"], because: "another vector than the text's is not built" },
      module_output_name: { values: ["sentence_embedding"], because: "another vector than the text's is not built" },
    },
  },
  "modules.json": {
    honoured: {
      type: "Transformer, Pooling, then Dense and Normalize in any number and order; another is refused",
      path: "where its files lie",
    },
    harmless: list("the order in the list is taken", "idx name"),
    only: { kwargs: { values: [[], {}], because: "arguments of a module's call are not built" } },
  },
} as const satisfies Readonly<Record<string, FieldTable>>

/** The files of sentence-transformers that are read. */
export type SentenceTransformersFile = keyof typeof sentenceTransformersFields
