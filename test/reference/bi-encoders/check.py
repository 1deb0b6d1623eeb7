"""Whether a bi-encoder's folder, as `export model` writes it, gives sentence-transformers our vectors.

    python test/reference/bi-encoders/check.py FOLDER TEXTS.json

TEXTS.json is {"queries": [[text, vector], ...], "passages": [[text, vector], ...]}; it prints the largest difference.
"""

import json
import sys

import numpy
from sentence_transformers import SentenceTransformer

folder, texts = sys.argv[1:]
with open(texts) as opened:
    given = json.load(opened)
model = SentenceTransformer(folder, device="cpu")
worst = 0.0
for name, encode in (("queries", model.encode_query), ("passages", model.encode_document)):
    vectors = encode([text for text, _ in given[name]])
    expected = numpy.array([vector for _, vector in given[name]])
    worst = max(worst, float(numpy.abs(vectors - expected).max()))
print(worst)
