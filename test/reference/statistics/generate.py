"""Makes golden.json: what scipy, statsmodels and numpy say about random paired samples and special functions.

    pip install scipy==1.17.1 statsmodels==0.15.0
    python generate.py

Samples hold differences as scores of measures have them: ties, zeros, values on a grid and values that are not, few and many
queries. Numbers are written with 17 digits and are read back as the same doubles.
"""

import json
import os
import warnings

import numpy as np
from scipy import special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

HERE = os.path.dirname(os.path.abspath(__file__))
warnings.simplefilter("ignore")
random = np.random.default_rng(20261126)


def sample(n, mode):
    if mode == "grid":
        return random.integers(-4, 5, n) / 8
    if mode == "zeros":
        return np.where(random.random(n) < 0.4, 0.0, random.normal(0.05, 0.2, n))
    if mode == "reciprocal":
        ranks = random.integers(1, 11, (2, n))
        return 1 / ranks[0] - 1 / ranks[1]
    return random.normal(0.1, 0.3, n)


def finite(value):
    return None if not np.isfinite(value) else float(value)


samples = []
for n in [2, 3, 4, 5, 7, 9, 12, 13, 14, 20, 30, 49, 50, 51, 75, 150]:
    for mode in ["grid", "zeros", "reciprocal", "plain"]:
        d = sample(n, mode)
        if not np.any(d) or np.ptp(d) == 0:
            continue
        t = stats.ttest_1samp(d, 0.0)
        interval = t.confidence_interval(0.95)
        w = stats.wilcoxon(d)
        entry = {
            "differences": d.tolist(),
            "t": {"statistic": finite(t.statistic), "p": finite(t.pvalue)},
            "interval": [float(interval.low), float(interval.high)],
            "wilcoxon": {"statistic": finite(w.statistic), "p": finite(w.pvalue)},
            "effect": float(d.mean() / d.std(ddof=1)),
        }
        if n <= 13:
            r = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
            entry["randomization"] = float(r.pvalue)
        samples.append(entry)

large = sample(3000, "zeros")
t = stats.ttest_1samp(large, 0.0)
samples.append(
    {
        "differences": [round(x, 6) for x in large.tolist()],
    }
)
d = np.array(samples[-1]["differences"])
t, w = stats.ttest_1samp(d, 0.0), stats.wilcoxon(d)
interval = t.confidence_interval(0.95)
samples[-1].update(
    t={"statistic": float(t.statistic), "p": float(t.pvalue)},
    interval=[float(interval.low), float(interval.high)],
    wilcoxon={"statistic": float(w.statistic), "p": float(w.pvalue)},
    effect=float(d.mean() / d.std(ddof=1)),
)

corrections = []
for size in [1, 2, 5, 12, 40]:
    ps = np.round(random.random(size) ** 3, 3)
    corrections.append(
        {
            "ps": ps.tolist(),
            **{
                ours: multipletests(ps, method=theirs)[1].tolist()
                for ours, theirs in [("holm", "holm"), ("bonferroni", "bonferroni"), ("benjamini-hochberg", "fdr_bh")]
            },
        }
    )

power = []
for effect in [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 1.3, 2.5]:
    power.append(
        {
            "effect": effect,
            "needed": float(TTestPower().solve_power(effect_size=effect, alpha=0.05, power=0.8)),
            # Far from the middle statsmodels answers NaN.
            "powers": [
                [n, value]
                for n in [2, 3, 5, 10, 50, 200, 1000, 6980]
                for value in [float(TTestPower().power(effect, n, 0.05))]
                if np.isfinite(value)
            ],
        }
    )

functions = {
    "logGamma": [[x, float(special.gammaln(x))] for x in [0.5, 0.01, 1.5, 3.25, 9.99, 10, 57.5, 3490, 1e6]],
    "incompleteBeta": [
        [a, b, x, float(special.betainc(a, b, x))]
        for a in [0.5, 1, 3.5, 50, 3490]
        for b in [0.5, 2, 40]
        for x in [0.001, 0.2, 0.5, 0.9, 0.99, 0.9999]
    ],
    "normalTail": [[z, float(stats.norm.sf(z))] for z in [-9, -3, -0.5, 0, 0.1, 1, 1.96, 2.8, 2.9, 5, 10, 30]],
    "normalQuantile": [[p, float(stats.norm.ppf(p))] for p in [1e-12, 1e-4, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999999]],
    "studentTwoSided": [
        [t, df, float(2 * stats.t.sf(t, df))] for t in [0, 0.1, 1, 2.5, 8, 40] for df in [1, 2, 5, 30, 400, 6979]
    ],
    "studentCritical": [
        [p, df, float(stats.t.isf(p / 2, df))] for p in [1e-9, 1e-3, 0.05, 0.2, 0.9] for df in [1, 2, 5, 30, 400, 6979]
    ],
    "noncentralStudent": [
        [t, df, delta, float(stats.nct.cdf(t, df, delta))]
        for t in [-2, 0.5, 1.96, 4, 12.7]
        for df in [1, 4, 30, 1000]
        for delta in [0.1, 1, 2.8, 7]
    ],
}

with open(os.path.join(HERE, "golden.json"), "w") as file:
    json.dump(
        {"samples": samples, "corrections": corrections, "power": power, "functions": functions},
        file,
        separators=(",", ":"),
        allow_nan=False,
    )
