import { isRecord } from "../../schemas/index.ts"

type Json = Readonly<Record<string, unknown>>

const tokenNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

const valuesOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []

/** A token as `tokenizer_config.json` names it: its text, or an object. */
const namedToken = (value: unknown): Json | undefined => {
  if (typeof value === "string") return value === "" ? undefined : { content: value, special: true }
  return isRecord(value) && typeof value["content"] === "string" ? value : undefined
}

/**
 * A tokenizer.json with the tokens that `tokenizer_config.json` names besides: transformers adds those that are not among the added
 * ones, in this order, a piece of the vocabulary under its id and another behind all ids; and takes the settings of
 * `added_tokens_decoder` for those that are.
 */
export const withNamedTokens = (file: Json, model: Json, config: Json): Json => {
  const { added_tokens: list, ...rest } = file
  const added = new Map<unknown, Json>()
  for (const token of Array.isArray(list) ? list : []) if (isRecord(token)) added.set(token["content"], token)
  const decoder = valuesOf(config["added_tokens_decoder"]).map(namedToken)
  const named = [
    ...tokenNames.map((name) => config[name]),
    ...valuesOf(config["additional_special_tokens"]),
    ...valuesOf(config["extra_special_tokens"]),
  ].map(namedToken)
  const vocab = model["vocab"]
  const idInVocabulary = (content: unknown): number | undefined => {
    if (Array.isArray(vocab)) {
      const place = vocab.findIndex((entry) => Array.isArray(entry) && entry[0] === content)
      return place < 0 ? undefined : place
    }
    const id =
      isRecord(vocab) && typeof content === "string" && Object.hasOwn(vocab, content) ? vocab[content] : undefined
    return typeof id === "number" ? id : undefined
  }
  const behindAll = (): number => {
    let next = Array.isArray(vocab) ? vocab.length : isRecord(vocab) ? Object.keys(vocab).length : 0
    for (const { id } of added.values()) if (typeof id === "number" && id >= next) next = id + 1
    return next
  }
  const first = added.size
  for (const [at, token] of [...decoder, ...named].entries()) {
    if (token === undefined) continue
    const known = added.get(token["content"])
    if (known !== undefined && at >= decoder.length) continue
    const id = known?.["id"] ?? idInVocabulary(token["content"]) ?? behindAll()
    added.set(token["content"], { ...token, id })
  }
  return first === 0 && added.size === 0 ? file : { ...rest, added_tokens: [...added.values()] }
}
