"""PyTorch's side of bench/gpu.ts: `python gpu-torch.py FOLDER DEVICE scoring|adapters|all\\ weights TEXTS LENGTH`.

FOLDER is a checkpoint in Hugging Face layout with the weights head.score.*. Scores or trains with weights in bf16 (of all weights: fp32
under bf16 autocast), transformers' fused attention where the family has it, and prints one line of JSON.
"""

import json
import os
import sys
import time

folder, device, kind, texts, length = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoConfig, T5EncoderModel, T5GemmaEncoderModel  # noqa: E402

transformers.utils.logging.disable_progress_bar()
if device == "cuda" and not torch.cuda.is_available():
    raise SystemExit("this PyTorch has no CUDA device")
if device not in ("cuda", "cpu"):
    raise SystemExit(f"PyTorch has no device {device}")
config = AutoConfig.from_pretrained(folder)
gemma = config.model_type == "t5gemma"
dtype = torch.float32 if kind == "all weights" else torch.bfloat16
if gemma:
    config.is_encoder_decoder = False


def opened(attention):
    family = T5GemmaEncoderModel if gemma else T5EncoderModel
    return family.from_pretrained(folder, config=config, dtype=dtype, attn_implementation=attention).eval().to(device)


try:
    encoder, attention = opened("sdpa"), "sdpa"
except ValueError:
    encoder, attention = opened("eager"), "eager"
weights = load_file(os.path.join(folder, "model.safetensors"))
head = torch.nn.Linear(weights["head.score.weight"].shape[1], 1)
head.load_state_dict({part: weights[f"head.score.{part}"].float() for part in ("weight", "bias")})
head = head.to(device)
del weights
if kind == "adapters":
    from peft import LoraConfig, get_peft_model

    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    targets = targets if gemma else ["q", "k", "v", "o", "wi_0", "wi_1", "wo"]
    encoder = get_peft_model(encoder, LoraConfig(r=8, lora_alpha=16, target_modules=targets))
vocabulary = (config.encoder if gemma else config).vocab_size
ids = torch.tensor([[5 + (i * 7919 + at * 104_729) % (vocabulary - 5) for at in range(length)] for i in range(texts)])
ids, mask = ids.to(device), torch.ones_like(ids).to(device)
relevant = torch.zeros(2, dtype=torch.long, device=device)
trained = [each for each in [*encoder.parameters(), *head.parameters()] if each.requires_grad]
optimizer = None if kind == "scoring" else torch.optim.AdamW(trained, lr=1e-4, fused=True)


def score():
    with torch.autocast(device, dtype=torch.bfloat16):
        states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return head(states.mean(1)).float()


def run():
    if optimizer is None:
        with torch.inference_mode():
            return score().cpu()
    torch.nn.functional.cross_entropy(score().reshape(2, -1), relevant).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return torch.cuda.synchronize() if device == "cuda" else None


for _ in range(2):
    run()
start, runs = time.perf_counter(), 0
while runs < 2 or time.perf_counter() - start < 4:
    run()
    runs += 1
rate = runs / (time.perf_counter() - start)
found = {"pairs a second": rate * texts} if optimizer is None else {"texts a step": texts, "steps a second": rate}
found["attention"] = attention
if device == "cuda":
    found["MiB of the card"] = torch.cuda.max_memory_reserved() / 2**20
print(json.dumps(found))
