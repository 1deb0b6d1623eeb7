import { averagePrecision } from "./averagePrecision.ts"
import { bpref } from "./bpref.ts"
import { expectedReciprocalRank } from "./expectedReciprocalRank.ts"
import { inferredAveragePrecision } from "./inferredAveragePrecision.ts"
import { elevenPointAverage, interpolatedPrecision } from "./interpolatedPrecision.ts"
import { countRelevant, type Judgements, judgements } from "./Judgements.ts"
import { judgedShare } from "./judged.ts"
import type { Measure } from "./Measure.ts"
import { ndcg, withGains } from "./ndcg.ts"
import { precisionAt, recallAt, relevantAt, rPrecision } from "./precision.ts"
import { rankBiasedPrecision } from "./rankBiasedPrecision.ts"
import { reciprocalRank } from "./reciprocalRank.ts"
import { setAveragePrecision, setF, setPrecision, setRecall } from "./setMeasures.ts"

const ALL = Number.POSITIVE_INFINITY

/**
 * The value of a measure for one query: `grades` are those of the ranked documents, best first, `UNJUDGED` where the
 * qrels do not name the document; `judged` are the query's qrels. A query that the run misses is an empty `grades`: it
 * scores 0 in every measure but the counts of queries and of relevant documents, which do not depend on the run.
 */
export const scoreQuery = (measure: Measure, grades: Int32Array, judged: Judgements): number => {
  switch (measure.name) {
    case "RR":
      return reciprocalRank(grades, measure.cutoff ?? ALL, measure.rel, measure.judgedOnly)
    case "AP":
      return averagePrecision(grades, judged, measure.cutoff ?? ALL, measure.rel, measure.judgedOnly)
    case "P":
      return precisionAt(grades, measure.cutoff, measure.rel, measure.judgedOnly)
    case "R":
      return recallAt(grades, judged, measure.cutoff, measure.rel, measure.judgedOnly)
    case "Success":
      return relevantAt(grades, measure.cutoff, measure.rel, measure.judgedOnly) > 0 ? 1 : 0
    case "nDCG": {
      const { gains } = measure
      return ndcg(
        gains === null ? grades : withGains(grades, gains),
        gains === null ? judged : judgements(withGains(judged.grades, gains)),
        measure.cutoff ?? ALL,
        measure.dcg === "exp-log2",
        measure.judgedOnly,
      )
    }
    case "Judged":
      return judgedShare(grades, measure.cutoff ?? ALL)
    case "RBP":
      return rankBiasedPrecision(grades, measure.cutoff ?? ALL, measure.p, measure.rel, measure.maxRel)
    case "ERR":
      return expectedReciprocalRank(grades, measure.cutoff ?? ALL, measure.maxRel)
    case "Rprec":
      return rPrecision(grades, judged, measure.rel, measure.judgedOnly)
    case "IPrec":
      return interpolatedPrecision(grades, judged, measure.recall, measure.rel, measure.judgedOnly)
    case "SetP":
      return setPrecision(grades, judged, measure.rel, measure.relative, measure.judgedOnly)
    case "SetR":
      return setRecall(grades, judged, measure.rel)
    case "SetF":
      return setF(grades, judged, measure.rel, measure.beta, measure.judgedOnly)
    case "SetAP":
      return setAveragePrecision(grades, judged, measure.rel, measure.judgedOnly)
    case "Bpref":
    case "gm_bpref":
      return bpref(grades, judged, measure.rel)
    case "infAP":
      return inferredAveragePrecision(grades, judged, measure.rel)
    case "gm_map":
      return averagePrecision(grades, judged, ALL, measure.rel, false)
    case "11pt_avg":
      return elevenPointAverage(grades, judged, measure.rel)
    case "NumQ":
      return 1
    case "NumRel":
      return countRelevant(judged, measure.rel)
    case "NumRet":
      return measure.rel === null ? grades.length : relevantAt(grades, ALL, measure.rel, false)
  }
}
