#!/bin/sh
# transformers 5.24.0 with torch 2.15.0: two fields of Gemma's configurations that do not do what they say.
#
# 1. use_bidirectional_attention: true of Gemma 1. Which tokens a token sees depends on the attention implementation and on the padding
#    of the batch. Eager attention is causal, whatever the field says. sdpa, the default, sees both directions as long as nothing is
#    padded, because the mask is left out and the module's is_causal counts; with one padded token in the batch the mask is made, and
#    is causal. So a text has one vector alone and another beside a longer text. Gemma 3 has the same field, and is the same in all
#    four ways. Expected: that of Gemma 3.
# 2. attn_logit_softcapping of Gemma 3 (and of T5Gemma 2, which takes over its attention). It is documented as in Gemma 2 («Scaling factor
#    when applying tanh softcapping on the attention scores»), checked, stored in the attention module, written back on saving, and
#    never applied: with a cap of 0.001, which makes Gemma 2's attention almost uniform, the states are those without a cap, to the
#    last bit. Expected: that it is applied, or refused.
# To our users: an embedder or reranker of such a configuration gives scores that depend on what else is in the batch (1), or that
# differ from those of any other implementation of the same file (2), without a warning. rankdag refuses the first field in Gemma 1
# and 2 and honours it in Gemma 3; of the second it says that it has no effect in Gemma 3 and T5Gemma 2.
#
# Output seen:
#   gemma  eager: alone and padded differ by 2e-07; alone causal, padded causal
#   gemma  sdpa:  alone and padded differ by 6e-01; alone bidirectional, padded causal
#   gemma3 eager: alone and padded differ by 7e-07; alone bidirectional, padded bidirectional
#   gemma3 sdpa:  alone and padded differ by 6e-08; alone bidirectional, padded bidirectional
#   gemma2 with a cap of 0.001: other states
#   gemma3 with a cap of 0.001: the same states, to the last bit
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0
cat > look.py <<'PY'
import torch
from transformers import Gemma2Config, Gemma2Model, Gemma3TextConfig, Gemma3TextModel, GemmaConfig, GemmaModel

sizes = dict(
    vocab_size=64, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, head_dim=8,
)
ids = torch.tensor([[5, 6, 7, 8, 9, 10]])


def model(config, build, way, **more):
    torch.manual_seed(0)
    made = build(config(**sizes, **more)).eval()
    made.set_attn_implementation(way)
    return made


def states(made, length=6, padding=0):
    gap = torch.zeros(1, padding, dtype=torch.long)
    text = ids[:, :length]
    mask = torch.cat([torch.ones_like(text), gap], 1)
    with torch.no_grad():
        return made(input_ids=torch.cat([text, gap], 1), attention_mask=mask).last_hidden_state[0, :length]


def direction(made, padding):
    """Whether the first three tokens see what follows them."""
    same = (states(made, 6, padding)[:3] - states(made, 3, padding)).abs().max() < 1e-5
    return "causal" if same else "bidirectional"


found = {}
for name, config, build in [("gemma", GemmaConfig, GemmaModel), ("gemma3", Gemma3TextConfig, Gemma3TextModel)]:
    for way in ("eager", "sdpa"):
        made = model(config, build, way, use_bidirectional_attention=True)
        difference = float((states(made) - states(made, padding=2)).abs().max())
        alone, padded = direction(made, 0), direction(made, 2)
        print(f"{name} {way}: alone and padded differ by {difference:.0e}; alone {alone}, padded {padded}")
        found[name, way] = (difference > 0.1, alone, padded)

changes = {}
for name, config, build in [("gemma2", Gemma2Config, Gemma2Model), ("gemma3", Gemma3TextConfig, Gemma3TextModel)]:
    with_cap, without = [states(model(config, build, "eager", attn_logit_softcapping=cap)) for cap in (0.001, None)]
    changes[name] = not torch.equal(with_cap, without)
    print(f"{name} with a cap of 0.001:", "other states" if changes[name] else "the same states, to the last bit")

both = (False, "bidirectional", "bidirectional")
as_seen = found == {
    ("gemma", "eager"): (False, "causal", "causal"),
    ("gemma", "sdpa"): (True, "bidirectional", "causal"),
    ("gemma3", "eager"): both,
    ("gemma3", "sdpa"): both,
} and changes == {"gemma2": True, "gemma3": False}
raise SystemExit(0 if as_seen else 1)
PY
venv/bin/python -W ignore look.py
