#!/bin/sh
# @huggingface/tokenizers 0.2.0: Whitespace and Digits know ASCII alone, Punctuation and Split pass over their behaviour.
#
# `Whitespace` splits "déjà vu" into five words where `tokenizers` makes two; `Digits` leaves Arabic digits together; `Punctuation` makes one
# word of "...", and `Split` with MergedWithPrevious cuts before the delimiter, too. No error is raised, and a WordPiece or WordLevel model
# then finds other pieces or none.
# Expected (guessed before): the same words as `tokenizers` 0.23.3, for every part that is accepted.
# To our users: a multilingual encoder with such a tokenizer.json got other tokens than in Python. These parts are rewritten, before the
# library sees them, into the one splitter in which both agree; docs/MODELS.md says so, and a test compares each.
#
# Output seen (words of the library | of tokenizers):
#   Whitespace: d, é, j, à, vu | déjà, vu
#   Digits: a١٢ | a, ١, ٢
#   Punctuation: a, ... | a, ., ., .
#   Split: a, ,, b, ,, c | a,, b,, c
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
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

cases = {
    "Whitespace": (pre_tokenizers.Whitespace(), "déjà vu"),
    "Digits": (pre_tokenizers.Digits(individual_digits=True), "a\u0661\u0662"),
    "Punctuation": (pre_tokenizers.Punctuation(), "a..."),
    "Split": (pre_tokenizers.Split(Regex(","), "merged_with_previous"), "a,b,c"),
}
made = []
for name, (splitter, text) in cases.items():
    words = [word for word, _ in splitter.pre_tokenize_str(text)]
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = splitter
    made.append({"name": name, "text": text, "words": words, "file": json.loads(tokenizer.to_str())})
json.dump(made, open("cases.json", "w"))
PY
python/bin/python make.py
cat > show.mjs <<'JS'
import { readFileSync } from "node:fs"
import { Tokenizer } from "@huggingface/tokenizers"

const seen = JSON.parse(readFileSync("cases.json", "utf8")).map(({ name, text, words, file }) => {
  const own = new Tokenizer(file, {}).pre_tokenizer(text)
  console.log(`${name}: ${own.join(", ")} | ${words.join(", ")}`)
  return `${own} ${words}`
})
const before = ["d,é,j,à,vu déjà,vu", "a١٢ a,١,٢", "a,... a,.,.,.", "a,,,b,,,c a,,b,,c"]
process.exit(seen.join("\n") === before.join("\n") ? 0 : 1)
JS
node show.mjs
