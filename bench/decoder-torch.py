"""One side of bench/decoder.ts: `python decoder-torch.py FOLDER WAY YES NO`, texts of token ids as JSON on standard input.

WAY is last (logits of the last token alone), batch (so, and all texts at once) or all (logits of every token). Answers {"seconds",
"scores"}: processor time of scoring the texts, one by one but for batch, after a first one.
"""

import json
import sys
import time

import torch
import transformers

folder, way, yes, no = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
texts = [torch.tensor([ids]) for ids in json.load(sys.stdin)]
keep = {} if way == "all" else {"logits_to_keep": 1}
batches = [torch.cat(texts)] if way == "batch" else texts


def score(ids):
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **keep).logits[:, -1]
    return torch.log_softmax(logits[:, [yes, no]], 1)[:, 0].tolist()


with torch.inference_mode():
    score(texts[0])
    begun = time.process_time()
    scores = [each for ids in batches for each in score(ids)]
    seconds = time.process_time() - begun
print(json.dumps({"seconds": seconds, "scores": scores}))
