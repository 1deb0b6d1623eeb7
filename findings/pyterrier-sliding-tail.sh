#!/bin/sh
# PyTerrier 1.1.2: pt.text.sliding() drops the end of a document.
#
# Passages are more_itertools.windowed(words, n=length, step=stride) without those whose last word is None (pyterrier/text.py,
# slidingWindow): a window that is not full is left out, and the words behind the last full window are in no passage. A document of
# 219 words at length 150, stride 75 loses its last 69. A document shorter than one window is kept whole.
# Expected: a shorter last passage, as transformers' `stride` with `return_overflowing_tokens` gives one; the documentation of
# sliding() says nothing of it.
# To our users: rankdag's passages (docs/DATA.md, "Long documents") keep the last, shorter window, so that BM25 over passages and MaxP
# differ from PyTerrier's where the answer stands at the end of a document. The folding of a run is the same.
#
# Output seen:
#   d1%p0: a b c
#   d1%p1: c d e
#   in no passage: f
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pyterrier==1.1.2 more-itertools==11.2.1
venv/bin/python - <<'PY' 2>/dev/null
import pandas as pd
import pyterrier as pt

text = "a b c d e f"
documents = pd.DataFrame([["d1", text]], columns=["docno", "body"])
passages = pt.text.sliding(text_attr="body", length=3, stride=2, prepend_attr=None)(documents)
for docno, body in zip(passages["docno"], passages["body"]):
    print(f"{docno}: {body}")
lost = [word for word in text.split() if not any(word in body.split() for body in passages["body"])]
print("in no passage:", *lost)
raise SystemExit(0 if lost == ["f"] else 1)
PY
