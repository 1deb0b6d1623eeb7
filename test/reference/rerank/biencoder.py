"""nDCG@10 of a bi-encoder reranking a run, from sentence-transformers: what rankdag's embedding head is compared with.

    python test/reference/rerank/biencoder.py MODEL COLLECTION QRELS RUN OUT

MODEL is a sentence-transformers folder, COLLECTION a folder in BEIR's layout, QRELS one of its qrels files, RUN a TREC run
of which the first 100 passages a query are reranked. Texts are title and text joined by a space; the model's own limit
(max_seq_length) cuts them. Writes the reranked run, scores as float32 in full, to OUT and prints one line of JSON: queries,
pairs, nDCG@10 by pytrec_eval over the judged queries, those without candidates counting zero. Versions go with it. What it said of
all-MiniLM-L6-v2 is in biencoder.jsonl: DL19 from the published BM25 run, the others from rankdag's bm25.
"""

import csv
import gzip
import json
import os
import sys

import numpy
import pytrec_eval
import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer

model_folder, collection, qrels_file, run_file, out_file = sys.argv[1:6]
DEPTH = 100


def records(name):
    path = os.path.join(collection, name)
    file = gzip.open(f"{path}.gz", "rt", encoding="utf-8") if not os.path.exists(path) else open(path, encoding="utf-8")
    with file:
        return {record["_id"]: record for record in map(json.loads, file)}


def read_run():
    run = {}
    with open(run_file, encoding="utf-8") as file:
        for line in file:
            qid, _, docid, rank, _, _ = line.split()
            run.setdefault(qid, []).append((int(rank), docid))
    return {qid: [docid for _, docid in sorted(ranked)[:DEPTH]] for qid, ranked in run.items()}


def read_qrels():
    qrels = {}
    with open(qrels_file, encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return qrels


def text_of(record):
    return f"{record.get('title') or ''} {record['text']}".strip()


qrels = read_qrels()
run = {qid: docids for qid, docids in read_run().items() if qid in qrels}
queries, passages = records("queries.jsonl"), records("corpus.jsonl")
docids = sorted({docid for ranked in run.values() for docid in ranked})
qids = sorted(run)

model = SentenceTransformer(model_folder, device="cpu")
embed = lambda texts: model.encode(texts, batch_size=16, normalize_embeddings=True, convert_to_numpy=True)
asked = dict(zip(qids, embed([queries[qid]["text"] for qid in qids])))
known = dict(zip(docids, embed([text_of(passages[docid]) for docid in docids])))

scores = {qid: {docid: float(asked[qid] @ known[docid]) for docid in ranked} for qid, ranked in run.items()}
with open(out_file, "w", encoding="utf-8") as file:
    for qid in qids:
        ranked = sorted(scores[qid].items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
        for rank, (docid, score) in enumerate(ranked, 1):
            file.write(f"{qid} Q0 {docid} {rank} {numpy.float32(score)!s} sentence-transformers\n")

measured = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"}).evaluate(scores)
ndcg = sum(each["ndcg_cut_10"] for each in measured.values()) / len(qrels)
print(
    json.dumps(
        {
            "collection": os.path.basename(os.path.normpath(collection)),
            "queries": len(qrels),
            "pairs": sum(map(len, run.values())),
            "nDCG@10": round(ndcg, 6),
            "maxSeqLength": model.max_seq_length,
            "versions": {"sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__},
        }
    )
)
