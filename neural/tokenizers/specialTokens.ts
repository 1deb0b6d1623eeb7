import type { SpecialIds } from "./Tokenizer.ts"

/** Names of special tokens by part, as `tokenizer_config.json` or `special_tokens_map.json` give them. */
export type SpecialNames = { readonly [Part in keyof SpecialIds]?: string | undefined }

/** Whether an id can be one: no vocabulary has sixteen million entries. */
export const isTokenId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < 2 ** 24

const usualNames: { readonly [Part in keyof SpecialIds]: ReadonlyArray<string> } = {
  pad: ["<pad>", "[PAD]"],
  eos: ["</s>", "<eos>"],
  bos: ["<s>", "<bos>"],
  unk: ["<unk>", "[UNK]"],
  cls: ["[CLS]"],
  sep: ["[SEP]"],
  mask: ["[MASK]", "<mask>"],
}

/** The ids of special tokens: by the names that the tokenizer's files give, else by the names that are usual. */
export const specialIds = (names: SpecialNames, idOf: (piece: string) => number | undefined): SpecialIds => {
  const find = (part: keyof SpecialIds): number | undefined => {
    const name = names[part]
    if (name !== undefined) return idOf(name)
    for (const usual of usualNames[part]) {
      const id = idOf(usual)
      if (id !== undefined) return id
    }
    return undefined
  }
  return {
    pad: find("pad"),
    eos: find("eos"),
    bos: find("bos"),
    unk: find("unk"),
    cls: find("cls"),
    sep: find("sep"),
    mask: find("mask"),
  }
}
