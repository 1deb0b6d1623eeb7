"""Makes the runs beside it with the tools that write them: ranx 0.3.21, pandas with pyarrow 26, ir-measures 0.4.3 with
pytrec_eval-terrier 0.5.11.

    python test/reference/runs/make.py

`ranx.json`, `ranx.parquet`, `ranx.lz4`, `ranx.trec` are one run as ranx saves it; `terrier.parquet` is a data frame in
PyTerrier's columns with whole numbers as qids; `float.trec` has scores that differ only beyond 32 bits, and `golden.json` what
pytrec_eval makes of it beside the values for scores rounded before.
"""

import json
from pathlib import Path

import ir_measures
import numpy as np
import pandas as pd
import pytrec_eval
from ranx import Run

here = Path(__file__).parent
run = {"q1": {"d3": 2.5, "d1": 0.1, "d2": -1.0}, "q2": {"d2": 7.0, "d1": 7.0}}
for kind in ["json", "parquet", "lz4", "trec"]:
    Run(run, name="a name with spaces").save(str(here / f"ranx.{kind}"))

frame = pd.DataFrame(
    {
        "qid": np.array([1, 1, 2], dtype=np.int64),
        "docid": np.array([17, 4, 17], dtype=np.int32),
        "docno": ["d1", "d2", "d1"],
        "rank": [0, 1, 0],
        "score": np.array([3.5, 1.25, -2.0], dtype=np.float32),
        "query": ["a text of words", "a text of words", "others"],
    }
)
frame.to_parquet(here / "terrier.parquet")

# Neighbours 1e-9 apart: one float. The worse one has the higher docid, which trec_eval puts first among ties.
qrels = {"q1": {"a": 1}, "q2": {"a": 1}}
close = {"q1": {"a": 10.000000001, "b": 10.0, "c": 9.0}, "q2": {"a": 0.5, "b": 0.25, "c": 0.25}}
(here / "float.trec").write_text(
    "".join(f"{q} Q0 {d} 0 {s!r} tag\n" for q, docs in close.items() for d, s in docs.items())
)
evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"})
rounded = {q: {d: float(np.float32(s)) for d, s in docs.items()} for q, docs in close.items()}
golden = {
    "pytrec_eval": {q: v["recip_rank"] for q, v in evaluator.evaluate(close).items()},
    "ir_measures": {
        m.query_id: m.value
        for m in ir_measures.iter_calc([ir_measures.RR], qrels, close)
    },
    "rounded": {q: v["recip_rank"] for q, v in evaluator.evaluate(rounded).items()},
}
(here / "golden.json").write_text(json.dumps(golden, indent=2) + "\n")
print(golden)
