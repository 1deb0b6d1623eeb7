"""Small tokenizers as transformers saves those of ModernBERT and DeBERTa-v2, and what they encode golden.json's texts to.

    python test/reference/tokenizers/families.py    (transformers 5.24.0, tokenizers; after make.py, of whose pieces DeBERTa's are made)

- `modernbert/`: BPE on bytes, NFC, runs of spaces as added tokens, a mask that takes the space before it; `PreTrainedTokenizerFast`
- `deberta/`: unigram, saved by `DebertaV2Tokenizer`; its tokenizer.json is then given the normalisation rules that transformers 4
  wrote, which the class of transformers 5 passes over
- `families.json`: for each the ids of golden.json's texts and of `extra` without special tokens, and of pairs with them
"""

import json
import os
import shutil

import transformers
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, DebertaV2Tokenizer, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "golden.json"), encoding="utf-8") as file:
    TEXTS = json.load(file)["texts"]
with open(os.path.join(HERE, "bpe-training.json"), encoding="utf-8") as file:
    SENTENCES = json.load(file)["sentences"]
EXTRA = [
    "a [SEP] b[MASK]c", "x [MASK] y", "two  three   four    end", "tab\tnew\nline\r\n  both", "no\u00a0break \u00a0 runs\u00a0",
    "ﬁne ½ … ™ № ①", "ends in a space ", "ends in two  ", "\n", "it's we'll I'VE don't", "  \u3000 wide", "e\u0301 and \u00e9",
    "x\u2028y z\u0085w", "[CLS][PAD]", "ΑΣ Σ ΟΔΟΣ", "12345 678", "a\u2581b \u2581 c", "\u00a0", " \u00a0",
]


def clean(name):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def modernbert():
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(SENTENCES, trainer)
    made.add_tokens([AddedToken(" " * n, normalized=True, special=False) for n in range(8, 1, -1)])
    made.add_special_tokens([AddedToken("[MASK]", lstrip=True, normalized=False)])
    ids = {name: made.token_to_id(name) for name in special}
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, ids[name]) for name in ("[CLS]", "[SEP]")],
    )
    names = dict(zip(("unk_token", "cls_token", "sep_token", "pad_token", "mask_token"), special))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=8192, model_input_names=["input_ids", "attention_mask"], **names
    )
    tokenizer.save_pretrained(clean("modernbert"))


def deberta():
    with open(os.path.join(HERE, "unigram/spiece.model"), "rb") as file:
        proto = pb.ModelProto.FromString(file.read())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces if piece.type == 1]
    vocab = [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0), *pieces, ("[MASK]", 0.0)]
    tokenizer = DebertaV2Tokenizer(vocab=vocab, vocab_type="spm", do_lower_case=False)
    folder = clean("deberta")
    tokenizer.save_pretrained(folder)
    path = os.path.join(folder, "tokenizer.json")
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    old = Tokenizer(models.Unigram(vocab, unk_id=3))
    # A rule or two stand in for the model's own, which would be a quarter of a megabyte.
    old.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Replace("…", "...")])
    content["normalizer"] = json.loads(old.to_str())["normalizer"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)


modernbert()
deberta()
golden = {"transformers": transformers.__version__, "extra": EXTRA}
for name in ("modernbert", "deberta"):
    tokenizer = AutoTokenizer.from_pretrained(os.path.join(HERE, name))
    print(type(tokenizer).__name__, len(tokenizer), tokenizer.backend_tokenizer.normalizer)
    pairs = [tokenizer(TEXTS[i], TEXTS[-1 - i]) for i in range(20)]
    golden[name] = {
        "ids": [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS + EXTRA],
        "pairs": [{"ids": e["input_ids"], "types": e.get("token_type_ids", [0] * len(e["input_ids"]))} for e in pairs],
    }
with open(os.path.join(HERE, "families.json"), "w") as out:
    json.dump(golden, out, ensure_ascii=True, separators=(",", ":"))
    out.write("\n")
