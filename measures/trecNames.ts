/** What a trec_eval name stands for in ir-measures' names, with the parameters trec_eval uses when none are given. */
interface TrecMeasure {
  readonly name: (parameter: string) => string
  /** Empty where the measure takes no parameter. */
  readonly defaults: ReadonlyArray<string>
}

const CUTOFFS = ["5", "10", "15", "20", "30", "100", "200", "500", "1000"]
const RECALLS = ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]

const single = (name: string): TrecMeasure => ({ name: () => name, defaults: [] })
const cut = (name: string, defaults: ReadonlyArray<string> = CUTOFFS): TrecMeasure => ({
  name: (cutoff) => `${name}@${cutoff}`,
  defaults,
})

const MEASURES: ReadonlyMap<string, TrecMeasure> = new Map([
  ["num_q", single("NumQ")],
  ["num_ret", single("NumRet")],
  ["num_rel", single("NumRel")],
  ["num_rel_ret", single("NumRelRet")],
  ["map", single("AP")],
  ["gm_map", single("gm_map")],
  ["Rprec", single("Rprec")],
  ["bpref", single("Bpref")],
  ["gm_bpref", single("gm_bpref")],
  ["recip_rank", single("RR")],
  ["infAP", single("infAP")],
  ["ndcg", single("nDCG")],
  ["11pt_avg", single("11pt_avg")],
  ["set_P", single("SetP")],
  ["set_recall", single("SetR")],
  ["set_relative_P", single("SetP(relative=True)")],
  ["set_map", single("SetAP")],
  ["set_F", { name: (beta) => `SetF(beta=${beta})`, defaults: ["1.0"] }],
  ["iprec_at_recall", cut("IPrec", RECALLS)],
  ["P", cut("P")],
  ["recall", cut("R")],
  ["ndcg_cut", cut("nDCG")],
  ["map_cut", cut("AP")],
  ["success", cut("Success", ["1", "5", "10"])],
])

/** trec_eval's nicknames. `runid` is a label and not a number; it is left out. */
const NICKNAMES: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  [
    "official",
    ["num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank"].concat([
      "iprec_at_recall",
      "P",
    ]),
  ],
])

const NOT_COMPUTED: ReadonlyMap<string, string> = new Map([
  ["runid", "it is a label and not a number"],
  ["relstring", "it is a string and not a number"],
  ["all_trec", "some of its measures are not computed here; name those you want"],
  ["set", "its measure utility is not computed here; name those you want"],
  ...["Rprec_mult", "utility", "binG", "G", "dcg", "ideal_dcg", "ndcg_rel", "Rndcg", "relative_P"].map(
    (name) => [name, "not written yet"] as const,
  ),
  ...["num_nonrel_judged_ret", "yaap", "rbp_resid"].map((name) => [name, "not written yet"] as const),
  ["rbp", "trec_eval 10 reads unset memory for it; use RBP(p=0.9)"],
  ["unj", "use Judged@k, which is 1 − unj_k on full rankings"],
])

/** trec_eval's names that are understood, for suggestions. */
export const TREC_NAMES: ReadonlyArray<string> = [
  ...[...MEASURES].map(([name, { defaults }]) => (defaults[0] === undefined ? name : `${name}_${defaults[0]}`)),
  ...NICKNAMES.keys(),
]

const PARAMETERS = /^(.*?)[._]((?:\d*\.)?\d+(?:,(?:\d*\.)?\d+)*)$/

type Expansion =
  | { readonly ok: true; readonly names: ReadonlyArray<string> }
  | { readonly ok: false; readonly reason: string }

const withDefaults = (measure: TrecMeasure): ReadonlyArray<string> =>
  measure.defaults.length === 0 ? [measure.name("")] : measure.defaults.map(measure.name)

/**
 * ir-measures' names for a trec_eval name: `map`, `P`, `P_5`, `P.5,10`, `iprec_at_recall_0.10`, `set_F.0.5`, `official`.
 * `null` for a text that is not one of trec_eval's names.
 */
export const expandTrecName = (text: string): Expansion | null => {
  const members = NICKNAMES.get(text)
  if (members !== undefined) return { ok: true, names: members.flatMap((member) => expand(member)) }
  const measure = MEASURES.get(text)
  if (measure !== undefined) return { ok: true, names: withDefaults(measure) }
  const reason = NOT_COMPUTED.get(text)
  if (reason !== undefined) return { ok: false, reason }
  const [, base = "", list = ""] = PARAMETERS.exec(text) ?? []
  const parametrised = MEASURES.get(base)
  if (parametrised === undefined) {
    const why = NOT_COMPUTED.get(base)
    return why === undefined ? null : { ok: false, reason: why }
  }
  if (parametrised.defaults.length === 0) return { ok: false, reason: `trec_eval's ${base} takes no parameter` }
  return { ok: true, names: list.split(",").map(parametrised.name) }
}

const expand = (member: string): ReadonlyArray<string> => {
  const measure = MEASURES.get(member)
  return measure === undefined ? [] : withDefaults(measure)
}
