"""Trains the tiny tokenizers beside this file with the reference libraries, and writes what those encode texts to.

    pip install sentencepiece tokenizers protobuf
    python make.py

- `unigram/spiece.model`: unigram in T5's manner (nmt_nfkc, dummy prefix, pad 0, eos 1, unk 2), encoded by sentencepiece
- `bytes.model`: unigram with byte fallback, user-defined pieces and a few normalisation rules of its own
- `bpe/tokenizer.model`: BPE in Gemma's manner (identity, byte fallback, no dummy prefix, split digits, user-defined pieces)
- `unused.model`: a BPE without byte fallback of which half the merged pieces are marked unused
- `rules/tokenizer.json`: unigram with precompiled rules, encoded by Hugging Face's tokenizers (as T5's tokenizer.json)
- `bert/tokenizer.json` and `bert/vocab.txt`: WordPiece, encoded by Hugging Face's tokenizers
- `bpe-training.json`: sentences, and the vocabulary and merges that Hugging Face's trainer learns from them
- `golden.json`: the texts, and for each tokenizer their ids

Trained on the sentences below only; the tokenizers know few words, so that rare paths are walked often.
"""
import io, json, os, random, tempfile, unicodedata
import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

here = os.path.dirname(os.path.abspath(__file__))
rnd = random.Random(11)

subjects = "the old mill|a velvet library|our lighthouse|the council of Myrerford|every ferry|the ghost of the tower|an engineer|the museum's keeper".split("|")
verbs = "opens|was built in 1874 by|remembers|lies beside|charges two coins for|never found|restored|stands above".split("|")
objects = "the harbour|a granite bridge|its owner, Ada Fenn|the naïve café|the river at noon|12 silver needles|«the red book»|a garden with 300 roses".split("|")
ends = ". | in winter. |; nobody knows why. |? | – they say… |! | (since 1902). ".split("|")
sentences = [f"{s} {v} {o}{e}".strip().capitalize() for s in subjects for v in verbs for o in objects for e in rnd.sample(ends, 2)]
rnd.shuffle(sentences)


def character():
    r = rnd.random()
    if r < 0.35:
        return chr(rnd.randrange(0x20, 0x7F))
    if r < 0.5:
        return " "
    if r < 0.6:
        return chr(rnd.randrange(0x80, 0x500))
    if r < 0.68:
        return chr(rnd.randrange(0x300, 0x370))
    if r < 0.9:
        return rnd.choice("éèﬁ①½™…–—“”’‘\u200b\u200d\ufe0f\u00a0\t\n\r\u2028\u3000ｆｕ～㎏ﾊﾟ가힣ㄱ😂👍🏽👩À́ŐőΣςİıßẞǄº²³µΩÅ生活真谛\U00020000\x00\x07\x85")
    # Characters of an old Unicode: the reference's BERT tokenizer knows no newer marks and punctuation.
    while True:
        c = chr(rnd.choice([rnd.randrange(0x500, 0xD800), rnd.randrange(0x10000, 0x11000)]))
        if unicodedata.ucd_3_2_0.category(c) != "Cn":
            return c


texts = ["", " ", "  a  b ", "a", "生活的真谛是", "x" * 120, "1234567890", "\n\n\n", "  \t <b>bold</b>  <tag1><tag1>", "a<tag1> b", "naïve café", "e\u0301te\u0301", "  lead", "trail  "]
texts += rnd.sample(sentences, 30)
texts += ["".join(character() for _ in range(rnd.randrange(1, 26))) for _ in range(160)]
# A literal U+2581, or the name of a special token, is where this project departs from SentencePiece on purpose.
texts = [t.replace("\u2581", "_") for t in texts]


def train(**options):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=model, num_threads=1, minloglevel=2, hard_vocab_limit=False, **options)
    return model.getvalue()


def write(path, data):
    os.makedirs(os.path.dirname(os.path.join(here, path)), exist_ok=True)
    with open(os.path.join(here, path), "wb") as out:
        out.write(data)


def reduced(model):
    """The model without what no reader needs: where and from what it was trained."""
    proto = pb.ModelProto.FromString(model)
    proto.trainer_spec.ClearField("input")
    proto.normalizer_spec.ClearField("normalization_rule_tsv")
    return proto.SerializeToString(deterministic=True)


golden = {}


def encode(name, model, ties=False):
    """With ties, null where the two best segmentations have one score: there the rounding of 32-bit sums decides."""
    processor = spm.SentencePieceProcessor(model_proto=model)

    def tied(text):
        scores = [sum(map(processor.get_score, ids)) for ids in processor.nbest_encode(text, nbest_size=2)]
        return len(scores) == 2 and abs(scores[0] - scores[1]) < 1e-4

    golden[name] = [None if ties and t and tied(t) else processor.encode(t) for t in texts]


unigram = reduced(train(model_type="unigram", vocab_size=260, normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=0.98))
write("unigram/spiece.model", unigram)
encode("unigram", unigram, ties=True)

rules = [("\u00a0", " "), ("\ufb01", "fi"), ("e\u0301", "é"), ("\u2026", "..."), ("\u30cf\u309a", "\u30d1"), ("\uff8a\uff9f", "\u30d1"), ("\u200b", ""), ("\t", " "), ("\n", " "), ("\r", " "), ("\r\n", " "), ("ß", "ss"), ("À", "A\u0300"), ("\u2019", "'"), ("\u0345", "i")]
with tempfile.NamedTemporaryFile("w", suffix=".tsv", delete=False) as tsv:
    for source, target in rules:
        tsv.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
ruled = reduced(train(model_type="unigram", vocab_size=480, normalization_rule_tsv=tsv.name, byte_fallback=True, user_defined_symbols=["<tag1>", "1874", "<b>"], pad_id=0, eos_id=1, unk_id=2, bos_id=3, character_coverage=0.985, add_dummy_prefix=True))
write("bytes.model", ruled)
encode("bytes", ruled, ties=True)

bpe = reduced(train(model_type="bpe", vocab_size=520, normalization_rule_name="identity", byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True, user_defined_symbols=["<tag1>", "\n", "\n\n", "\u2581\u2581", "\u2581\u2581\u2581", "<b>", "</b>"], pad_id=0, eos_id=1, bos_id=2, unk_id=3, character_coverage=0.98))
write("bpe/tokenizer.model", bpe)
encode("bpe", bpe)

proto = pb.ModelProto.FromString(train(model_type="bpe", vocab_size=300, normalization_rule_name="identity", character_coverage=0.985))
merged = [p for p in proto.pieces if p.type == 1 and len(p.piece) > 1]
for piece in merged[::2]:
    piece.type = 5
proto.trainer_spec.ClearField("input")
unused = proto.SerializeToString(deterministic=True)
write("unused.model", unused)
encode("unused", unused)

charsmap = pb.ModelProto.FromString(ruled).normalizer_spec.precompiled_charsmap
pieces = [(p.piece, p.score) for p in pb.ModelProto.FromString(unigram).pieces]
fast = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
fast.normalizer = normalizers.Precompiled(charsmap)
fast.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
fast.add_special_tokens([AddedToken(t, normalized=False) for t in ["<pad>", "</s>", "<unk>", "<extra_id_1>", "<extra_id_0>"]])
fast.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
fast.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
write("rules/tokenizer.json", fast.to_str().encode())
extra = ["a</s>b", "x <mask> y <extra_id_0>", "<unk><unk>z"]
golden["rules"] = [fast.encode(t, add_special_tokens=False).ids for t in texts + extra]

vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sorted(set("abcdefghijklmnopqrstuvwxyz0123456789.,;!?()'«»–生")) + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
vocabulary += ["the", "ing", "##ing", "lib", "##rary", "##s", "##er", "brid", "##ge", "cafe", "naive", "18", "##74", "##ould", "house", "##house", "light"]
vocabulary = list(dict.fromkeys(vocabulary))
write("bert/vocab.txt", ("\n".join(vocabulary) + "\n").encode())
bert = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=100))
bert.normalizer = normalizers.BertNormalizer()
bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
bert.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
bert.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
write("bert/tokenizer.json", bert.to_str().encode())
golden["bert"] = [bert.encode(t, add_special_tokens=False).ids for t in texts + ["a [SEP] b[MASK]c"]]
pairs = [(texts[i], texts[-1 - i]) for i in range(20)]
golden["bertPairs"] = [{"ids": e.ids, "types": e.type_ids} for e in (bert.encode(a, b) for a, b in pairs)]

trained = Tokenizer(models.BPE(unk_token="<unk>"))
trained.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
trained.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace()])
trainer = trainers.BpeTrainer(vocab_size=250, min_frequency=2, special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False)
trained.train_from_iterator(sentences, trainer)
learnt = json.loads(trained.to_str())["model"]
golden["trained"] = [trained.encode(t, add_special_tokens=False).ids for t in texts]
with open(os.path.join(here, "bpe-training.json"), "w") as out:
    json.dump({"sentences": sentences, "size": 250, "vocab": learnt["vocab"], "merges": learnt["merges"]}, out, ensure_ascii=True, separators=(",", ":"))

with open(os.path.join(here, "golden.json"), "w") as out:
    json.dump({"texts": texts, "rulesExtra": extra, "bertExtra": ["a [SEP] b[MASK]c"], **golden}, out, ensure_ascii=True, separators=(",", ":"))
