import type { Literal, MeasureCall } from "./MeasureCall.ts"

/** How many of the ranked documents count; `null` is all of them. */
export type Cutoff = number | null

/** Replaces grades by gains before nDCG, as ir-measures' `gains={grade:gain}`; grades not named keep their value. */
export type GainMap = ReadonlyArray<readonly [grade: number, gain: number]>

/** A parameter that a measure does not take, or a value that it cannot have. */
export class Refused extends Error {
  readonly parameter: string
  readonly problem: string
  constructor(parameter: string, problem: string) {
    super(problem)
    this.parameter = parameter
    this.problem = problem
  }
}

/** The largest grade or gain that a name may mention; 2^30 is still exact as a double and as an Int32. */
const MAX_GRADE = 30

/** Hands out the parameters of one call, checked; what is left over at the end is not the measure's. */
export class MeasureArguments {
  private readonly left: Map<string, Literal>
  private readonly asked: Array<string> = []

  /**
   * @param at the parameter that stands after @; `null` where the measure takes none there.
   * @param presets what a spelling of the measure fills in where the call says nothing.
   */
  constructor(call: MeasureCall, at: string | null, presets: ReadonlyMap<string, Literal>) {
    this.left = new Map([...presets, ...call.parameters])
    if (call.at === null) return
    if (at === null) throw new Refused("@", "this measure takes no @")
    if (this.left.has(at)) throw new Refused(at, `given both as ${at}= and after @`)
    this.left.set(at, call.at)
  }

  private take(parameter: string): Literal | undefined {
    this.asked.push(parameter)
    const literal = this.left.get(parameter)
    this.left.delete(parameter)
    return literal
  }

  private integer(parameter: string, least: number, most: number): number | null {
    const literal = this.take(parameter)
    if (literal === undefined) return null
    if (literal.kind !== "integer" || literal.value < least || literal.value > most) {
      const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
      throw new Refused(parameter, `must be a whole number ${range}`)
    }
    return literal.value
  }

  /** How many documents count; absent is all of them. */
  cutoff(): Cutoff {
    return this.integer("cutoff", 1, Number.MAX_SAFE_INTEGER)
  }

  requiredCutoff(): number {
    const cutoff = this.cutoff()
    if (cutoff === null) throw new Refused("cutoff", "required, as in P@10")
    return cutoff
  }

  /** Negative thresholds are refused: negative grades mark documents without a judgement. */
  optionalRel(): number | null {
    return this.integer("rel", 0, MAX_GRADE)
  }

  /** The smallest grade that counts as relevant. */
  rel(): number {
    return this.optionalRel() ?? 1
  }

  maxRel(otherwise: number): number {
    return this.integer("max_rel", 1, MAX_GRADE) ?? otherwise
  }

  flag(parameter: string): boolean {
    const literal = this.take(parameter)
    if (literal === undefined) return false
    if (literal.kind !== "boolean") throw new Refused(parameter, "must be True or False")
    return literal.value
  }

  /** Whether documents without a judgement (grade absent or negative) are dropped before ranks are counted. */
  judgedOnly(): boolean {
    return this.flag("judged_only")
  }

  real(parameter: string, accepts: (value: number) => boolean, range: string): number | null {
    const literal = this.take(parameter)
    if (literal === undefined) return null
    if ((literal.kind !== "float" && literal.kind !== "integer") || !accepts(literal.value)) {
      throw new Refused(parameter, `must be a number ${range}`)
    }
    return literal.value
  }

  dcg(): "log2" | "exp-log2" {
    const literal = this.take("dcg")
    if (literal === undefined) return "log2"
    if (literal.value !== "log2" && literal.value !== "exp-log2") {
      throw new Refused("dcg", "must be 'log2' or 'exp-log2'")
    }
    return literal.value
  }

  gains(): GainMap | null {
    const literal = this.take("gains")
    if (literal === undefined) return null
    const whole = (value: number): boolean => Number.isInteger(value) && Math.abs(value) <= MAX_GRADE
    if (literal.kind !== "map" || !literal.value.every(([grade, gain]) => whole(grade) && whole(gain))) {
      throw new Refused("gains", `must be {grade:gain,…} with whole numbers from -${MAX_GRADE} to ${MAX_GRADE}`)
    }
    const gains = new Map(literal.value)
    if (gains.size < literal.value.length) throw new Refused("gains", "names a grade twice")
    const changed = [...gains].filter(([grade, gain]) => grade !== gain).sort((a, b) => a[0] - b[0])
    return changed.length === 0 ? null : changed
  }

  end(): void {
    const [extra] = this.left.keys()
    if (extra === undefined) return
    const known = this.asked.length === 0 ? "none" : this.asked.join(", ")
    throw new Refused(extra, `not a parameter of this measure, which takes: ${known}`)
  }
}
