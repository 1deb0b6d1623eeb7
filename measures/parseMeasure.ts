import { nearestName } from "../schemas/index.ts"
import type { Measure } from "./Measure.ts"
import { type Parsed, readMeasureCall } from "./MeasureCall.ts"
import type { MeasureError } from "./MeasureError.ts"
import { expandPeerName, peerRefusal } from "./peerNames.ts"
import { definitionOf, knownNames } from "./registry.ts"
import { expandTrecName, TREC_NAMES } from "./trecNames.ts"

/** ir-measures' names that are not computed here, and why. */
const NOT_COMPUTED: ReadonlyMap<string, string> = new Map([
  ...["ERR_IA", "nERR_IA", "alpha_DCG", "alpha_nDCG", "NRBP", "nNRBP", "AP_IA", "MAP_IA", "P_IA", "StRecall"].map(
    (name) => [name, "it needs judgements per subtopic"] as const,
  ),
  ...["BPM", "INST", "INSQ", "NERR8", "NERR9", "NERR10", "NERR11", "SDCG", "Compat"].map(
    (name) => [name, "not written yet"] as const,
  ),
  ["Accuracy", "ir-measures' is not written yet; BEIR's and sentence-transformers' is Success@k"],
])

const parseOne = (text: string): Parsed<Measure> => {
  const read = readMeasureCall(text)
  const definition = read.ok ? definitionOf(read.value.name) : undefined
  if (read.ok && definition !== undefined) return definition.read(text, read.value)
  const peers = expandPeerName(text.trim())
  if (peers !== null && !(read.ok && NOT_COMPUTED.has(read.value.name))) {
    const own = parseOne(peers)
    return own.ok ? own : { ok: false, error: { ...own.error, text } }
  }
  if (!read.ok) return read
  const call = read.value
  const reason = NOT_COMPUTED.get(call.name) ?? peerRefusal(text.trim())
  const error: MeasureError =
    reason === undefined
      ? { _tag: "UnknownMeasure", text, nearest: nearestName(call.name, [...knownNames(), ...TREC_NAMES]) ?? null }
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
