"""ranx over one run: `prepare FOLDER` writes its formats, `FORMAT FOLDER` loads, evaluates twice and prints JSON."""

import json
import os
import resource
import sys
import time

import pandas as pd
from ranx import Qrels, Run, evaluate

METRICS = ["mrr@10", "ndcg@5", "ndcg@10", "map", "recall@100"]
mode, folder = sys.argv[1], sys.argv[2]


def frame(name):
    # ranx 0.3 wants object columns; pandas 3 reads text as its own string type.
    table = pd.read_parquet(os.path.join(folder, name))
    return table.astype({"q_id": object, "doc_id": object})


def load_qrels():
    return Qrels.from_df(frame("qrels.parquet"), score_col="score")


def load_run():
    if mode == "parquet":
        return Run.from_df(frame("run.parquet"))
    return Run.from_file(os.path.join(folder, f"run.{mode}"))


if mode == "prepare":
    run = Run.from_df(frame("run.parquet"))
    run.save(os.path.join(folder, "run.json"))
    run.save(os.path.join(folder, "run.lz4"))
    evaluate(load_qrels(), run, METRICS)
else:
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        qrels, run = load_qrels(), load_run()
        loaded = time.perf_counter()
        values = evaluate(qrels, run, METRICS)
        seconds.append([loaded - start, time.perf_counter() - loaded])
        del run
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "values": [float(values[m]) for m in METRICS], "rss": rss}))
