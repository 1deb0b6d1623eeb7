"""Texts for the golden files: SciFact abstracts and claims (CC BY 4.0, ODC-By 1.0) and strings of our own.

Usage: python3 texts.py <scifact folder> <out folder>. Writes documents.txt, queries.txt (real text) and strings.txt
(made strings), one text a line, with `\\n`, `\\r` and `\\\\` written as such. Seeded: the same bytes every time.
"""

import json
import random
import sys

folder, out = sys.argv[1:3]
rng = random.Random(20)


def escape(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def write(name, texts):
    with open(f"{out}/{name}", "w", encoding="utf-8", newline="\n") as file:
        file.writelines(escape(text) + "\n" for text in texts)


corpus = [json.loads(line) for line in open(f"{folder}/corpus.jsonl", encoding="utf-8")]
claims = [json.loads(line)["text"] for line in open(f"{folder}/queries.jsonl", encoding="utf-8")]
documents = [d["title"] + " " + d["text"] for d in rng.sample(corpus, 120)]
documents += [d["title"] + " " + d["text"][: rng.randrange(0, 300)] for d in rng.sample(corpus, 280)]
documents += ["", "the of and", "buffalo " * 15, "buffalo " * 16 + "bison", "buffalo " * 254, "Buffalo's " * 300 + "calf"]
queries = rng.sample(claims, 60)
queries += ["buffalo", "buffalo bison", "cells cells cell protein", "unheardofword", "the", "protein", "calf protein gene"]
write("documents.txt", documents)
write("queries.txt", queries)

characters = list(" \"#*',.;:57asSBzE_\n\u2014\u0085") + [
    chr(c)
    for c in (
        0xA9, 0x2194, 0x300, 0xAD, 0x5D0, 0x5D1, 0x665, 0xE01, 0xE02, 0xE31, 0xAC00, 0x200D, 0x20E3, 0x2139, 0x24C2,
        0x4E00, 0x3007, 0x30A1, 0x30FC, 0x3042, 0xFE0E, 0xFE0F, 0x1F1E6, 0x1F1EB, 0x1F3FB, 0x1F600, 0xE0041, 0xE0062,
        0xE007F, 0x2019, 0xFF07, 0xB7, 0x202F, 0x203F, 0xFF13, 0x10400, 0x20000, 0x130, 0x3A3, 0x391, 0x1E9E, 0x1F170,
        0xE9, 0xC9, 0x212A, 0x17F, 0xFF33, 0x3030, 0xF40, 0x17D2,
    )
]
hebrew = list("'\".,:_a1 ") + [chr(c) for c in (0x5D0, 0x5D1, 0x2019, 0x300, 0x30A2)]
emoji = list("#5a ") + [
    chr(c)
    for c in (
        0xA9, 0x1F600, 0x200D, 0xFE0F, 0xFE0E, 0x1F3FB, 0xE0041, 0xE007F, 0x20E3, 0x1F1E6, 0x2139, 0x300, 0xE31,
    )
]
suffixes = (
    "s es ed ing ly ation ational izer ness ement ment ent al ive ize able ible ion ous iti icate ful ality biliti logi "
    "ll zz ss y e"
).split()


def anything():
    while True:
        code = rng.choice([rng.randrange(0x80, 0x3000), rng.randrange(0x80, 0x10000), rng.randrange(0x10000, 0x110000)])
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def word():
    stem = "".join(rng.choice("aeiouybcdlnrstxwz") for _ in range(rng.randrange(1, 7)))
    return stem + "".join(rng.choice(suffixes) for _ in range(rng.randrange(0, 3)))


strings = []
for alphabet in (characters, hebrew, emoji):
    strings += ["".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 25))) for _ in range(1000)]
strings += ["".join(anything() for _ in range(rng.randrange(1, 12))) for _ in range(800)]
strings += [" ".join(word() for _ in range(8)) for _ in range(1000)]
for _ in range(60):
    few = rng.sample(characters, 2)
    strings.append("".join(rng.choice(few) * rng.choice([1, 3, 250, 253, 254, 255, 256]) for _ in range(3)))
for _ in range(20):
    few = rng.sample(characters, 3)
    strings.append("".join(rng.choice(few) for _ in range(rng.randrange(240, 600))))
write("strings.txt", strings)
