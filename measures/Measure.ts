/**
 * A measure with all its parameters filled in: the closed union, its canonical name and how its per-query values
 * become one figure. Names and parameters are those of ir-measures; what only trec_eval has keeps trec_eval's name.
 */

/** How many of the ranked documents count; `null` is all of them. */
export type Cutoff = number | null

/** Replaces grades by gains before nDCG, as ir-measures' `gains={grade:gain}`; grades not named keep their value. */
export type GainMap = ReadonlyArray<readonly [grade: number, gain: number]>

interface Ranked<Name extends string> {
  readonly name: Name
  readonly cutoff: Cutoff
  /** The smallest grade that counts as relevant. */
  readonly rel: number
  /** Whether documents without a judgement (grade absent or negative) are dropped before ranks are counted. */
  readonly judgedOnly: boolean
}

interface Cut<Name extends string> extends Ranked<Name> {
  readonly cutoff: number
}

interface WholeRanking<Name extends string> {
  readonly name: Name
  readonly rel: number
  readonly judgedOnly: boolean
}

interface Plain<Name extends string> {
  readonly name: Name
  readonly rel: number
}

export type Measure =
  | Ranked<"RR">
  | Ranked<"AP">
  | Cut<"P">
  | Cut<"R">
  | Cut<"Success">
  | {
      readonly name: "nDCG"
      readonly cutoff: Cutoff
      readonly dcg: "log2" | "exp-log2"
      readonly gains: GainMap | null
      readonly judgedOnly: boolean
    }
  | { readonly name: "Judged"; readonly cutoff: Cutoff }
  /** `rel: null` is graded: the gain is grade / maxRel. */
  | {
      readonly name: "RBP"
      readonly cutoff: Cutoff
      readonly p: number
      readonly rel: number | null
      readonly maxRel: number
    }
  | { readonly name: "ERR"; readonly cutoff: Cutoff; readonly maxRel: number }
  | WholeRanking<"Rprec">
  | (WholeRanking<"IPrec"> & { readonly recall: number })
  | (WholeRanking<"SetP"> & { readonly relative: boolean })
  | Plain<"SetR">
  | (WholeRanking<"SetF"> & { readonly beta: number })
  | WholeRanking<"SetAP">
  | Plain<"Bpref">
  | Plain<"infAP">
  | { readonly name: "NumQ" }
  | Plain<"NumRel">
  | { readonly name: "NumRet"; readonly rel: number | null }
  | Plain<"gm_map">
  | Plain<"gm_bpref">
  | Plain<"11pt_avg">

export type MeasureName = Measure["name"]

/** How the values of the queries become one figure. The geometric mean raises each value to at least 0.00001. */
export type Aggregation = "mean" | "sum" | "geometric-mean"

export const aggregation = (measure: Measure): Aggregation => {
  switch (measure.name) {
    case "NumQ":
    case "NumRel":
    case "NumRet":
      return "sum"
    case "gm_map":
    case "gm_bpref":
      return "geometric-mean"
    default:
      return "mean"
  }
}

/** A number as Python prints a float: an integer keeps its ".0", so that ir-measures reads the name back. */
const float = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value))

const relevance = (rel: number): ReadonlyArray<string> => (rel === 1 ? [] : [`rel=${rel}`])

const judgedOnly = (flag: boolean): ReadonlyArray<string> => (flag ? ["judged_only=True"] : [])

const gainMap = (gains: GainMap): string => `{${gains.map(([grade, gain]) => `${grade}:${gain}`).join(",")}}`

const parameters = (measure: Measure): ReadonlyArray<string> => {
  switch (measure.name) {
    case "RR":
    case "AP":
    case "P":
    case "R":
    case "Success":
    case "Rprec":
    case "SetAP":
    case "IPrec":
      return [...relevance(measure.rel), ...judgedOnly(measure.judgedOnly)]
    case "nDCG":
      return [
        ...(measure.dcg === "log2" ? [] : [`dcg='${measure.dcg}'`]),
        ...(measure.gains === null ? [] : [`gains=${gainMap(measure.gains)}`]),
        ...judgedOnly(measure.judgedOnly),
      ]
    case "RBP":
      return [
        ...(measure.p === 0.8 ? [] : [`p=${float(measure.p)}`]),
        ...(measure.rel === null ? [] : [`rel=${measure.rel}`]),
        ...(measure.maxRel === 1 ? [] : [`max_rel=${measure.maxRel}`]),
      ]
    case "ERR":
      return measure.maxRel === 4 ? [] : [`max_rel=${measure.maxRel}`]
    case "SetP":
      return [
        ...relevance(measure.rel),
        ...(measure.relative ? ["relative=True"] : []),
        ...judgedOnly(measure.judgedOnly),
      ]
    case "SetF":
      return [
        ...relevance(measure.rel),
        ...(measure.beta === 1 ? [] : [`beta=${float(measure.beta)}`]),
        ...judgedOnly(measure.judgedOnly),
      ]
    case "NumRet":
      return measure.rel === null ? [] : [`rel=${measure.rel}`]
    case "SetR":
    case "Bpref":
    case "infAP":
    case "NumRel":
    case "gm_map":
    case "gm_bpref":
    case "11pt_avg":
      return relevance(measure.rel)
    case "Judged":
    case "NumQ":
      return []
  }
}

const at = (measure: Measure): string => {
  if (measure.name === "IPrec") return `@${float(measure.recall)}`
  return "cutoff" in measure && measure.cutoff !== null ? `@${measure.cutoff}` : ""
}

/**
 * The canonical name, `Name(param=value,…)@cutoff` with defaults left out and parameters in a fixed order: two
 * spellings of one measure have one canonical name, and parsing it gives the measure back.
 */
export const measureName = (measure: Measure): string => {
  const given = parameters(measure)
  return `${measure.name}${given.length === 0 ? "" : `(${given.join(",")})`}${at(measure)}`
}
