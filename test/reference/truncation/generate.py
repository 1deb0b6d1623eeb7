"""Writes golden.json: what transformers makes of pairs that are too long, by strategy, for the layouts of BERT, RoBERTa and T5.

    pip install transformers==5.24.0 sentence-transformers==6.2.0 sentencepiece protobuf
    python generate.py

The tokenizers are those of ../tokenizers/bert, ../sentence-transformers/folders/bi-roberta, and ../tokenizers/rules as class
T5Tokenizer. A case is [query, passage, limit, strategy, ids, token types]; where transformers gives up («Sequence to truncate too
short»), the ids are null. That sentence-transformers' CrossEncoder makes the same ids of a pair is checked here.
"""
import json, os, random, shutil, tempfile
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification
from sentence_transformers import CrossEncoder

here = os.path.dirname(os.path.abspath(__file__))
rnd = random.Random(5)
words = "the old mill opens harbour a velvet library stands above café remembers 1874 lighthouse ferry river».".split()


def text(longest):
    return " ".join(rnd.choice(words) for _ in range(rnd.randrange(longest)))


def folder(name, source, config):
    to = os.path.join(tempfile.mkdtemp(), name)
    os.makedirs(to)
    shutil.copy(os.path.join(here, source), to)
    if config:
        with open(os.path.join(to, "tokenizer_config.json"), "w") as file:
            json.dump(config, file)
    return to


tokenizers = {
    "bert": folder("bert", "../tokenizers/bert/tokenizer.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True}),
    "roberta": os.path.join(here, "../sentence-transformers/folders/bi-roberta"),
    "t5": folder("t5", "../tokenizers/rules/tokenizer.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}),
}
golden = {}
for name, path in tokenizers.items():
    tokenizer = AutoTokenizer.from_pretrained(path)
    cases = []
    for _ in range(30):
        query, passage, limit = text(9), text(14), rnd.randrange(6, 40)
        for strategy in ("longest_first", "only_second"):
            try:
                made = tokenizer([query], [passage], truncation=strategy, max_length=limit, return_token_type_ids=True)
                ids, types = made["input_ids"][0], made["token_type_ids"][0]
            except Exception as error:
                assert "too short" in str(error), error
                ids, types = None, None
            cases.append([query, passage, limit, strategy, ids, types])
            if strategy == "longest_first":
                assert tokenizer([query], [passage], truncation=True, max_length=limit)["input_ids"][0] == ids
    golden[name] = cases

# What sentence-transformers hands to a model.
tokenizer = AutoTokenizer.from_pretrained(tokenizers["bert"])
with tempfile.TemporaryDirectory() as to:
    sizes = dict(vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForSequenceClassification(BertConfig(**sizes, max_position_embeddings=64, num_labels=1)).save_pretrained(to)
    tokenizer.save_pretrained(to)
    for query, passage, limit, strategy, ids, types in golden["bert"]:
        if strategy == "longest_first":
            features = CrossEncoder(to, max_length=limit, device="cpu").preprocess([[query, passage]])
            assert features["input_ids"][0].tolist() == ids, (query, passage, limit)

with open(os.path.join(here, "golden.json"), "w") as file:
    lines = [f'"{name}": [\n' + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]" for name, cases in golden.items()]
    file.write("{\n" + ",\n".join(lines) + "\n}\n")
