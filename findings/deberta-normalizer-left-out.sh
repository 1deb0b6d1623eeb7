#!/bin/sh
# transformers 5.24.0: DebertaV2Tokenizer passes over the normalizer of tokenizer.json, so that DeBERTa-v3's rerankers see other tokens.
#
# The class (models/deberta_v2/tokenization_deberta_v2.py) takes vocabulary and added tokens of the file and makes a normalizer of its own:
# runs of white space to one space, NFC, spaces off the end. What transformers 4 wrote into tokenizer.json, SentencePiece's nmt_nfkc
# rules, is gone: «ﬁ», «…», «½», full-width letters and the no-break space become unknown, where they were «fi», «...», «1⁄2», letters and a
# space. T5's and XLM-R's classes of the same release keep these rules. The same file opened by
# PreTrainedTokenizerFast (which calls itself TokenizersBackend) keeps them too.
# Expected: a tokenizer.json means the same to every class that opens it, as it says itself how text is normalised.
# To our users: scores of mxbai-rerank-*-v1 and other DeBERTa-v3 models change between transformers 4 and 5 for texts with such characters
# (common in web pages: no-break spaces). rankdag does as transformers 5 where tokenizer_class is the class; docs/MODELS.md says so.
#
# Output seen:
#   TokenizersBackend       ['▁fine', '▁end', '▁fine']
#   DebertaV2Tokenizer      ['▁', '[UNK]', 'ne', '▁end', '[UNK]', 'fine']
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet transformers==5.24.0
venv/bin/python - <<'PY' 2>/dev/null
import json
from pathlib import Path
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import DebertaV2Tokenizer, PreTrainedTokenizerFast

special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
pieces = [("▁fine", -1.0), ("▁end", -1.0), ("fine", -2.0), ("ne", -3.0), ("▁", -4.0), ("f", -5.0), ("i", -5.0), ("n", -5.0), ("e", -5.0)]
made = Tokenizer(models.Unigram([(name, 0.0) for name in special] + pieces + [("[MASK]", 0.0)], unk_id=3))
# As transformers 4 wrote it, with NFKC for the precompiled rules, which are the same in this.
made.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC()])
made.pre_tokenizer = pre_tokenizers.Metaspace()
made.add_special_tokens(special + ["[MASK]"])
made.save("tokenizer.json")
Path("tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "DebertaV2Tokenizer", "unk_token": "[UNK]"}))
text = "\ufb01ne end\u00a0fine"
found = {}
for kind in (PreTrainedTokenizerFast, DebertaV2Tokenizer):
    tokenizer = kind.from_pretrained(".")
    found[kind.__name__] = tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"])
for name, tokens in found.items():
    print(name.ljust(23), tokens)
kept, left_out = found.values()
raise SystemExit(0 if "[UNK]" not in kept and "[UNK]" in left_out else 1)
PY
