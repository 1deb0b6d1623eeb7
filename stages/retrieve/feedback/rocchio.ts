import type { RocchioSettings } from "../contract.ts"
import type { Expand, FeedbackDocument } from "./expandedRun.ts"
import { dividedBy, l2Norm, pruned, type TermVector } from "./TermVector.ts"

const f32 = Math.fround

/** A shorter document is left out of the sum, but not of the number. */
const leastNorm = f32(0.001)

/** The mean of the documents' vectors of length 1, its greatest weights alone, of length 1. */
const meanOf = (documents: ReadonlyArray<FeedbackDocument>, terms: number): TermVector => {
  const sums = new Map<string, number>()
  for (const { vector } of documents) {
    const norm = f32(l2Norm(vector))
    if (norm <= leastNorm) continue
    for (const [term, weight] of vector) sums.set(term, f32((sums.get(term) ?? 0) + f32(weight / norm)))
  }
  const mean = pruned(dividedBy(sums, documents.length), terms)
  return dividedBy(mean, l2Norm(mean))
}

/**
 * Rocchio's feedback (1971) as Anserini has it (`RocchioReranker`), in 32-bit arithmetic: alpha × the query, of length 1, + beta × the mean of
 * the first documents − gamma × that of the last, where those are asked for; terms above 0 alone.
 */
export const rocchio = (settings: RocchioSettings): Expand => {
  const { bottomFbDocs, bottomFbTerms, topFbDocs, topFbTerms, useNegative } = settings
  const [alpha, beta, gamma] = [f32(settings.alpha), f32(settings.beta), f32(settings.gamma)]
  const first = (count: number): ReadonlyArray<number> =>
    Array.from({ length: Math.min(topFbDocs, count) }, (_, at) => at)
  const last = (count: number): ReadonlyArray<number> =>
    useNegative ? Array.from({ length: Math.min(bottomFbDocs, count) }, (_, at) => count - 1 - at) : []
  return {
    documents: (found) => [...first(found), ...last(found)],
    isFeedbackTerm: () => true,
    expand: (query, documents, count) => {
      const top = Math.min(topFbDocs, count)
      const own = dividedBy(query, l2Norm(query))
      const relevant = meanOf(documents.slice(0, top), topFbTerms)
      const others = meanOf(documents.slice(top), bottomFbTerms)
      const weighted = [...new Set([...own.keys(), ...relevant.keys(), ...others.keys()])].map((term) => {
        const towards = f32(f32(alpha * (own.get(term) ?? 0)) + f32(beta * (relevant.get(term) ?? 0)))
        return [term, f32(towards - f32(gamma * (others.get(term) ?? 0)))] as const
      })
      return new Map(weighted.filter(([, weight]) => weight > 0))
    },
  }
}
