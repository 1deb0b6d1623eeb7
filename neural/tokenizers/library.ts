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

/** The library's tokenizer for a parsed tokenizer.json and tokenizer_config.json. Throws where it does not know a part. */
export const openLibrary = (file: object, config: object): Library => {
  const constructor: unknown = Tokenizer
  if (!isConstructor(constructor)) throw new TypeError("@huggingface/tokenizers has no Tokenizer")
  return new constructor(file, config)
}
