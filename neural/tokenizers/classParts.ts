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

/** Words as Qwen has them, every digit on its own. */
const qwenWords = (prefix: boolean): Json => ({
  type: "Sequence",
  pretokenizers: [
    {
      type: "Split",
      pattern: {
        Regex:
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      },
      behavior: "Isolated",
      invert: false,
    },
    { type: "ByteLevel", add_prefix_space: prefix, trim_offsets: false, use_regex: false },
  ],
})

/** What DeBERTa-v2's class of transformers 5 makes one space of: runs of white space, and a break or tab alone. */
export const spaceRuns = "\\s{2,}|[\\n\\r\\t]"

const isPiece =
  (name: string) =>
  (entry: unknown): boolean =>
    Array.isArray(entry) && entry[0] === name && entry[1] === 0

/**
 * A tokenizer.json with the parts that its class makes itself, whatever the file has: transformers 5's classes of BERT, RoBERTa,
 * XLM-R, Qwen and T5 take vocabulary, merges and added tokens of it, and SentencePiece's rules; DeBERTa-v2's not even these. Any other
 * class takes all.
 */
export const withClassParts = (file: Json, model: Json, config: Json): Json => {
  const { add_prefix_space: prefix, tokenizer_class: stated } = config
  switch (typeof stated === "string" ? stated.replace(/Fast$/u, "") : undefined) {
    case "BertTokenizer":
    case "DistilBertTokenizer":
    case "MPNetTokenizer":
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
    case "DebertaV2Tokenizer": {
      const vocab = Array.isArray(model["vocab"]) ? model["vocab"] : []
      const named = vocab.findIndex(isPiece(nameIn(config["unk_token"]) ?? "[UNK]"))
      const usual = typeof config["unk_id"] === "number" ? config["unk_id"] : 1
      return {
        ...file,
        model: { ...model, type: "Unigram", unk_id: named < 0 ? usual : named, byte_fallback: false },
        normalizer: {
          type: "Sequence",
          normalizers: [
            ...(config["do_lower_case"] === true ? [{ type: "Lowercase" }] : []),
            { type: "Replace", pattern: { Regex: spaceRuns }, content: " " },
            { type: "NFC" },
            { type: "Strip", strip_left: false, strip_right: true },
          ],
        },
        pre_tokenizer: {
          type: "Metaspace",
          replacement: "\u2581",
          prepend_scheme: prefix === false ? "first" : "always",
        },
      }
    }
    case "Qwen2Tokenizer":
      return { ...file, normalizer: { type: "NFC" }, pre_tokenizer: qwenWords(prefix === true) }
    case "T5Tokenizer":
      return { ...file, normalizer: precompiled(file["normalizer"]), pre_tokenizer: wordsWithSpaces(true) }
    default:
      return file
  }
}
