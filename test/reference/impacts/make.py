"""Learned weights of a small collection, made up as a learned encoder's are: python make.py ../lucene <out>

Writes vectors.jsonl (Anserini's JsonVectorCollection) and topics.tsv (Pyserini's pre-encoded topics).
"""
import collections, gzip, json, math, os, re, sys

source, out = sys.argv[1:]
words = lambda text: re.findall(r"[a-z0-9]+", text.lower())
read = lambda name: gzip.open(os.path.join(source, name), "rt", encoding="utf-8").read().splitlines()
counts = [collections.Counter(words(text)) for text in read("documents.txt.gz")[:120]]
df = collections.Counter(word for count in counts for word in count)
weight = lambda word, count: round(math.log1p(count) * math.log(1 + len(counts) / df[word]), 3)
os.makedirs(os.path.join(out, "collection"))
with open(os.path.join(out, "collection", "vectors.jsonl"), "w") as file:
    for number, count in enumerate(counts):
        vector = {word: weight(word, times) for word, times in sorted(count.items())}
        file.write(json.dumps({"id": f"p{number}", "contents": "", "vector": vector}) + "\n")
with open(os.path.join(out, "topics.tsv"), "w") as file:
    for number, text in enumerate(read("queries.txt.gz")[:25]):
        asked = [" ".join([word] * (1 + len(word) // 4)) for word in dict.fromkeys(words(text))]
        file.write(f"q{number:02d}\t{' '.join(asked)}\n")
