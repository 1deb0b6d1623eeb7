#!/bin/sh
# @huggingface/tokenizers 0.2.0: unknown words in a row are one token, and a WordLevel tokenizer has no unknown token.
#
# A Unigram model (and a BPE with fuse_unk) makes one token of unknown pieces in a row. In `tokenizers` that ends at each word; here it
# goes on over the words that follow. Of a WordLevel model the id of a word that is not in the vocabulary is undefined.
# Expected (guessed before): as many unknown tokens as words that are unknown, and for WordLevel the id of unk_token.
# To our users: a passage in a script that the vocabulary lacks shrank to one token, so that it was not cut where Python cuts it, and its
# score was another. Unknown pieces are now made one within each word; WordLevel's unknown words get the token's id.
#
# Output seen (ids of the library | of tokenizers):
#   Unigram: 0 | 0 0 0
#   WordLevel: 1 - - 1 | 1 0 0 1
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet tokenizers==0.23.3
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @huggingface/tokenizers@0.2.0
cat > make.py <<'PY'
import json
from tokenizers import Tokenizer, models, pre_tokenizers

made = []
for name, model, text in [
    ("Unigram", models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0), "日本 中文 한국"),
    ("WordLevel", models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"), "a b c a"),
]:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.append({"name": name, "text": text, "ids": tokenizer.encode(text).ids, "file": json.loads(tokenizer.to_str())})
json.dump(made, open("cases.json", "w"))
PY
python/bin/python make.py
cat > show.mjs <<'JS'
import { readFileSync } from "node:fs"
import { Tokenizer } from "@huggingface/tokenizers"

const seen = JSON.parse(readFileSync("cases.json", "utf8")).map(({ name, text, ids, file }) => {
  const own = new Tokenizer(file, {}).encode(text, { add_special_tokens: false }).ids.map((id) => id ?? "-")
  console.log(`${name}: ${own.join(" ")} | ${ids.join(" ")}`)
  return `${own} ${ids}`
})
process.exit(seen.join("\n") === "0 0,0,0\n1,-,-,1 1,0,0,1" ? 0 : 1)
JS
node show.mjs
