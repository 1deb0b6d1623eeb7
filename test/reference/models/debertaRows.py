"""The rows of DeBERTa-v2's table for distances, by transformers' own function: deberta-rows.json.

    python test/reference/models/debertaRows.py    (torch, transformers)
"""

import json
import os

import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

HERE = os.path.dirname(os.path.abspath(__file__))
tables = []
for buckets, maximum, reach in [(256, 512, 600), (16, 48, 60), (8, 20, 30), (32, 128, 140), (64, 512, 530), (-1, 20, 30), (9, 33, 40), (256, 1024, 1100)]:
    distances = torch.arange(-reach, reach + 1)
    span = buckets if buckets > 0 else maximum
    found = make_log_bucket_position(distances, buckets, maximum) if buckets > 0 else distances
    rows = torch.clamp(found.to(torch.long) + span, 0, 2 * span - 1).tolist()
    tables.append({"buckets": buckets, "maximum": maximum, "rows": rows})
with open(os.path.join(HERE, "deberta-rows.json"), "w") as out:
    json.dump(tables, out, separators=(",", ":"))
    out.write("\n")
