import type { MeasureDefinition, TrecName } from "./MeasureDefinition.ts"
import { trecNames } from "./registry.ts"

/** A measure of ours as ir-measures writes it, with the parameter of a trec_eval name filled in. */
const nameWith = ([{ at, name }, { fixes, takes }]: readonly [MeasureDefinition, TrecName], value?: string): string => {
  if (takes === undefined || value === undefined) return fixes === undefined ? name : `${name}(${fixes})`
  return takes.parameter === at ? `${name}@${value}` : `${name}(${takes.parameter}=${value})`
}

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
  ...[...trecNames].map(([name, [, { takes }]]) => (takes === undefined ? name : `${name}_${takes.defaults[0]}`)),
  ...NICKNAMES.keys(),
]

const PARAMETERS = /^(.*?)[._]((?:\d*\.)?\d+(?:,(?:\d*\.)?\d+)*)$/

type Expansion =
  | { readonly ok: true; readonly names: ReadonlyArray<string> }
  | { readonly ok: false; readonly reason: string }

const expand = (text: string): ReadonlyArray<string> => {
  const found = trecNames.get(text)
  if (found === undefined) return []
  const { takes } = found[1]
  return takes === undefined ? [nameWith(found)] : takes.defaults.map((value) => nameWith(found, value))
}

/**
 * ir-measures' names for a trec_eval name: `map`, `P`, `P_5`, `P.5,10`, `iprec_at_recall_0.10`, `set_F.0.5`, `official`.
 * `null` for a text that is not one of trec_eval's names.
 */
export const expandTrecName = (text: string): Expansion | null => {
  const members = NICKNAMES.get(text)
  if (members !== undefined) return { ok: true, names: members.flatMap(expand) }
  if (trecNames.has(text)) return { ok: true, names: expand(text) }
  const reason = NOT_COMPUTED.get(text)
  if (reason !== undefined) return { ok: false, reason }
  const [, base = "", list = ""] = PARAMETERS.exec(text) ?? []
  const found = trecNames.get(base)
  if (found === undefined) {
    const why = NOT_COMPUTED.get(base)
    return why === undefined ? null : { ok: false, reason: why }
  }
  if (found[1].takes === undefined) return { ok: false, reason: `trec_eval's ${base} takes no parameter` }
  return { ok: true, names: list.split(",").map((value) => nameWith(found, value)) }
}
