import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { compareTrecOrder } from "../../measures/index.ts"
import { type Answer, documentOf, type Fold, type StoredStage } from "../../schemas/index.ts"
import { FoldConfig } from "./contract.ts"

interface Passage {
  readonly number: number
  readonly score: number
}

const total = (passages: ReadonlyArray<Passage>): number => passages.reduce((sum, { score }) => sum + score, 0)

const folded: Readonly<Record<Fold, (passages: ReadonlyArray<Passage>) => number>> = {
  max: (passages) => passages.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY),
  first: (passages) => passages.reduce((first, each) => (each.number < first.number ? each : first)).score,
  mean: (passages) => total(passages) / passages.length,
  sum: total,
}

/** Folds an answer over passages as an earlier run folded its runs. */
export const foldAnswer = (stored: StoredStage, answer: Answer) =>
  Effect.map(Schema.decodeUnknown(FoldConfig)(stored.config), ({ fold, separator }): Answer => {
    const documents = new Map<string, Array<Passage>>()
    for (const { docid, score } of answer) {
      const passage = documentOf(docid, separator)
      const known = documents.get(passage.docid) ?? []
      known.push({ number: passage.number, score })
      documents.set(passage.docid, known)
    }
    return [...documents].map(([docid, passages]) => ({ docid, score: folded[fold](passages) })).sort(compareTrecOrder)
  })
