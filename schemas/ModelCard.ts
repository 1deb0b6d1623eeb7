import * as Schema from "effect/Schema"
import { Head } from "./Head.ts"
import { Precision } from "./Precision.ts"
import { Truncation } from "./Truncation.ts"

/**
 * How a query and a passage become one text: words with the places `{query}` and `{document}`, each once and set off by
 * spaces. Whether the tokenizer's bos and eos are put around is always said, never guessed.
 */
export const TextTemplate = Schema.Struct({ text: Schema.String, bos: Schema.Boolean, eos: Schema.Boolean })
export type TextTemplate = typeof TextTemplate.Type

/**
 * A prompt: parts that are tokenized apart, each as one text as it stands, white space and all, and put behind one another.
 * `{query}` stands once, and behind it `{document}` at the end of a part: what is too long is cut there.
 */
export const PromptTemplate = Schema.Struct({
  parts: Schema.NonEmptyArray(Schema.String),
  bos: Schema.Boolean,
  eos: Schema.Boolean,
})
export type PromptTemplate = typeof PromptTemplate.Type

/** A text template, a prompt, or the tokenizer's own layout for two texts: `[CLS] query [SEP] passage [SEP]` with token types. */
export const PairTemplate = Schema.Union(Schema.Literal("pair"), TextTemplate, PromptTemplate)
export type PairTemplate = typeof PairTemplate.Type

/** A template in one line: `pair`, its text, or its parts with a bar between them, line breaks as `\\n`. */
export const templateText = (template: PairTemplate): string => {
  if (template === "pair") return "pair"
  return "text" in template ? template.text : template.parts.join("¦").replaceAll("\n", "\\n")
}

/** How a model's input is made of a query and a passage: of both together, or of each on its own (a bi-encoder's). */
export const InputSpec = Schema.Struct({
  texts: Schema.Union(
    Schema.Struct({
      kind: Schema.Literal("pair"),
      template: PairTemplate,
      /** What stands right before the query, as it is; empty for most models. */
      queryPrefix: Schema.optionalWith(Schema.String, { exact: true }),
    }),
    /** What stands right before each text, as it is: `query: `, `passage: `; empty for most models. */
    Schema.Struct({
      kind: Schema.Literal("single"),
      queryPrefix: Schema.String,
      passagePrefix: Schema.String,
    }),
  ),
  /** Most tokens of an input; texts are shortened to fit. */
  maximumTokens: Schema.Int.pipe(Schema.positive()),
  /**
   * What is shortened; left out, `longest-first` in a tokenizer's layout and `passage` in a text template. Of a model that reads each
   * text on its own only `query:<n>` says anything.
   */
  truncation: Schema.optionalWith(Truncation, { exact: true }),
})
export type InputSpec = typeof InputSpec.Type

/** `model.json` in the folder of a `Kinds.Model`: what the files beside it cannot say. */
export const ModelCard = Schema.Struct({
  form: Schema.Literal(1),
  /** How it is called: the end of the name it was asked for by. */
  name: Schema.NonEmptyString,
  /** A family's name, as `bert`; `onnx` for a ready graph, of which nothing more is known. */
  family: Schema.NonEmptyString,
  /** Absent for a ready graph. */
  head: Schema.optionalWith(Head, { exact: true }),
  /** What the graph gives for a text: one score, or a vector whose products are scores. */
  output: Schema.Literal("scores", "embeddings"),
  input: InputSpec,
  /** Weights in all; 0 for a ready graph. */
  parameters: Schema.NonNegativeInt,
  /** Of the graph's arithmetic. */
  precision: Precision,
  /** Where it comes from, in words: `hub cross-encoder/ms-marco-MiniLM-L6-v2 at commit …`, `folder`, `scratch, seed 1`. */
  origin: Schema.String,
})
export type ModelCard = typeof ModelCard.Type

/** The files of a model's folder, of `Kinds.Model`. The graph's weights lie in the safetensors file, under their names in the checkpoint. */
export const modelFiles = {
  card: "model.json",
  graph: "model.onnx",
  weights: "model.safetensors",
  config: "config.json",
} as const

/** The file beside a tokenizer's own, in a `Kinds.Tokenizer`, with the `InputSpec`. */
export const inputFile = "input.json"

/** The files that can make a tokenizer, best first. */
export const tokenizerFiles = ["tokenizer.json", "spiece.model", "tokenizer.model", "vocab.txt"] as const

const describingFiles: ReadonlySet<string> = new Set([
  "adapter_config.json",
  "added_tokens.json",
  "chat_template.jinja",
  "config_sentence_transformers.json",
  modelFiles.config,
  "modules.json",
  "sentence_bert_config.json",
  "special_tokens_map.json",
  "tokenizer_config.json",
  ...tokenizerFiles,
])

const moduleConfig = /^\d{1,2}_(?:Pooling|Dense|Normalize)\/config\.json$/u
const denseWeights = /^\d{1,2}_Dense\/model\.safetensors$/u

/** Whether a file says what a model is or how its texts are tokenized, in sentence-transformers' layout too. */
export const describesModel = (name: string): boolean => describingFiles.has(name) || moduleConfig.test(name)

/** Whether a file holds the weights of a module Dense of sentence-transformers. */
export const isDenseWeights = (name: string): boolean => denseWeights.test(name)
