"""Small tokenizers of parts that @huggingface/tokenizers reads otherwise than tokenizers, or that few models have, and their tokens.

    python test/reference/tokenizers/parts.py    (tokenizers 0.23.3)

- `parts.json`: texts, and for each tokenizer its tokenizer.json and the ids of every text without special tokens
"""

import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, trainers
from tokenizers import pre_tokenizers as splitters

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "bpe-training.json"), encoding="utf-8") as file:
    SENTENCES = json.load(file)["sentences"][:40]
SENTENCES += ["L'été déjà à la façon; naïve café 12,345.67", "snake_case (foo-bar/baz.qux) 'end'. 日本語 テスト"]
TEXTS = SENTENCES[:3] + SENTENCES[-2:] + [
    "", " ", "  leading and  trailing  ", "İstanbul ΣΑΣ ς ẞ", "e\u0301 vs é", "(((a))) -- b.c..d", "Ünïcödé ﬁnance ① ½ ＡＢＣ",
    "русский текст 中文 한국어", "word\u200bzero a\u00a0b c\u0085d", "x foo-  bar  foo-bar Text text", "1st 2,3 A1B2", "¡¿«q»‽ …", "don't 'I'm'", "\ufefftitle \ufeff of", "a \x85 of\x85the \x85\x85is",
    "a\u2581 of \u2581the\u2581\u2581in  \u2581", "\u2581 the",
]
MODELS = {
    "bpe": lambda: (models.BPE(unk_token="<unk>"), trainers.BpeTrainer),
    "bpe-fused": lambda: (models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer),
    "bpe-suffix": lambda: (models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), trainers.BpeTrainer),
    "bpe-prefix": lambda: (models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), trainers.BpeTrainer),
    "wordpiece": lambda: (models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer),
    "wordlevel": lambda: (models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer),
    "unigram": lambda: (models.Unigram(), trainers.UnigramTrainer),
}
SPLITTERS = {
    "spaces": splitters.WhitespaceSplit(),
    "bert": splitters.BertPreTokenizer(),
    "words": splitters.Whitespace(),
    "bytes": splitters.ByteLevel(add_prefix_space=False),
    "metaspace": splitters.Metaspace(),
    "metaspace-first": splitters.Metaspace(prepend_scheme="first"),
    "metaspace-whole": splitters.Metaspace(split=False),
    "spaces-metaspace": splitters.Sequence([splitters.WhitespaceSplit(), splitters.Metaspace()]),
    "digits": splitters.Digits(True),
    **{
        f"punctuation-{behavior}": splitters.Punctuation(behavior)
        for behavior in ["isolated", "contiguous", "removed", "merged_with_previous", "merged_with_next"]
    },
    **{
        f"split-{behavior}": splitters.Split(Regex(r"[,. ]|\d"), behavior)
        for behavior in ["isolated", "contiguous", "removed", "merged_with_previous", "merged_with_next"]
    },
    "split-text": splitters.Split(" ", "merged_with_next"),
    "found": splitters.Split(Regex(r"\w+|[^\w\s]"), "removed", invert=True),
    "several": splitters.Sequence([splitters.Whitespace(), splitters.Punctuation("merged_with_previous"), splitters.Digits(True)]),
}
NORMALIZERS = {
    "nfkc": normalizers.NFKC(),
    "stripped": normalizers.Strip(),
    "replaced": normalizers.Replace(Regex(r"\s+"), " "),
}
ADDED = {
    "hyphen": AddedToken("foo-", lstrip=True),
    "single": AddedToken("bar", single_word=True),
    "raw": AddedToken("Text", normalized=False, rstrip=True),
}
CASES = [
    *[("wordpiece", splitter, None, None) for splitter in SPLITTERS if splitter != "bytes"],
    *[(model, splitter, None, None) for model in ("bpe-suffix", "wordlevel") for splitter in ("words", "metaspace", "split-text")],
    *[("bpe-fused", splitter, None, None) for splitter in ("spaces", "words", "bytes", "metaspace")],
    *[("unigram", splitter, None, None) for splitter in ("spaces", "words", "found", "metaspace", "spaces-metaspace")],
    *[("unigram", "spaces", normalizer, None) for normalizer in NORMALIZERS],
    *[(model, "metaspace", None, "hyphen") for model in ("unigram", "bpe")],
    *[("bpe", "spaces", None, added) for added in ("single", "raw")],
    ("bpe", "bytes", None, None),
    ("bpe-prefix", "spaces", None, None),
]


def made(model, splitter, normalizer, added):
    part, trainer = MODELS[model]()
    tokenizer = Tokenizer(part)
    tokenizer.pre_tokenizer = SPLITTERS[splitter]
    if normalizer is not None:
        tokenizer.normalizer = NORMALIZERS[normalizer]
    options = {"vocab_size": 130, "special_tokens": ["<unk>"], "show_progress": False}
    if model == "unigram":
        options["unk_token"] = "<unk>"
    else:
        options["limit_alphabet"] = 60
    for affix in ("end_of_word_suffix", "continuing_subword_prefix"):
        if model.startswith("bpe") and getattr(part, affix) is not None:
            options[affix] = getattr(part, affix)
    if model == "wordlevel":
        options.pop("limit_alphabet")
    tokenizer.train_from_iterator(SENTENCES, trainer(**options))
    if added is not None:
        tokenizer.add_tokens([ADDED[added]])
    name = " ".join(each for each in (model, splitter, normalizer, added) if each is not None)
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    return {"name": name, "file": json.loads(tokenizer.to_str()), "ids": ids}


with open(os.path.join(HERE, "parts.json"), "w", encoding="utf-8") as file:
    json.dump({"texts": TEXTS, "tokenizers": [made(*case) for case in CASES]}, file, ensure_ascii=False, separators=(",", ":"))
    file.write("\n")
