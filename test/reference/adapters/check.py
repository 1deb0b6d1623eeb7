"""Puts adapters that were exported over their bases with peft, and compares scores with those of the merged model's own model.onnx.

    python test/reference/adapters/check.py BASE ADAPTER MERGED      (torch, transformers, peft, onnxruntime, safetensors)

BASE and MERGED are model folders of rankdag, ADAPTER what `export adapter` wrote. On random ids with padding: prints the largest
difference of the scores; saves the adapter again with peft, which must give the same bytes of every tensor; and exits with 1 where
scores differ by more than 1e-5, or bytes at all.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoConfig, BertForSequenceClassification, BertModel, T5EncoderModel, T5GemmaEncoderModel

classes = {"t5": T5EncoderModel, "t5gemma": T5GemmaEncoderModel, "bert": BertModel}


def main() -> int:
    base, adapter, merged = (Path(each) for each in sys.argv[1:])
    card = json.loads((merged / "model.json").read_text())
    kind = card["head"]["kind"]
    config = AutoConfig.from_pretrained(base)
    if card["family"] == "t5gemma":
        config.is_encoder_decoder = False
    family = BertForSequenceClassification if kind == "classifier" else classes[card["family"]]
    extra = {"add_pooling_layer": False} if family is BertModel else {}
    plain = family.from_pretrained(base, config=config, attn_implementation="eager", dtype=torch.float32, **extra)
    model = PeftModel.from_pretrained(plain, adapter).eval()

    generator = np.random.default_rng(0)
    ids = generator.integers(3, config.get_text_config().vocab_size, size=(16, 48))
    lengths = generator.integers(4, 49, size=16)
    mask = (np.arange(48)[None, :] < lengths[:, None]).astype(np.int64)
    ids = np.where(mask == 1, ids, 0)
    inputs = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    with torch.no_grad():
        if kind == "classifier":
            scores = model(**inputs).logits[:, 0]
        else:
            head = load_file(adapter / "head.safetensors")
            states = model(**inputs).last_hidden_state
            weight = torch.tensor(mask, dtype=torch.float32)
            pooled = (
                states[:, 0]
                if kind == "first-token"
                else (states * weight[:, :, None]).sum(1) / weight.sum(1, keepdim=True)
            )
            scores = (pooled @ head["head.score.weight"].T + head["head.score.bias"])[:, 0]
    session = onnxruntime.InferenceSession(str(merged / "model.onnx"))
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    ours = session.run(None, {each.name: feeds[each.name] for each in session.get_inputs()})[0]
    difference = float(np.abs(scores.numpy() - ours).max())

    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        again = load_file(Path(folder) / "adapter_model.safetensors")
    written = load_file(adapter / "adapter_model.safetensors")
    same = again.keys() == written.keys() and all(
        again[key].numpy().tobytes() == written[key].numpy().tobytes() for key in written
    )
    print(f"{adapter}: scores {ours[:3]}, largest difference {difference:.2e}; {len(written)} tensors, the same bytes: {same}")
    return 0 if difference <= 1e-5 and same else 1


sys.exit(main())
