"""Makes golden.json: three random runs, and what ranx makes of them.

    pip install ranx==0.3.21
    python generate.py
"""

import json
import os

import numpy as np
from ranx import Run, fuse

HERE = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(7)


def ranking(query):
    found = random.choice(40, size=int(random.integers(1, 25)), replace=False)
    mode = random.integers(3)
    if mode == 0:
        scores = random.integers(0, 4, len(found)) / 2
    elif mode == 1:
        scores = np.full(len(found), 1.5)
    else:
        scores = random.normal(3, 2, len(found))
    # Without ties: ranx's order of ties is not ours, and a reciprocal rank depends on it.
    scores = scores + random.permutation(len(found)) * 1e-3
    return {f"d{d}": float(s) for d, s in zip(found, scores)}


runs = [{f"q{q}": ranking(q) for q in range(12)} for _ in range(3)]
weights = [0.5, 0.3, 0.2]


def ranx_runs():
    return [Run(run, name=str(i)) for i, run in enumerate(runs)]


def plain(run):
    return {q: {d: float(s) for d, s in docs.items()} for q, docs in run.to_dict().items()}


cases = [
    ("rrf", "none", fuse(ranx_runs(), norm=None, method="rrf", params={"k": 60})),
    ("combsum", "min-max", fuse(ranx_runs(), norm="min-max", method="sum")),
    ("combsum", "z-score", fuse(ranx_runs(), norm="zmuv", method="sum")),
    ("combmnz", "min-max", fuse(ranx_runs(), norm="min-max", method="mnz")),
    ("combmnz", "z-score", fuse(ranx_runs(), norm="zmuv", method="mnz")),
    ("weighted", "min-max", fuse(ranx_runs(), norm="min-max", method="wsum", params={"weights": weights})),
    ("weighted", "none", fuse(ranx_runs(), norm=None, method="wsum", params={"weights": weights})),
]

with open(os.path.join(HERE, "golden.json"), "w") as file:
    json.dump(
        {
            "runs": runs,
            "weights": weights,
            "cases": [{"method": m, "normalise": n, "fused": plain(run)} for m, n, run in cases],
        },
        file,
        separators=(",", ":"),
    )
