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

/** The inputs of a model that is fed once what its texts begin with, and that the others then leave out. */
const sharedRoles = { shared_ids: roles.input_ids, shared_mask: roles.attention_mask } as const

const allRoles = { ...roles, ...sharedRoles }

export type TokenInputName = keyof typeof allRoles
export const isTokenInputName = (name: string): name is TokenInputName => Object.hasOwn(allRoles, name)
const isShared = (name: TokenInputName): boolean => Object.hasOwn(sharedRoles, name)

/** An input of a model that reads token sequences. */
export interface TokenInput {
  readonly name: TokenInputName
  readonly type: "int64" | "int32"
}

/** The tokens of texts from one place to another, `value` of each; 0 behind a text's end: [texts, to − from]. */
const packed = (
  type: TokenInput["type"],
  texts: readonly TokenSequence[],
  from: number,
  to: number,
  value: (text: TokenSequence, at: number) => number,
): Tensor => {
  const width = to - from
  const shape = [texts.length, width]
  if (type === "int32") {
    const data = new Int32Array(texts.length * width)
    texts.forEach((text, row) => {
      const end = Math.min(text.ids.length, to)
      for (let at = from; at < end; at++) data[row * width + at - from] = value(text, at)
    })
    return { type, shape, data }
  }
  const data = new BigInt64Array(texts.length * width)
  texts.forEach((text, row) => {
    const end = Math.min(text.ids.length, to)
    for (let at = from; at < end; at++) data[row * width + at - from] = BigInt(value(text, at))
  })
  return { type, shape, data }
}

/** With how many tokens all of these begin, of each at most all but one. */
const sharedTokens = (texts: readonly TokenSequence[]): number => {
  const [first] = texts
  if (first === undefined) return 0
  let shared = texts.reduce((least, { ids }) => Math.min(least, ids.length - 1), first.ids.length)
  for (const { ids } of texts) {
    let alike = 0
    while (alike < shared && ids[alike] === first.ids[alike]) alike++
    shared = alike
  }
  return Math.max(0, shared)
}

/** Where texts begin with different tokens: one that none sees. */
const unseen: TokenSequence = { ids: [0] }

/**
 * The inputs for a batch of texts, padded at the end to the longest: [texts, longest] each. Of a model with inputs for what texts
 * share, the tokens with which they all begin go there.
 *
 * @param least how many tokens it is padded to at least
 */
export const packTexts = (
  inputs: readonly TokenInput[],
  texts: readonly TokenSequence[],
  least = 1,
): Readonly<Record<string, Tensor>> => {
  const longest = texts.reduce((most, { ids }) => Math.max(most, ids.length), least)
  const from = inputs.some(({ name }) => isShared(name)) ? sharedTokens(texts) : 0
  const [beginning, hidden] = from === 0 ? [unseen, true] : [texts[0] ?? unseen, false]
  return Object.fromEntries(
    inputs.map(({ name, type }) => [
      name,
      isShared(name)
        ? packed(type, [beginning], 0, Math.max(1, from), hidden ? () => 0 : allRoles[name])
        : packed(type, texts, from, longest, allRoles[name]),
    ]),
  )
}
