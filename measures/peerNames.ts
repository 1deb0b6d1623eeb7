/** A name that ranx, BEIR or sentence-transformers have for a measure, in ir-measures' spelling. */
interface PeerName {
  /** With a cutoff. */
  readonly cut?: string
  /** Without one; none where the peers need a cutoff, or trec_eval has the name. */
  readonly whole?: string
}

const success: PeerName = { cut: "Success" }
const reciprocalRank: PeerName = { cut: "RR", whole: "RR" }

// ranx 0.3.21 (`ranx/metrics`), BEIR 2 (`beir/retrieval`), sentence-transformers 6 (`InformationRetrievalEvaluator`). ranx's f1
// and precision without a cutoff are over all that was retrieved, as trec_eval's set measures.
const names: ReadonlyMap<string, PeerName> = new Map<string, PeerName>([
  ["ndcg", { cut: "nDCG", whole: "nDCG" }],
  ["ndcg_burges", { cut: "nDCG(dcg='exp-log2')", whole: "nDCG(dcg='exp-log2')" }],
  ["mrr", reciprocalRank],
  ["rr", reciprocalRank],
  ["map", { cut: "AP", whole: "AP" }],
  ["ap", { cut: "AP", whole: "AP" }],
  ["recall", { cut: "R" }],
  ["r", { cut: "R" }],
  ["precision", { cut: "P", whole: "SetP" }],
  ["p", { cut: "P" }],
  ["f1", { cut: "F1", whole: "SetF" }],
  ["hit", success],
  ["hit_rate", success],
  ["accuracy", success],
  ["success", success],
  ["r-precision", { whole: "Rprec" }],
])

// sentence-transformers begins with the similarity, ranx ends with the lowest relevant grade.
const form = /^(?:(?:cosine|cos_sim|dot_score|dot|euclidean|manhattan)_)?([A-Za-z][\w-]*?)(?:@(\d+))?(?:-l(\d+))?$/

/** What a peer counts otherwise than its name says elsewhere. */
const refusals: ReadonlyMap<string, string> = new Map([
  ["hits", "ranx counts the relevant results; whether there is one among the first k is Success@k, their share P@k"],
])

/** Why a peer's name is not taken for a measure; none where there is no reason. */
export const peerRefusal = (text: string): string | undefined => refusals.get(form.exec(text)?.[1]?.toLowerCase() ?? "")

/** ir-measures' spelling of a name of ranx, BEIR or sentence-transformers (`hit_rate@10`, `precision@5-l2`, `cosine_mrr@10`); `null` for any other text. */
export const expandPeerName = (text: string): string | null => {
  const [, name = "", cutoff, grade] = form.exec(text) ?? []
  const known = names.get(name.toLowerCase())
  const own = cutoff === undefined ? known?.whole : known?.cut
  if (own === undefined) return null
  const relevance = grade === undefined || grade === "1" ? "" : `rel=${grade}`
  const withGrade =
    relevance === "" ? own : own.endsWith(")") ? `${own.slice(0, -1)},${relevance})` : `${own}(${relevance})`
  return cutoff === undefined ? withGrade : `${withGrade}@${cutoff}`
}
