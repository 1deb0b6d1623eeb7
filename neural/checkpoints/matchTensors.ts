import type { TensorPlace } from "./SafetensorsHeader.ts"

/** A tensor that an architecture needs. */
export interface ExpectedTensor {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  /** Other names under which a file may hold the same tensor (tied weights, other prefixes), tried in order. */
  readonly aliases?: ReadonlyArray<string>
}

export interface TensorMatch<T> {
  /** For every expected tensor that is there in its shape: its place in the file. */
  readonly found: ReadonlyMap<string, T>
  readonly missing: ReadonlyArray<string>
  readonly misshaped: ReadonlyArray<{
    readonly name: string
    readonly expected: ReadonlyArray<number>
    readonly found: ReadonlyArray<number>
  }>
  /** Names in the file that no expected tensor answers to, but those that `ignore` accepts. */
  readonly extra: ReadonlyArray<string>
}

const sameShape = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis])

/**
 * Finds the tensors that are expected among those that are there. An alias of a tensor that was found under another name is
 * not extra: files may carry both names of a tied weight.
 */
export const matchTensors = <T extends Pick<TensorPlace, "shape">>(
  expected: ReadonlyArray<ExpectedTensor>,
  available: ReadonlyMap<string, T>,
  ignore: (name: string) => boolean = () => false,
): TensorMatch<T> => {
  const found = new Map<string, T>()
  const missing: Array<string> = []
  const misshaped: Array<TensorMatch<T>["misshaped"][number]> = []
  const known = new Set<string>()
  for (const tensor of expected) {
    const names = [tensor.name, ...(tensor.aliases ?? [])]
    for (const name of names) known.add(name)
    const name = names.find((candidate) => available.has(candidate))
    const place = name === undefined ? undefined : available.get(name)
    if (name === undefined || place === undefined) missing.push(tensor.name)
    else if (sameShape(tensor.shape, place.shape)) found.set(tensor.name, place)
    else misshaped.push({ name, expected: tensor.shape, found: place.shape })
  }
  const extra = [...available.keys()].filter((name) => !known.has(name) && !ignore(name)).sort()
  return { found, missing, misshaped, extra }
}
