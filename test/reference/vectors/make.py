"""Vectors as NumPy and PyArrow write them, and what they find: `python make.py` (numpy, pyarrow). Writes into this folder."""

import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
random = np.random.default_rng(7)
passages = random.standard_normal((30, 6)).astype("float32")
queries = random.standard_normal((4, 6)).astype("float32")
docids = [f"p{(7 * at) % 30}é" for at in range(30)]
qids = [f"q{at}" for at in (3, 0, 2, 1)]


def text(name, lines):
    (here / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


np.save(here / "passages.npy", passages)
np.save(here / "half.npy", passages.astype("float16"))
np.save(here / "queries.npy", queries)
np.save(here / "fortran.npy", np.asfortranarray(passages))
np.save(here / "doubles.npy", passages.astype("float64"))
text("passages.txt", docids)
text("half.txt", docids)
text("queries.txt", qids)
lists = pa.array(list(passages), pa.list_(pa.float32()))
pq.write_table(pa.table({"docid": docids, "vector": lists}), here / "passages.parquet")
fixed = pa.FixedSizeListArray.from_arrays(pa.array(queries.ravel()), 6)
pq.write_table(pa.table({"vector": fixed, "qid": qids}), here / "queries.parquet")


def found(x, q):
    products = q.astype("float64") @ x.astype("float64").T
    best = np.argsort(-products, axis=1)[:, :5]
    return {
        qid: [[docids[at], float(np.float32(products[row, at]))] for at in best[row]] for row, qid in enumerate(qids)
    }


def unit(x):
    return x / np.linalg.norm(x.astype("float64"), axis=1, keepdims=True)


golden = {
    "product": found(passages, queries),
    "half": found(passages.astype("float16"), queries),
    "cosine": found(unit(passages), unit(queries)),
}
(here / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
