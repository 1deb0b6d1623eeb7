import { AP, gmMap } from "./averagePrecision.ts"
import { Bpref, gmBpref } from "./bpref.ts"
import { NumQ, NumRel, NumRet } from "./counts.ts"
import { ERR } from "./expectedReciprocalRank.ts"
import { infAP } from "./inferredAveragePrecision.ts"
import { elevenPoint, IPrec } from "./interpolatedPrecision.ts"
import { Judged } from "./judged.ts"
import type { MeasureDefinition, TrecName } from "./MeasureDefinition.ts"
import { nDCG } from "./ndcg.ts"
import { F1, P, R, Rprec, Success } from "./precision.ts"
import { RBP } from "./rankBiasedPrecision.ts"
import { RR } from "./reciprocalRank.ts"
import { SetAP, SetF, SetP, SetR } from "./setMeasures.ts"

/** Every measure that is computed here, a line each; names, suggestions, documentation and tests follow from it. */
export const measures: ReadonlyArray<MeasureDefinition> = [
  nDCG,
  RR,
  AP,
  P,
  R,
  F1,
  Success,
  Judged,
  RBP,
  ERR,
  Rprec,
  IPrec,
  SetP,
  SetR,
  SetF,
  SetAP,
  Bpref,
  infAP,
  NumQ,
  NumRel,
  NumRet,
  gmMap,
  gmBpref,
  elevenPoint,
]

/** Measures that came from outside, by name, with the digest of the code that they came from. */
const outside = new Map<string, { readonly definition: MeasureDefinition; readonly digest: string }>()

const namesOf = ({ aliases, name }: MeasureDefinition): ReadonlyArray<string> => [
  name,
  ...aliases.map((alias) => alias.name),
]

const byName = new Map(measures.flatMap((each) => namesOf(each).map((name) => [name, each] as const)))

/** trec_eval's names with the measure each stands for. */
export const trecNames: ReadonlyMap<string, readonly [MeasureDefinition, TrecName]> = new Map(
  measures.flatMap((definition) => definition.trecNames.map((trec) => [trec.name, [definition, trec] as const])),
)

/** ir-measures' names that are understood, for suggestions. */
export const knownNames = (): ReadonlyArray<string> => [...byName.keys(), ...outside.keys()]

/** The measure of a name, ours or from outside. */
export const definitionOf = (name: string): MeasureDefinition | undefined =>
  byName.get(name) ?? outside.get(name)?.definition

/**
 * Adds a measure from outside.
 *
 * @param digest the hash of its code, which is part of the key of what is measured by it.
 * @returns the name that is taken already, if one is.
 */
export const addMeasure = (definition: MeasureDefinition, digest: string): string | undefined => {
  const taken = namesOf(definition).find((name) => byName.has(name) || trecNames.has(name))
  if (taken !== undefined) return taken
  for (const name of namesOf(definition)) outside.set(name, { definition, digest })
  return undefined
}

/** The digest of the code of a measure from outside; none of ours. */
export const measureDigest = (name: string): string | undefined => outside.get(name)?.digest
