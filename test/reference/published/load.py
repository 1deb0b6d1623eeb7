"""Scores pairs with sentence-transformers (6.2.0) from folders that `export model` wrote, by torch from model.safetensors and by
onnxruntime from onnx/model.onnx (backend="onnx", where optimum is installed):

    pip install sentence-transformers==6.2.0 "optimum-onnx[onnxruntime]"
    python load.py torch|onnx < request.json

The request is that of load.mjs; printed are, for each folder, the numbers of each pair.
"""
import json, sys
from sentence_transformers import CrossEncoder, SentenceTransformer

request = json.load(sys.stdin)
results = []
for folder in request["folders"]:
    if folder["kind"] == "cross":
        model = CrossEncoder(folder["path"], backend=sys.argv[1], device="cpu")
        results.append([model.predict([pair]).reshape(-1).tolist() for pair in request["pairs"]])
    else:
        model = SentenceTransformer(folder["path"], backend=sys.argv[1], device="cpu")
        scores = []
        for query, passage in request["pairs"]:
            found = model.similarity(model.encode_query([query]), model.encode_document([passage]))
            scores.append([float(found[0][0])])
        results.append(scores)
print(json.dumps(results))
