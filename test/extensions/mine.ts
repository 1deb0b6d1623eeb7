import type { Extension } from "../../extension.ts"
import { discount } from "./discount.ts"

const mine: Extension = ({
  count,
  defineFirstStage,
  defineLoss,
  defineMeasure,
  defineReranker,
  forms,
  Random,
  Schema,
  setting,
}) => ({
  firstStages: [
    defineFirstStage({
      name: "random",
      description: "Passages in an order that is drawn by lot, the same for the same seed and query",
      settings: Schema.Struct({ scale: setting(count, 1, "The greatest score") }),
      open: ({ passages, seed, settings }) => ({
        search: ({ qid }) => {
          const random = new Random(seed, ...Buffer.from(qid))
          return passages.map(({ docid }) => ({ docid, score: (settings.scale * random.next()) / 2 ** 32 }))
        },
      }),
    }),
  ],
  rerankers: [
    defineReranker({
      name: "overlap",
      description: "How many of the query's words a passage has",
      open: () => ({
        score: (query, passages) => {
          const words = new Set(query.text.toLowerCase().match(/\w+/g))
          return passages.map(({ text, title }) => {
            const has = new Set(`${title ?? ""} ${text}`.toLowerCase().match(/\w+/g))
            return [...words].filter((word) => has.has(word)).length
          })
        },
      }),
    }),
  ],
  losses: [
    // Qin, Liu and Li, "A general approximation framework for direct optimization of information retrieval measures", 2010:
    // 1 − DCG at the ranks 1 + Σ_{j ≠ i} σ((s_j − s_i) / T), over the best DCG.
    defineLoss({
      name: "approxndcg",
      description: "nDCG with ranks made smooth",
      settings: Schema.Struct({
        temperature: setting(Schema.Number.pipe(Schema.positive()), 0.1, "T: lower is sharper"),
      }),
      parts: (lists, { temperature }, onnx) => {
        const above = onnx.sigmoid(onnx.multiply(lists.difference(lists.scores), -1 / temperature))
        // The pair (i, i) adds a half, as σ(0).
        const others = onnx.reduceSum(lists.only(lists.second(lists.present), above), [2])
        const smooth = onnx.add(others, 0.5)
        const gains = onnx.subtract(
          onnx.exponential(onnx.multiply(lists.grades, Math.LN2)),
          onnx.scalarLike(lists.grades, 1),
        )
        const gained = (ranks: typeof smooth) =>
          lists.sum(
            lists.present,
            onnx.divide(onnx.multiply(gains, onnx.scalarLike(gains, Math.LN2)), onnx.logarithm(onnx.add(ranks, 1))),
          )
        const best = gained(lists.ranks(lists.grades))
        const share = onnx.divide(gained(smooth), onnx.where(lists.counts, best, onnx.scalarLike(best, 1)))
        return onnx.subtract(onnx.scalarLike(share, 1), share)
      },
    }),
  ],
  measures: [
    defineMeasure({
      ...forms.graded,
      name: "DCG",
      description: "Discounted cumulative gain of the first k, the gain being the grade",
      score: ({ cutoff }, grades) =>
        grades.slice(0, cutoff).reduce((sum, grade, i) => sum + Math.max(grade, 0) * discount(i + 1), 0),
    }),
  ],
})

export default mine
