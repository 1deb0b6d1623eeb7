#!/bin/sh
# @huggingface/tokenizers 0.2.0: continuing_subword_prefix of a BPE and single_word of an added token are passed over.
#
# A byte-pair encoding that marks what goes on within a word, as "##b", falls into single characters, and an added token for whole words
# is found inside of others. Nothing is raised.
# Expected (guessed before): the tokens of `tokenizers` 0.23.3, or an error.
# To our users: both would be other tokens than the model was trained with. Such files are refused, and the part is named.
#
# Output seen (tokens of the library | of tokenizers):
#   prefix: a b c | abc
#   single: x cat s | x cats
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
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

pieces = ["<unk>", "a", "b", "c", "##b", "##c", "ab", "abc"]
prefixed = Tokenizer(
    models.BPE({piece: i for i, piece in enumerate(pieces)}, [("a", "##b"), ("ab", "##c")], unk_token="<unk>", continuing_subword_prefix="##")
)
prefixed.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
single = Tokenizer(models.WordLevel({"<unk>": 0, "x": 1, "cats": 2, "s": 3}, unk_token="<unk>"))
single.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
single.add_tokens([AddedToken("cat", single_word=True)])
made = [
    {"name": name, "text": text, "tokens": tokenizer.encode(text).tokens, "file": json.loads(tokenizer.to_str())}
    for name, tokenizer, text in [("prefix", prefixed, "abc"), ("single", single, "x cats")]
]
json.dump(made, open("cases.json", "w"))
PY
python/bin/python make.py
cat > show.mjs <<'JS'
import { readFileSync } from "node:fs"
import { Tokenizer } from "@huggingface/tokenizers"

const seen = JSON.parse(readFileSync("cases.json", "utf8")).map(({ name, text, tokens, file }) => {
  const own = new Tokenizer(file, {}).encode(text, { add_special_tokens: false }).tokens
  console.log(`${name}: ${own.join(" ")} | ${tokens.join(" ")}`)
  return `${own} ${tokens}`
})
process.exit(seen.join("\n") === "a,b,c abc\nx,cat,s x,cats" ? 0 : 1)
JS
node show.mjs
