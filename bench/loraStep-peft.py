"""peft's side of bench/loraStep.ts: `python loraStep-peft.py FOLDER THREADS fp32|bf16`, asked and answering in lines.

FOLDER is a checkpoint in Hugging Face layout with the weights head.score.*, step.json and factors.safetensors, the factors that the
adapters begin with. Each line on the standard input asks for one step: forward, softmax loss over two lists whose first items are
relevant, backward, clipping to a norm of 1, AdamW; bf16: the forward pass under autocast, which decides for the way back. The answer is {"seconds", "loss", "megabytes"}.
"""

import json
import os
import resource
import sys
import time

folder, threads, half = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "bf16"
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch  # noqa: E402
import transformers  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, BertModel, T5EncoderModel  # noqa: E402

clock = time.process_time if threads == 1 else time.perf_counter
torch.set_num_threads(threads)
transformers.utils.logging.disable_progress_bar()
bert = AutoConfig.from_pretrained(folder).model_type == "bert"
kind, settings = (
    (BertModel, {"add_pooling_layer": False, "attn_implementation": "sdpa"}) if bert else (T5EncoderModel, {})
)
targets = ["query", "key", "value", "intermediate.dense", "output.dense"] if bert else ["q", "k", "v", "o", "wi", "wo"]
# Without dropout, which eval turns off; gradients are the same.
model = get_peft_model(
    kind.from_pretrained(folder, **settings), LoraConfig(r=8, lora_alpha=16, target_modules=targets)
).eval()
factors = load_file(os.path.join(folder, "factors.safetensors"))
own = {name.replace("base_model.model.", "").replace(".default", ""): each for name, each in model.named_parameters()}
with torch.no_grad():
    for name, value in factors.items():
        own[name].copy_(value)
weights = load_file(os.path.join(folder, "model.safetensors"))
head = torch.nn.Linear(model.config.hidden_size, 1)
head.load_state_dict({part: weights[f"head.score.{part}"] for part in ("weight", "bias")})
del weights

with open(os.path.join(folder, "step.json"), encoding="utf-8") as file:
    step = json.load(file)
ids = torch.tensor(step["ids"])
mask = torch.ones_like(ids)
relevant = torch.zeros(len(ids) // step["m"], dtype=torch.long)
adapters = [each for each in model.parameters() if each.requires_grad]
optimizer = torch.optim.AdamW(
    [{"params": [*adapters, head.weight], "weight_decay": 0.01}, {"params": [head.bias], "weight_decay": 0.0}],
    lr=1e-4,
    fused=True,
)
print("ready", flush=True)
for _ in sys.stdin:
    start = clock()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        scores = head(states.mean(1)).float()
    loss = torch.nn.functional.cross_entropy(scores.reshape(len(relevant), -1), relevant)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([*adapters, *head.parameters()], 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    taken = clock() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": taken, "loss": loss.item(), "megabytes": peak}), flush=True)
