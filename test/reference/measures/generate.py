"""Makes expected.bin.gz: what ir-measures says about 2,000 random run/qrels pairs.

    pip install ir-measures[cwl_eval]==0.4.3 pytrec_eval-terrier==0.5.11   (and perl, for gdeval)
    python generate.py

The pairs themselves are not stored: `pairs()` below and test/support/randomRuns.ts draw the same ones from the same
seed. Values come from the provider that ir-measures itself would take, with three adjustments, none of which touches
the arithmetic:

* providers other than pytrec_eval and gdeval break ties in their own ways; they are given scores without ties, in the
  order that pytrec_eval ranks by (score descending, then docid descending by bytes);
* gdeval prints five decimals; here it prints seventeen digits;
* RBP without rel has no working provider in ir-measures 0.4.3; cwl_eval's own RBP is asked, with gains grade / 4.

Layout, little-endian, gzipped: for each measure of measures.json, six byte planes of zigzag-coded integers
round(value * 2**36), one integer for each judged query of each pair in order (NaN is the integer 2**46 - 1); then, in
the same form, the aggregate of each measure over each of the first AGGREGATED pairs.
"""

import gzip
import json
import math
import os
import pkgutil
import sys
from collections import defaultdict

import ir_measures
import numpy as np
import pytrec_eval
from ir_measures import parse_measure

PAIRS = 2000
AGGREGATED = 200
SCALE = 2.0**36
HERE = os.path.dirname(os.path.abspath(__file__))
MASK = 0xFFFFFFFF
PREFIXES = ["d", "D-", "é", "文", "～", "😀", "𝒳"]


class Random:
    """mulberry32; `below` by remainder, which is portable and good enough for choosing test cases."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x6D2B79F5) & MASK
        t = self.state
        t = ((t ^ (t >> 15)) * (t | 1)) & MASK
        t ^= (t + ((t ^ (t >> 7)) * (t | 61) & MASK)) & MASK
        return (t ^ (t >> 14)) & MASK

    def below(self, n):
        return self.next() % n


def score(random, mode):
    if mode == 0:
        return float(random.below(4))
    if mode == 1:
        return random.below(256) / 16 - 4
    if mode == 2:
        mantissa = random.below(1 << 24)
        exponent = random.below(40)
        return (mantissa if random.below(4) else -mantissa) * 2.0 ** (exponent - 44)
    return 1.5


def grade(random, mode):
    if mode == 0:
        return 1
    if mode == 1:
        return random.below(2)
    if mode == 2:
        return random.below(5)
    if mode == 3:
        return random.below(7) - 2
    if mode == 4:
        return 0
    if mode == 5:
        return -1
    return 4 if random.below(12) == 0 else random.below(3) - 1


def pair(index):
    random = Random(index * 2654435761 + 12345)
    queries = []
    for number in range(1 + random.below(4)):
        size = 1 + random.below(150 if random.below(6) == 0 else 30)
        score_mode = random.below(4) if random.below(3) == 0 else 1 + random.below(2)
        grade_mode = random.below(7)
        retrieved_in_8 = 0 if random.below(8) == 0 else 1 + random.below(8)
        judged_in_8 = 0 if random.below(10) == 0 else 1 + random.below(8)
        run, qrels = [], []
        for position in range(size):
            docid = PREFIXES[random.below(len(PREFIXES))] + str(position)
            value = score(random, score_mode)
            level = grade(random, grade_mode)
            if random.below(8) < retrieved_in_8:
                run.append((docid, value))
            if random.below(8) < judged_in_8:
                qrels.append((docid, level))
        # A query without a grade of 0 or more makes trec_eval 9 loop for ever (ndcg_cut) or write outside its memory.
        if qrels and max(level for _, level in qrels) < 0:
            qrels[0] = (qrels[0][0], 0)
        queries.append((str(index * 10 + number + 1), run, qrels))
    return queries


PYTREC = """RR RR(rel=2) RR(judged_only=True) nDCG nDCG@1 nDCG@5 nDCG@10 nDCG@100 nDCG(judged_only=True)@5
nDCG(gains={1:3,2:1,3:0,4:2})@10 nDCG(gains={0:1,4:7}) AP AP@5 AP(rel=2) AP(rel=2)@100 AP(judged_only=True)
AP(rel=3,judged_only=True)@10 P@1 P@5 P@10 P(rel=2)@5 P(judged_only=True)@10 P@100 R@5 R@10 R@100 R(rel=2)@10
R(judged_only=True)@5 Success@1 Success@5 Success(rel=3)@10 Success(judged_only=True)@5 Bpref Bpref(rel=2) infAP
infAP(rel=2) Rprec Rprec(rel=2) Rprec(judged_only=True) SetP SetP(rel=2) SetP(relative=True) SetP(judged_only=True)
SetR SetR(rel=2) SetF SetF(beta=0.5) SetF(rel=2,beta=2.0) SetF(judged_only=True) SetAP SetAP(rel=2)
SetAP(judged_only=True) IPrec@0.0 IPrec@0.1 IPrec@0.25 IPrec@0.3 IPrec@0.5 IPrec@0.7 IPrec@1.0 IPrec(rel=2)@0.4
IPrec(judged_only=True)@0.0 IPrec(judged_only=True)@0.6 NumQ NumRet NumRet(rel=1) NumRet(rel=2) NumRel""".split()
UNTIED = "RR@1 RR@10 RR(rel=2)@5 Judged Judged@5 Judged@10 RBP(rel=1) RBP(p=0.5,rel=1) RBP(p=0.95,rel=2)".split()
GDEVAL = "ERR@5 ERR@20 nDCG(dcg='exp-log2')@5 nDCG(dcg='exp-log2')@20".split()
DIRECT = "gm_map gm_bpref 11pt_avg".split()
RBP_GRADED = "RBP(p=0.8,max_rel=4)"


def by_trec_order(run):
    return sorted(run, key=lambda row: (row[1], row[0].encode()), reverse=True)


def per_query(queries):
    """{measure: {qid: value}} over the judged queries."""
    qrels = {qid: dict(judged) for qid, _, judged in queries if judged}
    run = {qid: dict(ranked) for qid, ranked, _ in queries if ranked}
    untied = {
        qid: {docid: float(-rank) for rank, (docid, _) in enumerate(by_trec_order(ranked))}
        for qid, ranked, _ in queries
        if ranked
    }
    values = defaultdict(dict)
    aggregates = {}

    def take(provider, names, run):
        measures = {parse_measure(name): name for name in names}
        agg, rows = provider.calc(list(measures), qrels, run)
        for row in rows:
            values[measures[row.measure]][row.query_id] = float(row.value)
        for measure, value in agg.items():
            aggregates[measures[measure]] = float(value)

    take(ir_measures.pytrec_eval, PYTREC, run)
    take(ir_measures.DefaultPipeline, UNTIED, untied)
    take(ir_measures.gdeval, GDEVAL, run)

    evaluator = pytrec_eval.RelevanceEvaluator(qrels, set(DIRECT))
    for qid, row in evaluator.evaluate(run).items():
        for name in DIRECT:
            values[name][qid] = row[name]
    for name in DIRECT:
        floor = 0.0 if name == "11pt_avg" else math.log(0.00001)
        for qid in qrels:
            values[name].setdefault(qid, floor)
        if qrels:
            mean = sum(values[name].values()) / len(qrels)
            aggregates[name] = mean if name == "11pt_avg" else math.exp(mean)

    from cwl.ruler.cwl_ruler import RBPCWLMetric
    from cwl.ruler.ranking import Ranking

    for qid in qrels:
        ranked = by_trec_order(list(run.get(qid, {}).items()))
        gains = [max(qrels[qid].get(docid, 0), 0) / 4 for docid, _ in ranked]
        values[RBP_GRADED][qid] = RBPCWLMetric(0.8).measure(Ranking(qid, gains, [1.0] * len(gains))) if gains else 0.0
    if qrels:
        aggregates[RBP_GRADED] = sum(values[RBP_GRADED].values()) / len(qrels)
    return qrels, values, aggregates


def planes(numbers):
    coded = []
    for number in numbers:
        if math.isnan(number):
            coded.append(2**46 - 1)
            continue
        scaled = round(number * SCALE)
        coded.append(scaled << 1 if scaled >= 0 else (-scaled << 1) - 1)
    raw = np.array(coded, dtype="<u8").view(np.uint8).reshape(-1, 8)
    assert not raw[:, 6:].any()
    return b"".join(raw[:, plane].tobytes() for plane in range(6))


def main():
    plain = pkgutil.get_data
    pkgutil.get_data = lambda package, path: plain(package, path).replace(b"%.5f", b"%.17g")

    names = PYTREC + UNTIED + GDEVAL + DIRECT + [RBP_GRADED]
    everything = [query for index in range(PAIRS) for query in pair(index)]
    judged, values, _ = per_query(everything)
    body = b"".join(planes([values[name][qid] for qid in judged]) for name in names)

    rows = []
    for index in range(AGGREGATED):
        judged_here, _, aggregates = per_query(pair(index))
        rows.append([aggregates[name] if judged_here else math.nan for name in names])
    body += b"".join(planes([row[column] for row in rows]) for column in range(len(names)))

    with open(os.path.join(HERE, "expected.bin.gz"), "wb") as file:
        file.write(gzip.compress(body, 9, mtime=0))
    with open(os.path.join(HERE, "measures.json"), "w") as file:
        json.dump(
            {
                "versions": {"ir_measures": ir_measures.__version__, "pytrec_eval-terrier": pytrec_eval.__version__},
                "pairs": PAIRS,
                "aggregated": AGGREGATED,
                "queries": len(judged),
                "measures": names,
            },
            file,
            indent=1,
        )
        file.write("\n")
    print(len(judged), "judged queries,", len(names), "measures", file=sys.stderr)


main()
