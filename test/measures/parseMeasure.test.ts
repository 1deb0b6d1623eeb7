import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { describeMeasureError, measureName, parseMeasure, parseMeasures } from "../../measures/index.ts"

const names = (text: string): ReadonlyArray<string> | string => {
  const parsed = parseMeasures(text)
  return parsed.ok ? parsed.value.map(measureName) : describeMeasureError(parsed.error)
}

describe("names of measures", () => {
  it.each([
    ["nDCG@10", "nDCG@10"],
    ["NDCG@5", "nDCG@5"],
    ["nDCG(dcg='exp-log2')@5", "nDCG(dcg='exp-log2')@5"],
    ['nDCG( dcg = "exp-log2" , cutoff=5 )', "nDCG(dcg='exp-log2')@5"],
    ["nDCG(dcg='log2')@5", "nDCG@5"],
    ["nDCG(gains={2:5,1:1,0:0})@5", "nDCG(gains={2:5})@5"],
    ["AP(rel=2)@100", "AP(rel=2)@100"],
    ["AP(judged_only=True,rel=2)", "AP(rel=2,judged_only=True)"],
    ["MAP", "AP"],
    ["MRR@10", "RR@10"],
    ["P(judged_only=True)@10", "P(judged_only=True)@10"],
    ["P(rel=1,judged_only=False)@10", "P@10"],
    ["Precision@3", "P@3"],
    ["Recall@100", "R@100"],
    ["RBP(p=0.8)", "RBP"],
    ["RBP(p=0.5,rel=1)", "RBP(p=0.5,rel=1)"],
    ["ERR(max_rel=3)@20", "ERR(max_rel=3)@20"],
    ["IPrec@0.10", "IPrec@0.1"],
    ["IPrec@1", "IPrec@1.0"],
    ["SetRelP(rel=2)", "SetP(rel=2,relative=True)"],
    ["SetF(beta=2)", "SetF(beta=2.0)"],
    ["NumRelRet", "NumRet(rel=1)"],
    ["BPref", "Bpref"],
    ["RPrec", "Rprec"],
  ])("E3 ir-measures' %s is %s", (text, canonical) => {
    expect(names(text)).toEqual([canonical])
    expect(names(canonical)).toEqual([canonical])
  })

  it.each([
    ["map", ["AP"]],
    ["ndcg", ["nDCG"]],
    ["ndcg_cut_10", ["nDCG@10"]],
    ["ndcg_cut.5,10", ["nDCG@5", "nDCG@10"]],
    ["P_5", ["P@5"]],
    ["P", ["P@5", "P@10", "P@15", "P@20", "P@30", "P@100", "P@200", "P@500", "P@1000"]],
    ["recip_rank", ["RR"]],
    ["recall_100", ["R@100"]],
    ["map_cut.1000", ["AP@1000"]],
    ["iprec_at_recall_0.10", ["IPrec@0.1"]],
    ["iprec_at_recall..5", ["IPrec@0.5"]],
    ["success_10", ["Success@10"]],
    ["gm_map", ["gm_map"]],
    ["set_P", ["SetP"]],
    ["set_recall", ["SetR"]],
    ["set_relative_P", ["SetP(relative=True)"]],
    ["set_map", ["SetAP"]],
    ["set_F", ["SetF"]],
    ["set_F.0.5", ["SetF(beta=0.5)"]],
    ["num_q", ["NumQ"]],
    ["num_rel_ret", ["NumRet(rel=1)"]],
    ["11pt_avg", ["11pt_avg"]],
  ])("E3 trec_eval's %s is %j", (text, canonical) => {
    expect(names(text)).toEqual(canonical)
  })

  it.each([
    ["ndcg@10", "nDCG@10"],
    ["ndcg_burges@10", "nDCG(dcg='exp-log2')@10"],
    ["recall@100", "R@100"],
    ["precision@5", "P@5"],
    ["precision@5-l2", "P(rel=2)@5"],
    ["precision", "SetP"],
    ["hit@10", "Success@10"],
    ["hit_rate@10", "Success@10"],
    ["mrr@10", "RR@10"],
    ["mrr", "RR"],
    ["MAP@10", "AP@10"],
    ["f1", "SetF"],
    ["F1@10", "F1@10"],
    ["f1@10-l2", "F1(rel=2)@10"],
    ["r-precision", "Rprec"],
    ["accuracy@10", "Success@10"],
    ["cosine_ndcg@10", "nDCG@10"],
    ["dot_score_map@100", "AP@100"],
    ["cos_sim_accuracy@1", "Success@1"],
  ])("E50 ranx', BEIR's or sentence-transformers' %s is %s", (text, canonical) => {
    expect(names(text)).toEqual([canonical])
    expect(names(canonical)).toEqual([canonical])
  })

  it("E3 official is trec_eval's set without runid", () => {
    expect(names("official")).toEqual(
      ["NumQ", "NumRet", "NumRel", "NumRet(rel=1)", "AP", "gm_map", "Rprec", "Bpref", "RR"]
        .concat(
          ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"].map((at) => `IPrec@${at}`),
        )
        .concat(["5", "10", "15", "20", "30", "100", "200", "500", "1000"].map((at) => `P@${at}`)),
    )
  })

  it.each([
    ["hits@10", 'the measure "hits@10" is not computed here: ranx counts the relevant results'],
    ["Accuracy@10", "BEIR's and sentence-transformers' is Success@k"],
    ["hit_rate", 'there is no measure "hit_rate"'],
    ["f1@0", 'measure "f1@0", parameter cutoff: must be a whole number of at least 1'],
    ["ndcg@10-l2", "parameter rel: not a parameter of this measure"],
    ["nDGC@10", 'there is no measure "nDGC@10"; the nearest is nDCG'],
    ["xyzzyplugh", 'there is no measure "xyzzyplugh"'],
    ["P(rel=2)", 'measure "P(rel=2)", parameter cutoff: required, as in P@10'],
    ["P@0", 'measure "P@0", parameter cutoff: must be a whole number of at least 1'],
    ["P@1.5", 'measure "P@1.5", parameter cutoff: must be a whole number of at least 1'],
    ["AP(rel=-1)", 'measure "AP(rel=-1)", parameter rel: must be a whole number from 0 to 30'],
    [
      "nDCG(rel=2)@10",
      'measure "nDCG(rel=2)@10", parameter rel: not a parameter of this measure, which takes: cutoff, dcg, gains, judged_only',
    ],
    ["nDCG(dcg='ln')", "measure \"nDCG(dcg='ln')\", parameter dcg: must be 'log2' or 'exp-log2'"],
    ["RBP(p=1.0)", 'measure "RBP(p=1.0)", parameter p: must be a number between 0 and 1'],
    ["P(cutoff=3)@5", 'measure "P(cutoff=3)@5", parameter cutoff: given both as cutoff= and after @'],
    ["Bpref@10", 'measure "Bpref@10", parameter @: this measure takes no @'],
    ["IPrec@2", 'measure "IPrec@2", parameter recall: must be a number from 0 to 1'],
    ["nDCG@", '"nDCG@" is not a measure\'s name: column 6, expected a number'],
    ["nDCG(dcg=x)", '"nDCG(dcg=x)" is not a measure\'s name: column 10, expected a number, a quoted string'],
    ["nDCG@10)", '"nDCG@10)" is not a measure\'s name: column 8, expected the end'],
    ["", "\"\" is not a measure's name: column 1, expected a measure's name"],
    ["alpha_nDCG@10", 'the measure "alpha_nDCG@10" is not computed here: it needs judgements per subtopic'],
    ["relstring", 'the measure "relstring" is not computed here: it is a string and not a number'],
    ["map_10", 'the measure "map_10" is not computed here: trec_eval\'s map takes no parameter'],
  ])("E4 %j is refused with a reason", (text, message) => {
    expect(names(text)).toContain(message)
  })

  it("E4 a name of several measures is refused where one is due", () => {
    expect(parseMeasure("P").ok).toBe(false)
    expect(parseMeasure("map").ok).toBe(true)
  })

  it("E4 any text gives measures or a described error, never an exception", () => {
    const fragment = fc.constantFrom(
      "nDCG",
      "P",
      "AP",
      "(",
      ")",
      "@",
      "rel",
      "=",
      "1",
      "0.5",
      ",",
      "'",
      "{",
      "}",
      ":",
      "_",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.fullUnicodeString(),
          fc.array(fragment).map((all) => all.join("")),
        ),
        (text) => {
          const parsed = parseMeasures(text)
          if (parsed.ok)
            for (const measure of parsed.value) expect(names(measureName(measure))).toEqual([measureName(measure)])
          else expect(describeMeasureError(parsed.error).length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
