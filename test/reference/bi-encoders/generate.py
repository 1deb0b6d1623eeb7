"""Losses and gradients of a small BERT as a bi-encoder, from Hugging Face transformers and PyTorch's autograd.

Run once, by hand, where torch, transformers and safetensors are installed:

    python test/reference/bi-encoders/generate.py

It writes golden.json, the step's texts and what came of each case, and for each case CASE.safetensors: the gradient of its loss with
respect to every parameter, in float64 and stored as float32. A step has three lists of four passages, the last of which is one short;
queries and passages are encoded apart. The passage at place 5 is that of place 2 again, and the one at place 9 answers the first query
too: neither counts among the others of the first query.
"""

import json
import os

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "..", "models", "bert")
DOUBLE = torch.float64
LISTS, M = 3, 4
MASK = torch.ones(LISTS, M, dtype=torch.bool)
MASK[2, 3] = False
GRADES = torch.tensor([[0, 3, 0, 1], [1, 0, 0, 0], [0, 0, 2, 0]], dtype=DOUBLE)
TEACHER = torch.tensor([[0.1, 0.9, 0.3, 0.6], [0.8, 0.2, 0.4, 0.1], [0.2, 0.3, 0.7, 0.0]], dtype=DOUBLE)
CASES = {
    "infonce": {"loss": {"kind": "infonce"}, "temperature": 0.05, "inBatch": 0, "pooling": "mean", "cosine": True},
    "hybrid": {
        "loss": {"kind": "hybrid", "alpha": 0.7, "k": 2, "scope": "all"},
        "temperature": 2,
        "inBatch": 0.5,
        "pooling": "cls",
        "cosine": False,
    },
    "marginmse": {
        "loss": {"kind": "marginmse", "scale": 1.5},
        "temperature": 1,
        "inBatch": 0,
        "pooling": "mean",
        "cosine": True,
    },
}


def text(number, length):
    return [2] + [5 + (number * 13 + at * at * 7 + at) % 59 for at in range(length)] + [3]


PASSAGES = [text(place, 5 + place * 3 % 11) for place in range(LISTS * M)]
PASSAGES[5] = PASSAGES[2]
QUERIES = [text(40 + each, 3 + each) for each in range(LISTS)]


def others():
    found = torch.zeros(LISTS, LISTS * M, dtype=torch.bool)
    for each in range(LISTS):
        seen = {tuple(PASSAGES[each * M + i]) for i in range(M) if GRADES[each, i] > 0}
        if each == 0:
            seen.add(tuple(PASSAGES[9]))
        places = [each * M + i for i in range(M)] + list(range(LISTS * M))
        for place in places:
            if MASK.reshape(-1)[place] and tuple(PASSAGES[place]) not in seen:
                seen.add(tuple(PASSAGES[place]))
                found[each, place] = True
    return found


def encode(model, ids, case):
    states = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
    vector = states[0] if case["pooling"] == "cls" else states.mean(0)
    return F.normalize(vector, dim=0) if case["cosine"] else vector


def contrast(scores, batch):
    """Of each list: each relevant item alone against the others of the step."""
    shares = GRADES / GRADES.sum(1, keepdim=True)
    rivals = batch.masked_fill(~others(), -torch.inf).logsumexp(1, keepdim=True)
    return (shares * F.softplus(rivals - scores)).sum(1)


def pairs(each):
    return [(i, j) for i in range(M) for j in range(M) if MASK[each, i] and MASK[each, j] and GRADES[each, i] > GRADES[each, j]]


def own(kind, scores, settings):
    """Of each list, its own loss."""
    found = []
    for each in range(LISTS):
        s, better = scores[each], pairs(each)
        if kind == "marginmse":
            margins = [(s[i] - s[j] - settings["scale"] * (TEACHER[each, i] - TEACHER[each, j])) ** 2 for i, j in better]
            found.append(torch.stack(margins).mean())
            continue
        there = [i for i in range(M) if MASK[each, i]]
        order = sorted(there, key=lambda i: (-s[i].item(), -i))[: settings["k"]]
        top = [F.softplus(s[j] - s[i]) for i, j in better if i in order or j in order]
        logs = torch.log_softmax(s[there], 0)
        shares = GRADES[each, there] / GRADES[each].sum()
        pairwise = torch.stack(top).mean() if top else torch.zeros((), dtype=DOUBLE)
        found.append(settings["alpha"] * pairwise - (1 - settings["alpha"]) * (shares * logs).sum())
    return torch.stack(found)


def generate(name, case):
    model = transformers.BertModel.from_pretrained(
        MODEL, dtype=DOUBLE, attn_implementation="eager", add_pooling_layer=False
    ).eval()
    queries = torch.stack([encode(model, ids, case) for ids in QUERIES])
    passages = torch.stack([encode(model, ids, case) for ids in PASSAGES])
    batch = queries @ passages.T / case["temperature"]
    scores = torch.stack([batch[each, each * M : (each + 1) * M] for each in range(LISTS)])
    if case["loss"]["kind"] == "infonce":
        loss = contrast(scores, batch).mean()
    else:
        loss = own(case["loss"]["kind"], scores, case["loss"]).mean() + case["inBatch"] * contrast(scores, batch).mean()
    loss.backward()
    gradients = {
        key: parameter.grad.to(torch.float32).contiguous()
        for key, parameter in sorted(model.named_parameters())
        if parameter.grad is not None and bool((parameter.grad != 0).any())
    }
    path = os.path.join(HERE, f"{name}.safetensors")
    save_file(gradients, path, metadata={"torch": torch.__version__, "transformers": transformers.__version__})
    print(f"{name}: loss {loss.item()}, {len(gradients)} gradients")
    return {**case, "value": loss.item()}


if __name__ == "__main__":
    golden = {
        "m": M,
        "queries": QUERIES,
        "passages": PASSAGES,
        "grades": GRADES.reshape(-1).tolist(),
        "mask": MASK.reshape(-1).int().tolist(),
        "teacher": TEACHER.reshape(-1).tolist(),
        "others": others().reshape(-1).int().tolist(),
        "cases": {name: generate(name, case) for name, case in CASES.items()},
    }
    with open(os.path.join(HERE, "golden.json"), "w") as opened:
        json.dump(golden, opened)
        opened.write("\n")
