"""Makes peers.json: what ranx and sentence-transformers say, by their own names, about 60 made-up queries.

    pip install ranx==0.3.21 sentence-transformers==6.2.0
    python peers.py

Scores have no ties; every query has a judgement. sentence-transformers knows relevance as yes or no, so it is given the grades
from 1; its evaluator computes the measures of given rankings (`compute_metrics`).
"""

import json
import os
import random

from ranx import Qrels, Run, evaluate
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

RANX = ["ndcg@10", "ndcg_burges@10", "mrr@10", "mrr", "map@10", "recall@5", "recall@100", "precision@5", "precision"]
RANX += ["precision@5-l2", "recall@10-l2", "f1", "f1@5", "f1@10", "f1@5-l2", "hit_rate@1", "hit_rate@10", "r-precision"]

random.seed(7)
qrels, run = {}, {}
for q in range(60):
    docs = [f"d{i}" for i in range(40)]
    random.shuffle(docs)
    qrels[f"q{q}"] = {d: random.choice([0, 1, 1, 2, 3]) for d in docs[: random.randint(1, 12)]}
    random.shuffle(docs)
    found = docs[: random.randint(1, 30)]
    run[f"q{q}"] = {d: 100.0 - i for i, d in enumerate(found)}

values = {}
kept, kept_run = Qrels(qrels), Run(run)
for name in RANX:
    values[name] = [float(v) for v in evaluate(kept, kept_run, name, return_mean=False)]

relevant = {q: {d for d, g in of.items() if g >= 1} for q, of in qrels.items()}
asked = [q for q in qrels if relevant[q]]
evaluator = InformationRetrievalEvaluator(
    queries={q: q for q in asked},
    corpus={f"d{i}": "" for i in range(40)},
    relevant_docs=relevant,
    mrr_at_k=[10], ndcg_at_k=[10], accuracy_at_k=[1, 10], precision_recall_at_k=[5, 10], map_at_k=[10],
)
lists = [[{"corpus_id": d, "score": s} for d, s in run[q].items()] for q in asked]
metrics = evaluator.compute_metrics(lists)
peers = {f"{kind.split('@')[0]}@{k}": float(v) for kind, by in metrics.items() for k, v in by.items()}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.json"), "w") as out:
    json.dump({"qrels": qrels, "run": run, "ranx": values, "sentenceTransformers": peers}, out, indent=None)
print(peers)
