"""bm25s with its numba backend: `python bm25-bm25s.py passages.txt queries.txt k threads rounds`, one JSON line out.

Preparation as in its documentation: English stop words, Snowball stemmer. Searching takes tokenized queries.
"""

import json
import os
import sys
import time

passages, queries, k, threads, rounds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(threads)

import resource  # noqa: E402

import bm25s  # noqa: E402
import Stemmer  # noqa: E402


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


corpus, asked = read(passages), read(queries)
stemmer = Stemmer.Stemmer("english")


def build():
    tokens = bm25s.tokenize(corpus, stopwords="en", stemmer=stemmer, show_progress=False)
    retriever = bm25s.BM25(k1=0.9, b=0.4, method="lucene", backend="numba")
    retriever.index(tokens, show_progress=False)
    return retriever


retriever, indexing = timed(build)
tokens = bm25s.tokenize(asked, stopwords="en", stemmer=stemmer, show_progress=False)
search = []
for _ in range(rounds + 1):  # the first compiles
    _, seconds = timed(lambda: retriever.retrieve(tokens, k=k, show_progress=False, n_threads=threads))
    search.append(seconds)
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"indexing": indexing, "search": search[1:], "rss": rss}))
