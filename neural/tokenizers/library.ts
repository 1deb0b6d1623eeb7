import { Tokenizer } from "@huggingface/tokenizers"

/** What is used of `@huggingface/tokenizers`, whose own declarations do not resolve under Node's rules for modules. */
export interface Library {
  readonly encode: (
    text: string,
    options: { readonly add_special_tokens: boolean },
  ) => { readonly ids: ReadonlyArray<number> }
  readonly get_vocab: () => ReadonlyMap<string, number>
  readonly token_to_id: (piece: string) => number | undefined
  readonly id_to_token: (id: number) => string | undefined
}

type Constructor = new (file: object, config: object) => Library

const isConstructor = (value: unknown): value is Constructor => typeof value === "function"

type Words = ReadonlyArray<string>

const isWords = (value: unknown): value is Words =>
  Array.isArray(value) && value.every((word) => typeof word === "string")

/**
 * Makes one of unknown pieces in a row within each word, as `tokenizers` does, where the library does so across words, and so takes
 * unknown words in a row for one.
 */
const fuseWithinWords = (library: object): void => {
  const model: unknown = Reflect.get(library, "model")
  if (typeof model !== "function" || Reflect.get(model, "fuse_unk") !== true) return
  const encode: unknown = Reflect.get(model, "encode")
  const ids: unknown = Reflect.get(model, "tokens_to_ids")
  const unknown: unknown = Reflect.get(model, "unk_token_id")
  if (typeof encode !== "function" || !(ids instanceof Map))
    throw new TypeError("@huggingface/tokenizers has another model")
  const isUnknown = (piece: string | undefined): boolean =>
    piece !== undefined && (ids.get(piece) ?? unknown) === unknown
  Reflect.set(model, "fuse_unk", false)
  Reflect.set(
    model,
    "encode",
    (words: Words): Words =>
      words.flatMap((word) => {
        const pieces: unknown = Reflect.apply(encode, model, [[word]])
        if (!isWords(pieces)) throw new TypeError("@huggingface/tokenizers has another model")
        return pieces.filter((piece, i) => !isUnknown(piece) || !isUnknown(pieces[i - 1]))
      }),
  )
}

/** The library's tokenizer for a parsed tokenizer.json and tokenizer_config.json. Throws where it does not know a part. */
export const openLibrary = (file: object, config: object): Library => {
  const constructor: unknown = Tokenizer
  if (!isConstructor(constructor)) throw new TypeError("@huggingface/tokenizers has no Tokenizer")
  const library = new constructor(file, config)
  fuseWithinWords(library)
  return library
}
