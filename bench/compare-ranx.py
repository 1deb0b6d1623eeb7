"""What ranx's `compare` does after it has evaluated: `TEST SYSTEMS MEASURES PERMUTATIONS FILE QUERIES`, timed, as JSON.

FILE holds doubles, `[system][measure][query]`. The first call compiles; the second is timed.
"""

import json
import sys
import time

import numpy as np
from ranx.statistical_tests import compute_statistical_significance

test, systems, measures, permutations, file, queries = sys.argv[1:]
systems, measures, permutations, queries = int(systems), int(measures), int(permutations), int(queries)
scores = np.fromfile(file).reshape(-1, 5, queries)
names = [f"system-{i}" for i in range(systems)]
given = {name: {f"m{m}": scores[i, m] for m in range(measures)} for i, name in enumerate(names)}
small = {name: {"m0": scores[i, 0, :50]} for i, name in enumerate(names[:2])}
compute_statistical_significance(names[:2], small, stat_test=test, n_permutations=10)

start = time.perf_counter()
result = compute_statistical_significance(names, given, stat_test=test, n_permutations=permutations)
seconds = time.perf_counter() - start
p = result[frozenset([names[0], names[1]])]["m0"]["p_value"]
print(json.dumps({"seconds": seconds, "p": float(p)}))
