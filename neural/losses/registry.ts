import { hinge } from "./hinge.ts"
import { hybrid } from "./hybrid.ts"
import { infoNce } from "./infoNce.ts"
import type { LossDefinition } from "./LossDefinition.ts"
import { lambdaRank } from "./lambdaRank.ts"
import { listMle } from "./listMle.ts"
import { marginMse } from "./marginMse.ts"
import { pairwise } from "./pairwise.ts"
import { pointwise } from "./pointwise.ts"
import { poly1 } from "./poly1.ts"
import { softmax } from "./softmax.ts"

/** Every loss, a line each; the configuration, suggestions, documentation and tests follow from it. */
export const losses: ReadonlyArray<LossDefinition> = [
  pointwise,
  pairwise,
  hinge,
  softmax,
  poly1,
  listMle,
  lambdaRank,
  marginMse,
  hybrid,
  infoNce,
]

/** Losses that came from outside, by name, with the digest of the code that they came from. */
const outside = new Map<string, { readonly definition: LossDefinition; readonly digest: string }>()

/** Ours, and those from outside. */
export const allLosses = (): ReadonlyArray<LossDefinition> => [
  ...losses,
  ...[...outside.values()].map(({ definition }) => definition),
]

/** The loss of a name. */
export const lossNamed = (name: string): LossDefinition | undefined => allLosses().find((each) => each.name === name)

/** The digest of the code of a loss from outside; none of ours. */
export const lossDigest = (name: string): string | undefined => outside.get(name)?.digest

/**
 * Adds a loss from outside.
 *
 * @param digest the hash of its code, which is part of the key of what is trained with it.
 * @returns whether the name was free.
 */
export const addLoss = (definition: LossDefinition, digest: string): boolean => {
  if (losses.some(({ name }) => name === definition.name)) return false
  outside.set(definition.name, { definition, digest })
  return true
}
