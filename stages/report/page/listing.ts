import { byChange, type PairedQuery } from "./PairedQuery.ts"
import type { QueryList } from "./ReportModel.ts"
import type { ListOrder, Outcome, View } from "./View.ts"

const sorted = (pairs: ReadonlyArray<PairedQuery>, order: ListOrder): ReadonlyArray<PairedQuery> => {
  switch (order) {
    case "gain":
      return [...byChange(pairs)].reverse()
    case "loss":
      return byChange(pairs)
    case "worst":
      return [...pairs].sort((a, b) => a.second - b.second || a.query - b.query)
    case "qid":
      return pairs
  }
}

const hasOutcome = ({ change }: PairedQuery, outcome: Outcome): boolean =>
  outcome === "all" || (outcome === "gain" ? change > 0 : outcome === "loss" ? change < 0 : change === 0)

/** The queries that a view lists, in its order. */
export const listed = (
  pairs: ReadonlyArray<PairedQuery>,
  queries: QueryList,
  { change, find, list }: Pick<View, "change" | "find" | "list">,
): ReadonlyArray<PairedQuery> => {
  const sought = find.trim().toLowerCase()
  return sorted(pairs, list).filter(
    (pair) =>
      hasOutcome(pair, change) &&
      (sought === "" ||
        (queries.texts[pair.query] ?? "").toLowerCase().includes(sought) ||
        (queries.qids[pair.query] ?? "").toLowerCase() === sought),
  )
}
