import type { Rm3Settings } from "../contract.ts"
import type { Expand } from "./expandedRun.ts"
import { dividedBy, l1Norm, pruned } from "./TermVector.ts"

const f32 = Math.fround

/** What may be a feedback term where terms are filtered. */
const plain = /^[a-z0-9]+$/

/** A document whose terms weigh less together is left out. */
const leastNorm = f32(0.001)

/**
 * RM3 (Abdul-Jaleel et al., UMass at TREC 2004) as Anserini has it (`Rm3Reranker`), in 32-bit arithmetic: each document's `fbTerms` most
 * frequent terms, their counts over the sum of those, times its score, summed in the documents' order; of that the `fbTerms` greatest,
 * over their sum; mixed with the query's counts over their sum.
 */
export const rm3 = ({ fbDocs, fbTerms, filterTerms, originalQueryWeight }: Rm3Settings): Expand => ({
  documents: (found) => Array.from({ length: Math.min(fbDocs, found) }, (_, at) => at),
  isFeedbackTerm: (term) => !filterTerms || plain.test(term),
  expand: (query, documents) => {
    const model = new Map<string, number>()
    for (const { score, vector } of documents) {
      const kept = pruned(vector, fbTerms)
      const norm = f32(l1Norm(kept))
      if (norm <= leastNorm) continue
      for (const [term, weight] of kept) {
        model.set(term, f32((model.get(term) ?? 0) + f32(f32(weight / norm) * score)))
      }
    }
    const best = pruned(model, fbTerms)
    const feedback = dividedBy(best, l1Norm(best))
    const own = dividedBy(query, l1Norm(query))
    const weight = f32(originalQueryWeight)
    return new Map(
      [...new Set([...own.keys(), ...feedback.keys()])].map((term) => [
        term,
        f32(f32(weight * (own.get(term) ?? 0)) + (1 - weight) * (feedback.get(term) ?? 0)),
      ]),
    )
  },
})
