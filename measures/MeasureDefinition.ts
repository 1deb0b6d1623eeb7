import type { Judgements } from "./Judgements.ts"
import type { Aggregation, Measure, MeasureRange } from "./Measure.ts"
import { type Cutoff, MeasureArguments, Refused } from "./MeasureArguments.ts"
import type { Literal, MeasureCall, Parsed } from "./MeasureCall.ts"

/** Another name that a measure has in ir-measures, and the parameters that it stands for where they are not given. */
export interface MeasureAlias {
  readonly name: string
  readonly presets?: Readonly<Record<string, Literal>>
}

/** trec_eval's name of a measure. */
export interface TrecName {
  readonly name: string
  /** What its parameter is called here, and the values trec_eval takes where none is given; left out, it takes none. */
  readonly takes?: { readonly parameter: string; readonly defaults: ReadonlyArray<string> }
  /** What it fixes, in ir-measures' form: `rel=1`. */
  readonly fixes?: string
}

/** A measure as a name that is read: one file makes one, and `registry.ts` lists it. */
export interface MeasureDefinition {
  /** ir-measures' name; trec_eval's for what only that has. */
  readonly name: string
  /** One line for people. */
  readonly description: string
  readonly aliases: ReadonlyArray<MeasureAlias>
  readonly trecNames: ReadonlyArray<TrecName>
  /** What stands after @. */
  readonly at: string | null
  /** A call of it, or of an alias, with all its parameters filled in. */
  readonly read: (text: string, call: MeasureCall) => Parsed<Measure>
}

/** How a measure's parameters are read and written. */
export interface ParameterForm<P> {
  /** What stands after @: `cutoff`, or nothing. */
  readonly at: string | null
  readonly read: (given: MeasureArguments) => P
  /** Those that are not at their default, in a fixed order: `rel=2`. */
  readonly write: (parameters: P) => ReadonlyArray<string>
  /** What is written after @, if anything. */
  readonly writeAt: (parameters: P) => string | null
  /** The same with `judged_only=True`; none where it takes no such parameter or already has it. */
  readonly overJudged?: (parameters: P) => P | null
}

/** What a measure is made from. */
export interface MeasureSpec<P> extends ParameterForm<P> {
  readonly name: string
  readonly description: string
  readonly aliases?: ReadonlyArray<MeasureAlias>
  readonly trecNames?: ReadonlyArray<TrecName>
  /** What a query's value can be; left out, any number. Intervals keep to it, and where it is 0 to 1 they are those of shares. */
  readonly range?: (parameters: P) => MeasureRange
  /** How the queries' values become one figure; left out, their mean. */
  readonly aggregation?: Aggregation
  /** The largest grade that its scale allows; left out, any grade will do. */
  readonly largestGrade?: (parameters: P) => number | null
  /**
   * The value for one query: `grades` are those of the ranked documents, best first, `UNJUDGED` where the qrels do not name the
   * document; `judged` are the query's qrels.
   */
  readonly score: (parameters: P, grades: Int32Array, judged: Judgements) => number
  /** The best value of any order; left out, that of the grades in descending order. */
  readonly oracle?: (parameters: P, grades: Int32Array, judged: Judgements) => number
}

/** Of a measure whose values go from 0 to 1. */
export const share = (): MeasureRange => [0, 1]

/** Of a measure whose values have no greatest. */
export const counts = (): MeasureRange => [0, Number.POSITIVE_INFINITY]

const anyNumber = (): MeasureRange => [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]

const descending = (grades: Int32Array): Int32Array => Int32Array.from(grades).sort().reverse()

/** Makes a measure from what its parameters are and what it computes. */
export const defineMeasure = <P>(spec: MeasureSpec<P>): MeasureDefinition => {
  const { aliases = [], at, description, name, trecNames = [] } = spec
  const measure = (parameters: P): Measure => {
    const written = spec.write(parameters)
    const after = spec.writeAt(parameters)
    return {
      name,
      text: `${name}${written.length === 0 ? "" : `(${written.join(",")})`}${after === null ? "" : `@${after}`}`,
      aggregation: spec.aggregation ?? "mean",
      range: (spec.range ?? anyNumber)(parameters),
      largestGrade: spec.largestGrade?.(parameters) ?? null,
      score: (grades, judged) => spec.score(parameters, grades, judged),
      oracle: (grades, judged) =>
        spec.oracle === undefined
          ? spec.score(parameters, descending(grades), judged)
          : spec.oracle(parameters, grades, judged),
      overJudged: () => {
        const changed = spec.overJudged?.(parameters) ?? null
        return changed === null ? null : measure(changed)
      },
    }
  }
  return {
    name,
    description,
    aliases,
    trecNames,
    at,
    read: (text, call) => {
      try {
        const alias = aliases.find((each) => each.name === call.name)
        const given = new MeasureArguments(call, at, new Map(Object.entries(alias?.presets ?? {})))
        const parameters = spec.read(given)
        given.end()
        return { ok: true, value: measure(parameters) }
      } catch (cause) {
        if (!(cause instanceof Refused)) throw cause
        const { parameter, problem } = cause
        return { ok: false, error: { _tag: "MeasureParameter", text, parameter, problem } }
      }
    },
  }
}

/** A number as Python prints a float: an integer keeps its ".0", so that ir-measures reads the name back. */
export const float = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value))

/** `rel=2`, or nothing for the usual 1. */
export const relevance = (rel: number): ReadonlyArray<string> => (rel === 1 ? [] : [`rel=${rel}`])

/** `judged_only=True`, or nothing. */
export const overJudgedOnly = (flag: boolean): ReadonlyArray<string> => (flag ? ["judged_only=True"] : [])

/** Parameters of a measure over a ranking with a grade of relevance. */
export interface Whole {
  readonly rel: number
  readonly judgedOnly: boolean
}

const written = ({ judgedOnly, rel }: Whole): ReadonlyArray<string> => [
  ...relevance(rel),
  ...overJudgedOnly(judgedOnly),
]

const overJudged = <P extends Whole>(parameters: P): P | null =>
  parameters.judgedOnly ? null : { ...parameters, judgedOnly: true }

/** Of a ranking with a cutoff that may be left out: `AP(rel=2)@100`. */
export const ranked: ParameterForm<Whole & { readonly cutoff: Cutoff }> = {
  at: "cutoff",
  read: (given) => ({ cutoff: given.cutoff(), rel: given.rel(), judgedOnly: given.judgedOnly() }),
  write: written,
  writeAt: ({ cutoff }) => (cutoff === null ? null : String(cutoff)),
  overJudged,
}

/** Of a ranking up to a cutoff: `P@10`. */
export const cut: ParameterForm<Whole & { readonly cutoff: number }> = {
  at: "cutoff",
  read: (given) => ({ cutoff: given.requiredCutoff(), rel: given.rel(), judgedOnly: given.judgedOnly() }),
  write: written,
  writeAt: ({ cutoff }) => String(cutoff),
  overJudged,
}

/** Of a ranking up to a cutoff by its grades, without one from which on a document is relevant: `DCG@10`. */
export const graded: ParameterForm<{ readonly cutoff: number }> = {
  at: "cutoff",
  read: (given) => ({ cutoff: given.requiredCutoff() }),
  write: () => [],
  writeAt: ({ cutoff }) => String(cutoff),
}

/** Of all that is retrieved: `Rprec(rel=2)`. */
export const whole: ParameterForm<Whole> = {
  at: null,
  read: (given) => ({ rel: given.rel(), judgedOnly: given.judgedOnly() }),
  write: written,
  writeAt: () => null,
  overJudged,
}

/** With nothing but the grade from which on a document is relevant: `Bpref(rel=2)`. */
export const plain: ParameterForm<{ readonly rel: number }> = {
  at: null,
  read: (given) => ({ rel: given.rel() }),
  write: ({ rel }) => relevance(rel),
  writeAt: () => null,
}

/** trec_eval's cutoffs where none is given. */
export const trecCutoffs: ReadonlyArray<string> = ["5", "10", "15", "20", "30", "100", "200", "500", "1000"]
