"""Gradients of the small random models of test/reference/models, from Hugging Face transformers and PyTorch's autograd.

Run once, by hand, where torch, transformers and safetensors are installed:

    python test/reference/gradients/generate.py

For each model it writes NAME.safetensors: the gradient of one number with respect to every parameter, computed in float64
and stored as float32 under the parameter's name. The number is the sum of all heads' values for the texts TEXTS of
golden.json, each alone and unpadded, each value times the weight `cos(3 head + 5 text + 7 element + 1)`; heads are numbered in
alphabetical order, and a score is the element 0. That the values are golden.json's is asserted.
"""

import json
import math
import os

import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
# The others have no other layers.
NAMES = [
    "albert",
    "albert-cross",
    "bert",
    "bert-cross-two",
    "deberta",
    "deberta-cross",
    "distilbert",
    "distilbert-cross",
    "electra-cross",
    "gemma2",
    "modernbert",
    "modernbert-cross",
    "modernbert-cross-two",
    "mpnet",
    "mpnet-cross",
    "qwen2-cross-two",
    "qwen3",
    "qwen3-window",
    "t5-gated",
    "t5-relu",
    "t5-seq2seq-tied",
    "t5-seq2seq-untied",
    "t5gemma",
    "t5gemma-grouped",
    "t5gemma-window",
    "t5gemma2-odd",
    "umt5",
    "umt5-seq2seq",
]
# 7, 1, 33 and 64 tokens.
TEXTS = [0, 2, 3, 4]
DOUBLE = torch.float64
# rankdag's own heads; ModernBERT's classifier has names that begin with «head.» too.
HEADS = ("head.score.", "head.attention.")


def read(name, file):
    with open(os.path.join(MODELS, name, file)) as opened:
        return json.load(opened)


def load(name):
    folder = os.path.join(MODELS, name)
    settings = read(name, "config.json")
    config = transformers.AutoConfig.from_pretrained(folder)
    if settings["model_type"] == "t5gemma":
        config.is_encoder_decoder = False
    kind = getattr(transformers, settings["architectures"][0])
    model, info = kind.from_pretrained(
        folder, config=config, dtype=DOUBLE, attn_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"], info
    return model.eval()


def pooled(states, heads):
    """All pooling heads on the final states [length, width] of one text."""
    weight, bias = heads["head.score.weight"][0], heads["head.score.bias"][0]
    mean = states.mean(0)
    attention = torch.softmax(states @ heads["head.attention.weight"][0], 0)
    last = states[-1]
    return {
        "embedding-lasttoken": last / last.norm(),
        "first-token": states[0] @ weight + bias,
        "masked-mean": mean @ weight + bias,
        "attention-pooling": attention @ states @ weight + bias,
        "embedding": mean / mean.norm(),
    }


def values(model, golden, text, heads):
    ids = torch.tensor([text["ids"]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if getattr(model.config, "type_vocab_size", 1) > 1:
        inputs["token_type_ids"] = torch.tensor([text["types"]])
    if "token" in golden and not model.config.is_encoder_decoder:
        last = model(**inputs).logits[0, -1]
        choice = torch.log_softmax(last[[golden["yes"], golden["no"]]], 0)[0]
        return {"decoder-logit": last[golden["token"]], "decoder-choice": choice}
    if "token" in golden:
        last = model(**inputs, decoder_input_ids=torch.zeros((1, 1), dtype=torch.long)).logits[0, 0]
        choice = torch.log_softmax(last[[golden["yes"], golden["no"]]], 0)[0]
        return {"decoder-logit": last[golden["token"]], "decoder-choice": choice}
    if heads:
        body = model.encoder if model.config.model_type == "t5gemma2" else model
        found = pooled(body(**inputs).last_hidden_state[0], heads)
        return {key: value for key, value in found.items() if key in text["expected"]}
    logits = model(**inputs).logits[0]
    return {"classifier": logits[0] if len(logits) == 1 else torch.log_softmax(logits, 0)[1]}


def generate(name):
    golden = read(name, "golden.json")
    model = load(name)
    stored = load_file(os.path.join(MODELS, name, "model.safetensors"))
    heads = {key: value.to(DOUBLE).requires_grad_() for key, value in stored.items() if key.startswith(HEADS)}
    total = torch.zeros((), dtype=DOUBLE)
    for row, text in enumerate(golden["texts"][each] for each in TEXTS):
        for head, (key, found) in enumerate(sorted(values(model, golden, text, heads).items())):
            value = found.reshape(-1)
            expected = torch.tensor(text["expected"][key], dtype=DOUBLE).reshape(-1)
            assert torch.allclose(value, expected, atol=2e-4), (name, key, value, expected)
            for element in range(len(value)):
                total = total + value[element] * math.cos(3 * head + 5 * row + 7 * element + 1)
    total.backward()
    parameters = {**dict(model.named_parameters()), **heads}
    gradients = {
        key: parameter.grad.to(torch.float32).contiguous()
        for key, parameter in sorted(parameters.items())
        if parameter.grad is not None and bool((parameter.grad != 0).any())
    }
    path = os.path.join(HERE, f"{name}.safetensors")
    save_file(gradients, path, metadata={"torch": torch.__version__, "transformers": transformers.__version__})
    print(f"{name}: {len(gradients)} gradients, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    for each in NAMES:
        generate(each)
