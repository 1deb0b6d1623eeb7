"""Makes the safetensors fixtures beside this file with the reference library, and values.json with what they hold.

    pip install safetensors numpy ml_dtypes
    python make.py

`mixed.safetensors` has every float dtype that is read, a scalar, an empty tensor and an integer tensor; `sharded/` the same
floats in two shards with an index. Floats in values.json are the bits of the exact 32-bit value, as unsigned integers.
`narrowing.json` has 32-bit floats (bits) beside what ml_dtypes and numpy narrow them to.
"""
import json, os
import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
special = np.array([0.0, -0.0, 1.0, -2.5, 65504.0, 6e-5, 5.96e-8, np.inf, -np.inf, np.nan, 1e-3, 3.14159265], np.float32)
floats = {
    "encoder.block.0.layer.0.SelfAttention.q.weight": rng.normal(size=(4, 6)).astype(np.float32),
    "shared.weight": rng.normal(size=(7, 3)).astype(ml_dtypes.bfloat16),
    "half": special.astype(np.float16),
    "brain": special.astype(ml_dtypes.bfloat16),
    "scalar": np.array(0.125, np.float32),
    "empty": np.zeros((0, 5), np.float16),
}
mixed = {**floats, "embeddings.position_ids": np.arange(5, dtype=np.int64)}
save_file(mixed, os.path.join(here, "mixed.safetensors"), metadata={"format": "pt", "note": "a “note”"})

os.makedirs(os.path.join(here, "sharded"), exist_ok=True)
names = sorted(floats)
weight_map = {}
for shard, part in enumerate([names[:3], names[3:]], start=1):
    file = f"model-{shard:05d}-of-00002.safetensors"
    save_file({name: floats[name] for name in part}, os.path.join(here, "sharded", file), metadata={"format": "pt"})
    weight_map.update({name: file for name in part})
with open(os.path.join(here, "sharded", "model.safetensors.index.json"), "w") as out:
    json.dump({"metadata": {"total_size": sum(v.nbytes for v in floats.values())}, "weight_map": weight_map}, out, indent=1)

bits = lambda a: np.ascontiguousarray(a).view(np.uint32).reshape(-1).tolist()
with open(os.path.join(here, "values.json"), "w") as out:
    json.dump({n: {"dtype": str(v.dtype), "shape": list(v.shape), "bits": bits(v.astype(np.float32))} for n, v in floats.items()}, out)

samples = np.concatenate([
    special,
    rng.normal(size=200).astype(np.float32),
    (rng.normal(size=100) * 10.0 ** rng.uniform(-9, 6, 100)).astype(np.float32),
    np.array([65519.99, 65520.0, 2049.0, 2051.0, 2.0**-24, 2.0**-25, 3 * 2.0**-25, 1.00390625, 1.01171875, 2.0**-14 - 2.0**-26], np.float32),
])
samples = samples[~np.isnan(samples)]
with np.errstate(over="ignore"), open(os.path.join(here, "narrowing.json"), "w") as out:
    json.dump({
        "bits": bits(samples),
        "half": samples.astype(np.float16).view(np.uint16).tolist(),
        "brain": samples.astype(ml_dtypes.bfloat16).view(np.uint16).tolist(),
    }, out)
