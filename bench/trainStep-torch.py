"""PyTorch's side of bench/trainStep.ts: `python trainStep-torch.py MODE HEAD FOLDER STEP THREADS`, asked and answering in lines.

MODE is eager, or compiled (through torch.compile); HEAD first-token or masked-mean. FOLDER is a checkpoint in Hugging Face
layout with the weights head.score.*; STEP a JSON file of token ids by text and the index of each list's relevant text. Each
line on the standard input asks for one training step: forward, softmax loss over the lists, backward, clipping to a norm of 1,
AdamW. The answer is {"seconds", "loss"}.
"""

import json
import os
import sys
import time

mode, head, folder, step_file, threads = sys.argv[1:5] + [int(sys.argv[5])]
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, BertModel, T5EncoderModel  # noqa: E402

# One thread is measured in processor time, which the rest of the machine disturbs least.
clock = time.process_time if threads == 1 else time.perf_counter
torch.set_num_threads(threads)
transformers.utils.logging.disable_progress_bar()


class Ranker(torch.nn.Module):
    """The checkpoint's encoder, its first state or the mean of all, and a linear layer."""

    def __init__(self):
        super().__init__()
        kind, settings = (
            (BertModel, {"add_pooling_layer": False, "attn_implementation": "sdpa"})
            if AutoConfig.from_pretrained(folder).model_type == "bert"
            else (T5EncoderModel, {})
        )
        # Without dropout, which eval turns off; gradients are the same.
        self.encoder = kind.from_pretrained(folder, **settings).eval()
        weights = load_file(os.path.join(folder, "model.safetensors"))
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, 1)
        self.head.load_state_dict({part: weights[f"head.score.{part}"] for part in ("weight", "bias")})

    def forward(self, input_ids, attention_mask):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if head == "first-token":
            return self.head(states[:, 0])[:, 0]
        mask = attention_mask[:, :, None].to(states.dtype)
        return self.head((states * mask).sum(1) / mask.sum(1))[:, 0]


with open(step_file, encoding="utf-8") as file:
    step = json.load(file)
ids = torch.tensor(step["ids"])
mask = torch.ones_like(ids)
relevant = torch.tensor(step["relevant"])
model = Ranker()
forward = torch.compile(model) if mode == "compiled" else model
decayed = [each for name, each in model.named_parameters() if not ("bias" in name or "norm" in name or "Norm" in name)]
others = [each for name, each in model.named_parameters() if "bias" in name or "norm" in name or "Norm" in name]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], lr=1e-4, fused=True
)
print("ready", flush=True)
for _ in sys.stdin:
    start = clock()
    scores = forward(ids, mask)
    loss = torch.nn.functional.cross_entropy(scores.reshape(len(relevant), -1), relevant)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    print(json.dumps({"seconds": clock() - start, "loss": loss.item()}), flush=True)
