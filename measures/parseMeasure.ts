import { nearestName } from "../schemas/index.ts"
import type { Cutoff, GainMap, Measure } from "./Measure.ts"
import { type Literal, type MeasureCall, type Parsed, readMeasureCall } from "./MeasureCall.ts"
import type { MeasureError } from "./MeasureError.ts"
import { expandTrecName, TREC_NAMES } from "./trecNames.ts"

class Refused extends Error {
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
class Arguments {
  private readonly left: Map<string, Literal>
  private readonly asked: Array<string> = []
  constructor(call: MeasureCall, at: string | null) {
    this.left = new Map(call.parameters)
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

const ranked = (given: Arguments) => ({ cutoff: given.cutoff(), rel: given.rel(), judgedOnly: given.judgedOnly() })
const cut = (given: Arguments) => ({ cutoff: given.requiredCutoff(), rel: given.rel(), judgedOnly: given.judgedOnly() })
const whole = (given: Arguments) => ({ rel: given.rel(), judgedOnly: given.judgedOnly() })
const plain = (given: Arguments) => ({ rel: given.rel() })
const inUnit = (value: number): boolean => value >= 0 && value <= 1
const insideUnit = (value: number): boolean => value > 0 && value < 1

type Builder = (given: Arguments) => Measure

const recallLevel = (given: Arguments): number => {
  const recall = given.real("recall", inUnit, "from 0 to 1")
  if (recall === null) throw new Refused("recall", "required, as in IPrec@0.1")
  return recall
}

const reciprocalRank: Builder = (given) => ({ name: "RR", ...ranked(given) })
const averagePrecision: Builder = (given) => ({ name: "AP", ...ranked(given) })
const precision: Builder = (given) => ({ name: "P", ...cut(given) })
const recall: Builder = (given) => ({ name: "R", ...cut(given) })
const rPrecision: Builder = (given) => ({ name: "Rprec", ...whole(given) })
const bpref: Builder = (given) => ({ name: "Bpref", ...plain(given) })
const ndcg: Builder = (given) => ({
  name: "nDCG",
  cutoff: given.cutoff(),
  dcg: given.dcg(),
  gains: given.gains(),
  judgedOnly: given.judgedOnly(),
})

/** Every name that ir-measures has for what is computed here, and the trec_eval measures that it lacks. */
const BUILDERS: ReadonlyMap<string, Builder> = new Map<string, Builder>([
  ["RR", reciprocalRank],
  ["MRR", reciprocalRank],
  ["nDCG", ndcg],
  ["NDCG", ndcg],
  ["AP", averagePrecision],
  ["MAP", averagePrecision],
  ["P", precision],
  ["Precision", precision],
  ["R", recall],
  ["Recall", recall],
  ["Success", (given) => ({ name: "Success", ...cut(given) })],
  ["Judged", (given) => ({ name: "Judged", cutoff: given.cutoff() })],
  [
    "RBP",
    (given) => {
      const cutoff = given.cutoff()
      const p = given.real("p", insideUnit, "between 0 and 1") ?? 0.8
      const rel = given.optionalRel()
      const maxRel = given.maxRel(1)
      if (rel !== null && maxRel !== 1) throw new Refused("max_rel", "only for graded gains, that is without rel")
      return { name: "RBP", cutoff, p, rel, maxRel }
    },
  ],
  ["ERR", (given) => ({ name: "ERR", cutoff: given.cutoff(), maxRel: given.maxRel(4) })],
  ["Rprec", rPrecision],
  ["RPrec", rPrecision],
  ["IPrec", (given) => ({ name: "IPrec", recall: recallLevel(given), ...whole(given) })],
  ["SetP", (given) => ({ name: "SetP", ...whole(given), relative: given.flag("relative") })],
  ["SetRelP", (given) => ({ name: "SetP", ...whole(given), relative: true })],
  ["SetR", (given) => ({ name: "SetR", ...plain(given) })],
  [
    "SetF",
    (given) => ({
      name: "SetF",
      ...whole(given),
      beta: given.real("beta", (value) => value >= 0 && Number.isFinite(value), "of at least 0") ?? 1,
    }),
  ],
  ["SetAP", (given) => ({ name: "SetAP", ...whole(given) })],
  ["Bpref", bpref],
  ["BPref", bpref],
  ["infAP", (given) => ({ name: "infAP", ...plain(given) })],
  ["NumQ", () => ({ name: "NumQ" })],
  ["NumRel", (given) => ({ name: "NumRel", ...plain(given) })],
  ["NumRet", (given) => ({ name: "NumRet", rel: given.optionalRel() })],
  ["NumRelRet", (given) => ({ name: "NumRet", rel: given.rel() })],
  ["gm_map", (given) => ({ name: "gm_map", ...plain(given) })],
  ["gm_bpref", (given) => ({ name: "gm_bpref", ...plain(given) })],
  ["11pt_avg", (given) => ({ name: "11pt_avg", ...plain(given) })],
])

/** ir-measures' names that are not computed here, and why. */
const NOT_COMPUTED: ReadonlyMap<string, string> = new Map([
  ...["ERR_IA", "nERR_IA", "alpha_DCG", "alpha_nDCG", "NRBP", "nNRBP", "AP_IA", "MAP_IA", "P_IA", "StRecall"].map(
    (name) => [name, "it needs judgements per subtopic"] as const,
  ),
  ...["BPM", "INST", "INSQ", "NERR8", "NERR9", "NERR10", "NERR11", "SDCG", "Compat", "Accuracy"].map(
    (name) => [name, "not written yet"] as const,
  ),
])

const AT_RECALL: ReadonlySet<string> = new Set(["IPrec"])
const WITHOUT_AT: ReadonlySet<string> = new Set(
  ["Rprec", "RPrec", "SetP", "SetRelP", "SetR", "SetF", "SetAP", "Bpref", "BPref", "infAP"].concat([
    "NumQ",
    "NumRel",
    "NumRet",
    "NumRelRet",
    "gm_map",
    "gm_bpref",
    "11pt_avg",
  ]),
)

const build = (text: string, call: MeasureCall, builder: Builder): Parsed<Measure> => {
  try {
    const at = AT_RECALL.has(call.name) ? "recall" : WITHOUT_AT.has(call.name) ? null : "cutoff"
    const given = new Arguments(call, at)
    const value = builder(given)
    given.end()
    return { ok: true, value }
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    return {
      ok: false,
      error: { _tag: "MeasureParameter", text, parameter: cause.parameter, problem: cause.problem },
    }
  }
}

const parseOne = (text: string): Parsed<Measure> => {
  const read = readMeasureCall(text)
  if (!read.ok) return read
  const call = read.value
  const builder = BUILDERS.get(call.name)
  if (builder !== undefined) return build(text, call, builder)
  const reason = NOT_COMPUTED.get(call.name)
  const error: MeasureError =
    reason === undefined
      ? { _tag: "UnknownMeasure", text, nearest: nearestName(call.name, [...BUILDERS.keys(), ...TREC_NAMES]) ?? null }
      : { _tag: "MeasureNotComputed", text, reason }
  return { ok: false, error }
}

/**
 * The measures that a name stands for. ir-measures' names stand for one; trec_eval's may stand for several (`P` is P at
 * nine cutoffs, `official` is the whole set). Where both have a name, its form decides: `P@5` and `P(rel=2)@5` are
 * ir-measures', a bare `P`, `P_5` and `P.5,10` trec_eval's.
 */
export const parseMeasures = (text: string): Parsed<ReadonlyArray<Measure>> => {
  const trec = expandTrecName(text.trim())
  if (trec === null) {
    const one = parseOne(text)
    return one.ok ? { ok: true, value: [one.value] } : one
  }
  if (!trec.ok) return { ok: false, error: { _tag: "MeasureNotComputed", text, reason: trec.reason } }
  const measures: Array<Measure> = []
  for (const name of trec.names) {
    const one = parseOne(name)
    if (!one.ok) return { ok: false, error: { ...one.error, text } }
    measures.push(one.value)
  }
  return { ok: true, value: measures }
}

/** As `parseMeasures`, for a place where exactly one measure is due (early stopping, a comparison). */
export const parseMeasure = (text: string): Parsed<Measure> => {
  const parsed = parseMeasures(text)
  if (!parsed.ok) return parsed
  const [first, ...more] = parsed.value
  if (first === undefined || more.length > 0) {
    return {
      ok: false,
      error: { _tag: "MeasureNotComputed", text, reason: "it stands for several measures and one is due" },
    }
  }
  return { ok: true, value: first }
}
