"""Makes intervals.json: intervals of means by the logit, and Tukey's test and margin, enumerated and by the studentised range.

    pip install scipy==1.17.1
    python intervals.py

`means`: values from 0 to 1 as measures have them, and Student's interval of the mean's logit put together from scipy's functions.
`enumerated`: few systems and queries, where every deal of each query's values to the systems can be counted.
`blocked`: systems that differ little, with the p and the margin of Tukey's test for a complete block design (queries are the
blocks) by scipy's studentised range: what the randomised test comes near to where scores are well behaved.
"""

import itertools
import json
import os

import numpy as np
from scipy import special, stats

HERE = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(20261128)


def values(n, mode):
    if mode == "reciprocal":
        return np.where(random.random(n) < 0.3, 0.0, 1 / random.integers(1, 11, n))
    if mode == "high":
        return np.where(random.random(n) < 0.7, 1.0, random.random(n))
    return random.beta(1.5, 2, n)


means = []
for n in [6, 7, 12, 50, 400]:
    for mode in ["reciprocal", "high", "plain"]:
        x = values(n, mode)
        m, error, t = x.mean(), stats.sem(x), stats.t.ppf(0.975, n - 1)
        half = t * error / (m * (1 - m))
        bounds = [float(special.expit(special.logit(m) + side * half)) for side in (-1, 1)]
        means.append({"values": x.tolist(), "interval": bounds})

enumerated = []
for systems, queries in [(3, 4), (3, 5), (2, 9), (4, 3)]:
    scores = np.round(random.random((systems, queries)), 2)
    deals = list(itertools.permutations(range(systems)))
    ranges = []
    for dealt in itertools.product(deals, repeat=queries):
        sums = np.zeros(systems)
        for query, order in enumerate(dealt):
            sums += scores[list(order), query]
        ranges.append(np.ptp(sums))
    ranges = np.array(ranges)
    sums = scores.sum(1)
    ps = [[float(np.mean(ranges >= abs(a - b) - 1e-9)) for b in sums] for a in sums]
    # How many deals' ranges are at least a tenth, a fifth, … of the largest: the distribution itself.
    grid = np.linspace(0.1, 0.9, 9) * ranges.max()
    enumerated.append({
        "scores": scores.tolist(), "ps": ps,
        "tails": [[float(at / queries), float(np.mean(ranges >= at - 1e-9))] for at in grid],
    })

blocked = []
for systems, queries in [(3, 200), (5, 200), (8, 120)]:
    level = random.normal(0.5, 0.15, queries)
    scores = level + random.normal(0, 0.1, (systems, queries)) + 0.006 * np.arange(systems)[:, None]
    residual = scores - scores.mean(0) - scores.mean(1)[:, None] + scores.mean()
    freedom = (systems - 1) * (queries - 1)
    error = np.sqrt((residual**2).sum() / freedom / queries)
    m = scores.mean(1)
    blocked.append({
        "scores": np.round(scores, 6).tolist(),
        "margin": float(stats.studentized_range.ppf(0.95, systems, freedom) * error),
        "ps": [[float(stats.studentized_range.sf(abs(a - b) / error, systems, freedom)) for b in m] for a in m],
    })

with open(os.path.join(HERE, "intervals.json"), "w") as file:
    json.dump({"means": means, "enumerated": enumerated, "blocked": blocked}, file, separators=(",", ":"))
