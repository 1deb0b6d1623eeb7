"""Exact search by faiss or numpy: `python dense-python.py system vectors.f32 queries.f32 dimensions k threads rounds`, JSON out.

numpy: products of blocks of 1,024 queries with 65,536 passages, argpartition in each, and once more of what is left.
"""

import json
import os
import sys
import time

system, vectors, queries = sys.argv[1:4]
dimensions, k, threads, rounds = map(int, sys.argv[4:8])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)

import resource  # noqa: E402

import numpy as np  # noqa: E402


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


x = np.fromfile(vectors, dtype="<f4").reshape(-1, dimensions)
q = np.fromfile(queries, dtype="<f4").reshape(-1, dimensions)

if system == "faiss":
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(dimensions)
    index.add(x)

    def search():
        return index.search(q, k)[1]
else:

    def search():
        found, scores = [], []
        for begin in range(0, len(x), 65536):
            product = q @ x[begin : begin + 65536].T
            if product.shape[1] > k:
                best = np.argpartition(-product, k - 1, axis=1)[:, :k]
                product = np.take_along_axis(product, best, axis=1)
            else:
                best = np.broadcast_to(np.arange(product.shape[1]), product.shape)
            found.append(best + begin)
            scores.append(product)
        found, scores = np.concatenate(found, axis=1), np.concatenate(scores, axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(found, order, axis=1)


search_times = []
for _ in range(rounds):
    found, seconds = timed(search)
    search_times.append(seconds)
found.astype("<u4").tofile(f"{queries}.{system}")
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"search": search_times, "rss": rss}))
