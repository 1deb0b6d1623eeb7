"""One system of bench/rerank.ts or bench/longTexts.ts: `python rerank-python.py SYSTEM FOLDER HEAD PAIRS THREADS`, asked and answering in lines.

SYSTEM is torch (transformers with its default attention, under inference_mode), compiled (the same through torch.compile) or
onnxruntime (an export as optimum makes it: torch.onnx.export of the transformers model, dynamic axes, all optimisations on).
FOLDER is a checkpoint in Hugging Face layout with the weights head.score.*, HEAD first-token or masked-mean, PAIRS a JSON
file of token ids and types. A line `FROM TO BUDGET` asks for the scores of the pairs FROM up to TO, which are sorted by
length, in batches of at most BUDGET tokens with the padding; the answer is {"seconds", "scores"}.
"""

import json
import os
import sys
import time

system, folder, head, pairs_file, threads = sys.argv[1:5] + [int(sys.argv[5])]
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, BertModel, ModernBertModel, T5EncoderModel  # noqa: E402

# One thread is measured in processor time, which the rest of the machine disturbs least.
clock = time.process_time if threads == 1 else time.perf_counter
torch.set_num_threads(threads)
transformers.utils.logging.disable_progress_bar()
with open(pairs_file, encoding="utf-8") as file:
    pairs = json.load(file)


class Ranker(torch.nn.Module):
    """The checkpoint's encoder with one of rankdag's heads on it."""

    def __init__(self, attention):
        super().__init__()
        family = AutoConfig.from_pretrained(folder).model_type
        self.takes_types = family == "bert"
        kind = {"bert": BertModel, "t5": T5EncoderModel, "modernbert": ModernBertModel}[family]
        settings = {"add_pooling_layer": False} if self.takes_types else {}
        self.encoder = kind.from_pretrained(folder, attn_implementation=attention, **settings).eval()
        weights = load_file(os.path.join(folder, "model.safetensors"))
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, 1)
        self.head.load_state_dict({part: weights[f"head.score.{part}"] for part in ("weight", "bias")})

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        types = {"token_type_ids": token_type_ids} if self.takes_types else {}
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        if head == "first-token":
            return self.head(states[:, 0])[:, 0]
        mask = attention_mask[:, :, None].to(states.dtype)
        return self.head((states * mask).sum(1) / mask.sum(1))[:, 0]


def batches(begin, end, budget):
    """Runs of pairs; lengths ascend, so the last of a batch is its longest."""
    while begin < end:
        upto = begin + 1
        while upto < end and (upto + 1 - begin) * len(pairs[upto]["ids"]) <= budget:
            upto += 1
        yield pairs[begin:upto]
        begin = upto


def padded(batch):
    shape = (len(batch), len(batch[-1]["ids"]))
    ids, mask, types = (numpy.zeros(shape, dtype=numpy.int64) for _ in range(3))
    for row, pair in enumerate(batch):
        length = len(pair["ids"])
        ids[row, :length], mask[row, :length], types[row, :length] = pair["ids"], 1, pair["types"]
    return {"input_ids": ids, "attention_mask": mask, **({"token_type_ids": types} if takes_types else {})}


def exported():
    """The scores of a batch by onnxruntime."""
    import onnxruntime

    path = os.path.join(folder, f"{head}.export.onnx")
    with torch.inference_mode():
        example = {name: torch.from_numpy(value) for name, value in padded(pairs[:2]).items()}
        axes = {name: {0: "batch", 1: "sequence"} for name in example}
        torch.onnx.export(
            ranker,
            (example["input_ids"], example["attention_mask"], example.get("token_type_ids")),
            path,
            input_names=list(example),
            output_names=["scores"],
            dynamic_axes={**axes, "scores": {0: "batch"}},
            opset_version=18,
            do_constant_folding=True,
            dynamo=False,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, padded(batch))[0]


def in_torch(model):
    return lambda batch: model(**{name: torch.from_numpy(value) for name, value in padded(batch).items()}).numpy()


ranker = Ranker("sdpa").eval()
takes_types = ranker.takes_types
if system == "onnxruntime":
    score = exported()
else:
    score = in_torch(torch.compile(ranker, dynamic=True) if system == "compiled" else ranker)

print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    begin, end, budget = map(int, line.split())
    with torch.inference_mode():
        start = clock()
        scores = [value for batch in batches(begin, end, budget) for value in score(batch).tolist()]
        seconds = clock() - start
    print(json.dumps({"seconds": seconds, "scores": scores}), flush=True)
