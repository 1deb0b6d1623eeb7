import { isRecord } from "../../schemas/index.ts"
import type { LayoutPart, Layouts, SpecialIds } from "./Tokenizer.ts"

type Json = Readonly<Record<string, unknown>>

/** The classes whose texts BERT's normalizer prepares by the fields of `tokenizer_config.json`. */
const preparingClass = /^(?:Bert|Electra|DistilBert|MPNet)Tokenizer(?:Fast)?$/u
/** The classes whose layouts are BERT's. */
const bertClass = /^(?:Bert|Electra|DistilBert)Tokenizer(?:Fast)?$/u
const debertaClass = /^DebertaV2Tokenizer(?:Fast)?$/u
const robertaClass = /^(?:(?:XLM)?Roberta(?:XL)?|MPNet)Tokenizer(?:Fast)?$/u
/** Classes that put nothing around texts but what `tokenizer.json` has. */
const genericClass = /^(?:TokenizersBackend|PreTrainedTokenizerFast|Qwen2Tokenizer(?:Fast)?)$/u

/** Classes of transformers 5.24 beside BERT's that pass token types where `model_input_names` is left out. */
const typedClass = /^(?:Bert|Electra|Deberta|DebertaV2|FNet|Canine|Tapas|LayoutLMv2|MarkupLM)Tokenizer(?:Fast)?$/u

const classOf = (config: Json): string | undefined => {
  const name = config["tokenizer_class"]
  return typeof name === "string" ? name : undefined
}

/** transformers writes 10³⁰ for a tokenizer without a limit. */
const noLimit = 1e9

/** The limit on tokens that `tokenizer_config.json` states. */
export const statedLimit = (config: Json): number | { readonly problem: string } | undefined => {
  const limit = config["model_max_length"]
  if (limit === undefined || limit === null) return undefined
  if (typeof limit !== "number" || !(limit > 0)) {
    return { problem: `model_max_length is ${JSON.stringify(limit)}, which is no number of tokens` }
  }
  return limit >= noLimit ? undefined : Math.floor(limit)
}

/**
 * Whether transformers passes token types to the model: by `model_input_names`, else by the class. Without either it is
 * `config.json`'s model that chooses the class, BERT's for the models here that have token types.
 */
export const passesTokenTypes = (config: Json): boolean => {
  const names = config["model_input_names"]
  if (Array.isArray(names)) return names.includes("token_type_ids")
  const name = classOf(config)
  return name === undefined || typedClass.test(name)
}

/** How BERT's tokenizer prepares text. */
export interface BertPreparation {
  readonly lowercase: boolean
  readonly stripAccents: boolean
  readonly splitIdeographs: boolean
}

/**
 * BERT's preparation by `tokenizer_config.json` and the normalizer of `tokenizer.json`. As in transformers, the former goes
 * before the latter, with its defaults where the class is BERT's.
 */
export const bertPreparation = (config: Json, normalizer: Json): BertPreparation => {
  const isBert = preparingClass.test(classOf(config) ?? "")
  const choose = (name: string, usual: boolean, stated: unknown): boolean => {
    const value = config[name]
    if (typeof value === "boolean") return value
    return isBert ? usual : stated !== false
  }
  const lowercase = choose("do_lower_case", true, normalizer["lowercase"] === true)
  const accents = [config["strip_accents"], isBert ? undefined : normalizer["strip_accents"]].find(
    (value) => typeof value === "boolean",
  )
  return {
    lowercase,
    stripAccents: typeof accents === "boolean" ? accents : lowercase,
    splitIdeographs: choose("tokenize_chinese_chars", true, normalizer["handle_chinese_chars"]),
  }
}

/** Whether the class makes its layouts itself, of its special tokens, whatever post-processor `tokenizer.json` has: transformers 5's does. */
export const makesLayouts = (config: Json): boolean => {
  const name = classOf(config) ?? ""
  return bertClass.test(name) || robertaClass.test(name) || debertaClass.test(name)
}

/** The layouts that the class makes; for a class that is not known, or none, BERT's, where its special tokens are there. */
export const layoutsOfClass = (config: Json, special: SpecialIds): Layouts | undefined => {
  const name = classOf(config) ?? ""
  const first = { text: "first", type: 0 } as const
  const second = { text: "second", type: 0 } as const
  if (genericClass.test(name)) return { single: [first], pair: [first, second] }
  const cls = special.cls ?? special.bos
  const sep = special.sep ?? special.eos
  if (cls === undefined || sep === undefined) return undefined
  if (!robertaClass.test(name))
    return special.cls === undefined || special.sep === undefined ? undefined : bertLayouts(cls, sep)
  const begin: LayoutPart = { ids: [cls], type: 0 }
  const end: LayoutPart = { ids: [sep], type: 0 }
  return { single: [begin, first, end], pair: [begin, first, end, end, second, end] }
}

/** The side at which texts are cut or padded: `tokenizer_config.json` says it, else the section of `tokenizer.json` that an earlier call left. */
export const isLeft = (config: Json, file: unknown, what: "padding" | "truncation"): boolean => {
  const stated = config[`${what}_side`]
  if (stated !== undefined && stated !== null) return stated === "left"
  const section = isRecord(file) ? file[what] : undefined
  return isRecord(section) && section["direction"] === "Left"
}

/** Layouts whose tokens are all of type 0. */
export const withoutTypes = ({ pair, single }: Layouts): Layouts => {
  const plain = (parts: ReadonlyArray<LayoutPart>) => parts.map((part) => ({ ...part, type: 0 }))
  return { single: plain(single), pair: plain(pair) }
}

/** BERT's layouts, for a tokenizer whose files do not say. */
export const bertLayouts = (cls: number, sep: number): Layouts => {
  const single: ReadonlyArray<LayoutPart> = [
    { ids: [cls], type: 0 },
    { text: "first", type: 0 },
    { ids: [sep], type: 0 },
  ]
  return { single, pair: [...single, { text: "second", type: 1 }, { ids: [sep], type: 1 }] }
}
