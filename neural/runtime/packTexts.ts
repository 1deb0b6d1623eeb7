import type { Tensor } from "./Tensor.ts"

/** A text as a model reads it. */
export interface TokenSequence {
  readonly ids: ArrayLike<number>
  /** Which segment each token belongs to; needed where the model has such an input. */
  readonly types?: ArrayLike<number>
  /** How many of its first tokens are left out of the mean; needed where the model has such an input. Default: none. */
  readonly leftOut?: number
}

/** The inputs that a model may have, and what each is for a token and for padding. */
const roles = {
  input_ids: (text: TokenSequence, at: number) => text.ids[at] ?? 0,
  attention_mask: () => 1,
  token_type_ids: (text: TokenSequence, at: number) => text.types?.[at] ?? 0,
  pooling_mask: (text: TokenSequence, at: number) => (at < (text.leftOut ?? 0) ? 0 : 1),
} as const

export type TokenInputName = keyof typeof roles
export const isTokenInputName = (name: string): name is TokenInputName => Object.hasOwn(roles, name)

/** An input of a model that reads token sequences. */
export interface TokenInput {
  readonly name: TokenInputName
  readonly type: "int64" | "int32"
}

/** One input for a batch of texts, padded at the end to the longest: [texts, longest]. */
const packed = ({ name, type }: TokenInput, texts: readonly TokenSequence[], longest: number): Tensor => {
  const value = roles[name]
  const shape = [texts.length, longest]
  if (type === "int32") {
    const data = new Int32Array(texts.length * longest)
    texts.forEach((text, row) => {
      for (let at = 0; at < text.ids.length; at++) data[row * longest + at] = value(text, at)
    })
    return { type, shape, data }
  }
  const data = new BigInt64Array(texts.length * longest)
  texts.forEach((text, row) => {
    for (let at = 0; at < text.ids.length; at++) data[row * longest + at] = BigInt(value(text, at))
  })
  return { type, shape, data }
}

/** The inputs for a batch of texts, padded at the end to the longest: [texts, longest] each. */
export const packTexts = (
  inputs: readonly TokenInput[],
  texts: readonly TokenSequence[],
): Readonly<Record<string, Tensor>> => {
  const longest = texts.reduce((most, { ids }) => Math.max(most, ids.length), 1)
  return Object.fromEntries(inputs.map((input) => [input.name, packed(input, texts, longest)]))
}
