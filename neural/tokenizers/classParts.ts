import { isRecord } from "../../schemas/index.ts"
import { flattened } from "./postProcessor.ts"

type Json = Readonly<Record<string, unknown>>

const nameIn = (value: unknown): string | undefined => {
  const name = isRecord(value) ? value["content"] : value
  return typeof name === "string" ? name : undefined
}

/** SentencePiece's own rules, which are all that these classes take of a normalizer. */
const precompiled = (normalizer: unknown): Json | null =>
  flattened(normalizer, "normalizers").find((part) => part["type"] === "Precompiled") ?? null

const wordsWithSpaces = (prefix: boolean): Json => ({
  type: "Sequence",
  pretokenizers: [
    { type: "WhitespaceSplit" },
    { type: "Metaspace", replacement: "\u2581", prepend_scheme: prefix ? "always" : "never", split: true },
  ],
})

/**
 * A tokenizer.json with the parts that its class makes itself, whatever the file has: transformers 5's classes of BERT, RoBERTa,
 * XLM-R and T5 take vocabulary, merges and added tokens of it, and SentencePiece's rules. Any other class takes all.
 */
export const withClassParts = (file: Json, model: Json, config: Json): Json => {
  const { add_prefix_space: prefix, tokenizer_class: stated } = config
  switch (typeof stated === "string" ? stated.replace(/Fast$/u, "") : undefined) {
    case "BertTokenizer":
    case "ElectraTokenizer":
      return {
        ...file,
        model: {
          ...model,
          unk_token: nameIn(config["unk_token"]) ?? "[UNK]",
          continuing_subword_prefix: "##",
          max_input_chars_per_word: 100,
        },
        normalizer: { type: "BertNormalizer", clean_text: true },
        pre_tokenizer: { type: "BertPreTokenizer" },
      }
    case "RobertaTokenizer":
      return { ...file, normalizer: null, pre_tokenizer: { type: "ByteLevel", add_prefix_space: prefix === true } }
    case "XLMRobertaTokenizer":
      return { ...file, normalizer: precompiled(file["normalizer"]), pre_tokenizer: wordsWithSpaces(prefix !== false) }
    case "T5Tokenizer":
      return { ...file, normalizer: precompiled(file["normalizer"]), pre_tokenizer: wordsWithSpaces(true) }
    default:
      return file
  }
}
