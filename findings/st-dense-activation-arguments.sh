#!/bin/sh
# sentence-transformers 6.2.0: a Dense module's activation function comes back from disk without its arguments, or as Tanh.
#
# Dense writes the name of its activation's class into config.json and nothing of what it was made with; reading makes the class anew
# with its defaults. So a model with LeakyReLU(0.5) or Softplus(beta=0.1) is another model after save and load, without a warning:
# similarities trained and measured before saving are not those of the file. GELU(approximate="tanh") comes back as the exact one (hardly
# to be seen). An activation of another package than torch (here transformers' own GELUActivation) comes back as Tanh, with a line in
# the log, although the same library wrote the file. Expected: that arguments are written too, or that saving refuses what it cannot
# write. (A parameter such as PReLU's is kept, being a weight.)
# To our users: vectors of such a model in Python before it was saved cannot be had from its file by anyone. rankdag takes torch's Identity,
# Tanh, ReLU, GELU (exact, as it is read back) and Sigmoid, and refuses every other activation by name instead of taking Tanh.
#
# Output seen:
#   ReLU() → ReLU(): vectors alike
#   LeakyReLU(negative_slope=0.5) → LeakyReLU(negative_slope=0.01): other vectors
#   Softplus(beta=0.1, threshold=20.0) → Softplus(beta=1.0, threshold=20.0): other vectors
#   GELUActivation() → Tanh(): other vectors
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0 sentence-transformers==6.2.0
cat > look.py <<'PY'
import tempfile

import torch
from sentence_transformers import SentenceTransformer, models
from transformers import BertConfig, BertModel, BertTokenizer
from transformers.activations import GELUActivation

torch.manual_seed(1)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "harbour", "tower", "garden", "roses"]
base = tempfile.mkdtemp()
with open(f"{base}/vocab.txt", "w") as file:
    file.write("\n".join(words))
BertTokenizer(f"{base}/vocab.txt").save_pretrained(base)
sizes = dict(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
BertModel(BertConfig(**sizes)).save_pretrained(base)

for activation in (torch.nn.ReLU(), torch.nn.LeakyReLU(0.5), torch.nn.Softplus(beta=0.1), GELUActivation()):
    dense = models.Dense(16, 4, activation_function=activation)
    before = SentenceTransformer(modules=[models.Transformer(base), models.Pooling(16), dense], device="cpu")
    folder = tempfile.mkdtemp()
    before.save_pretrained(folder)
    after = SentenceTransformer(folder, device="cpu")
    difference = abs(before.encode(["harbour tower"]) - after.encode(["harbour tower"])).max()
    print(f"{activation} → {after[2].activation_function}: {'vectors alike' if difference < 1e-6 else 'other vectors'}")
PY
venv/bin/python -W ignore look.py 2> said.txt > seen.txt
cat > expected.txt <<'TXT'
ReLU() → ReLU(): vectors alike
LeakyReLU(negative_slope=0.5) → LeakyReLU(negative_slope=0.01): other vectors
Softplus(beta=0.1, threshold=20.0) → Softplus(beta=1.0, threshold=20.0): other vectors
GELUActivation() → Tanh(): other vectors
TXT
cat seen.txt
diff expected.txt seen.txt
test "$(grep -c 'is not trusted' said.txt)" = 1
