"""Loads trained (or fresh) model folders with transformers and compares scores with the folder's own model.onnx.

    python check.py FOLDER [FOLDER …]      (torch, transformers, onnxruntime, safetensors)

For each folder: the encoder by its transformers class, the head from model.safetensors, on random ids with padding; prints the
largest difference of the scores, and exits with 1 where one is above 1e-4.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, T5EncoderModel, T5GemmaEncoderModel

classes = {"t5": T5EncoderModel, "t5gemma": T5GemmaEncoderModel}


def scores_by_torch(folder: Path, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    card = json.loads((folder / "model.json").read_text())
    config = AutoConfig.from_pretrained(folder)
    if card["family"] == "t5gemma":
        config.is_encoder_decoder = False
    model, info = classes[card["family"]].from_pretrained(
        folder, config=config, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
    )
    missing = [name for name in info["missing_keys"] if "embed_tokens" not in name]
    assert not missing, missing
    model.eval()
    head = load_file(folder / "model.safetensors")
    with torch.no_grad():
        states = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state
        weight = torch.tensor(mask, dtype=torch.float32)
        kind = card["head"]["kind"]
        if kind == "first-token":
            pooled = states[:, 0]
        elif kind == "masked-mean":
            pooled = (states * weight[:, :, None]).sum(1) / weight.sum(1, keepdim=True)
        else:
            relevance = (states @ head["head.attention.weight"].T)[:, :, 0]
            relevance = relevance.masked_fill(weight == 0, torch.finfo(torch.float32).min)
            pooled = (states * relevance.softmax(1)[:, :, None]).sum(1)
        return (pooled @ head["head.score.weight"].T + head["head.score.bias"])[:, 0].numpy()


def main() -> int:
    worst = 0.0
    for name in sys.argv[1:]:
        folder = Path(name)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        vocabulary = len(tokenizer)
        generator = np.random.default_rng(0)
        ids = generator.integers(3, vocabulary, size=(16, 48))
        lengths = generator.integers(4, 49, size=16)
        mask = (np.arange(48)[None, :] < lengths[:, None]).astype(np.int64)
        ids = np.where(mask == 1, ids, 0)
        ours = onnxruntime.InferenceSession(str(folder / "model.onnx")).run(
            None, {"input_ids": ids, "attention_mask": mask}
        )[0]
        difference = float(np.abs(scores_by_torch(folder, ids, mask) - ours).max())
        worst = max(worst, difference)
        text = tokenizer("Query: where is the library Document: the velvet needle library")["input_ids"]
        print(f"{name}: {vocabulary} entries, scores {ours[:3]}, largest difference {difference:.2e}, ids {text[:6]}")
    return 0 if worst <= 1e-4 else 1


sys.exit(main())
