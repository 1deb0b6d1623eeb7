"""Small random folders as sentence-transformers and transformers save them, each with its own scores.

python test/reference/sentence-transformers/generate.py    (sentence-transformers 6.2.0, transformers 5.24.0, torch 2.15.0)

Every folder under `folders/` is one that `SentenceTransformer.save_pretrained`, `CrossEncoder.save_pretrained` or transformers'
`save_pretrained` wrote, or such a folder with the one change that its case is about. `golden.json` holds the texts and, for each
folder, the scores of all queries with all passages: of a bi-encoder `similarity(encode_query(…), encode_document(…))`, of a
cross-encoder `predict(…)`, with several labels a row for each pair.
"""

import json
import random
import shutil
import warnings
from pathlib import Path

import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertForSequenceClassification,
    AlbertModel,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DebertaV2ForSequenceClassification,
    DebertaV2Model,
    DistilBertForSequenceClassification,
    DistilBertModel,
    DistilBertTokenizer,
    Gemma3TextConfig,
    Gemma3TextModel,
    GemmaTokenizer,
    ModernBertForSequenceClassification,
    ModernBertModel,
    MPNetForSequenceClassification,
    MPNetModel,
    MPNetTokenizer,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
)

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
HERE = Path(__file__).parent
OUT = HERE / "folders"
WORDS = """coat boots red blue wool winter summer garden hose table chair oak pine lamp light dark green silver spoon fork
knife plate bowl cup glass water river stone bridge road car wheel engine""".split()


def tokenizer_file(path: Path) -> None:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *"abcdefghijklmnopqrstuvwxyz:,.", *("##" + c for c in "abcdefghijklmnopqrstuvwxyz")]
    ids = {piece: i for i, piece in enumerate(pieces)}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    made.save(str(path))


def base(cls, name: str, seed: int, **config) -> Path:
    """A plain transformers folder with random weights that are large enough to matter."""
    torch.manual_seed(seed)
    shape = dict(vocab_size=len(WORDS) + 60, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
    made = cls(BertConfig(**(shape | dict(max_position_embeddings=64, initializer_range=0.5) | config))).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    path = Path("/tmp") / f"rankdag-base-{name}"
    shutil.rmtree(path, ignore_errors=True)
    made.save_pretrained(path)
    tokenizer_file(path / "raw.json")
    transformers.BertTokenizer(vocab=Tokenizer.from_file(str(path / "raw.json")).get_vocab()).save_pretrained(path)
    (path / "raw.json").unlink()
    return path


def texts() -> tuple[list[str], list[str]]:
    source = random.Random(7)
    draw = lambda n: " ".join(source.choice(WORDS) for _ in range(n))
    queries = [draw(n) for n in (2, 4, 7, 14)] + ["Rd, wheel: KNIFE"]
    return queries, ["", *(draw(n) for n in (1, 5, 9, 16, 26, 45))]


QUERIES, PASSAGES = texts()
golden: dict = {"versions": {}, "queries": QUERIES, "passages": PASSAGES, "cases": {}}


def put(name: str, kind: str, scores) -> None:
    golden["cases"][name] = {"kind": kind, "scores": [[float(f"{x:.9g}") for x in row] for row in torch.as_tensor(scores).tolist()]}


def base_roberta(name: str, seed: int) -> Path:
    """As `base`, with RoBERTa's bytes, to which a space at a text's end is a token."""
    path = Path("/tmp") / f"rankdag-base-{name}"
    shutil.rmtree(path, ignore_errors=True)
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator((QUERIES + PASSAGES) * 20, trainer)
    file = json.loads(made.to_str())["model"]
    tokenizer = RobertaTokenizer(vocab=file["vocab"], merges=[tuple(merge) for merge in file["merges"]])
    tokenizer.save_pretrained(path)
    torch.manual_seed(seed)
    shape = dict(vocab_size=len(tokenizer) + 3, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
    model = RobertaModel(RobertaConfig(**shape, max_position_embeddings=66, initializer_range=0.5, type_vocab_size=1, pad_token_id=1)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    model.save_pretrained(path)
    return path


def base_family(cls, tokenizer: str, name: str, seed: int, **config) -> Path:
    """As `base`, of another family, with a tokenizer of ../tokenizers."""
    path = Path("/tmp") / f"rankdag-base-{name}"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(HERE.parent / "tokenizers" / tokenizer, path)
    torch.manual_seed(seed)
    tokens = AutoTokenizer.from_pretrained(path)
    special = {f"{part}_token_id": getattr(tokens, f"{part}_token_id") for part in ("pad", "bos", "eos", "cls", "sep")}
    shape = dict(vocab_size=len(tokens), hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=12)
    made = cls(cls.config_class(**(shape | special | dict(initializer_range=0.5) | config))).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    made.save_pretrained(path)
    return path


def modernbert(cls, **config):
    sizes = dict(max_position_embeddings=64, local_attention=16) | config
    return lambda name, seed: base_family(cls, "modernbert", name, seed, **sizes)


def deberta(cls, **config):
    published = dict(relative_attention=True, position_buckets=8, max_position_embeddings=64, norm_rel_ebd="layer_norm", share_att_key=True)
    more = dict(position_biased_input=False, pos_att_type="p2c|c2p")
    return lambda name, seed: base_family(cls, "deberta", name, seed, **published, **more, **config)


def relative(cls, tokenizer=transformers.BertTokenizer, **config):
    """As `base`, of a family that has words as BERT's."""

    def make(name: str, seed: int) -> Path:
        path = Path("/tmp") / f"rankdag-base-{name}"
        shutil.rmtree(path, ignore_errors=True)
        torch.manual_seed(seed)
        shared = dict(vocab_size=len(WORDS) + 60, initializer_range=0.5)
        made = cls(cls.config_class(**(shared | config))).eval()
        with torch.no_grad():
            for weight in made.parameters():
                weight.add_(torch.randn_like(weight) * 0.05)
        made.save_pretrained(path)
        tokenizer_file(path / "raw.json")
        vocab = Tokenizer.from_file(str(path / "raw.json")).get_vocab()
        if tokenizer is MPNetTokenizer:
            names = {"[PAD]": "<s>", "[UNK]": "<pad>", "[CLS]": "</s>", "[SEP]": "[UNK]", "[MASK]": "<mask>"}
            vocab = {names.get(piece, piece): each for piece, each in vocab.items()}
        tokenizer(vocab=vocab).save_pretrained(path)
        (path / "raw.json").unlink()
        return path

    return make


def relatives() -> None:
    sizes = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
    distilled = dict(dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=64, tokenizer=DistilBertTokenizer)
    shared = sizes | dict(embedding_size=6, max_position_embeddings=64)
    buckets = sizes | dict(max_position_embeddings=66, tokenizer=MPNetTokenizer)
    prompts = {"query": "red query: ", "document": "blue stone: "}
    bi("bi-distilbert-last", 41, {"pooling_mode": "lasttoken"}, make=relative(DistilBertModel, **distilled))
    bi("bi-albert-max", 42, {"pooling_mode": "max"}, make=relative(AlbertModel, **shared))
    left_out = {"pooling_mode": "weightedmean", "include_prompt": False}
    bi("bi-mpnet-weighted", 43, left_out, make=relative(MPNetModel, **buckets), prompts=prompts)
    bi("bi-sqrt", 44, {"pooling_mode": "mean_sqrt_len_tokens"}, similarity_fn_name="dot")
    one = dict(num_labels=1)
    cross("cross-distilbert", 45, 1, make=relative(DistilBertForSequenceClassification, **distilled, **one))
    cross("cross-albert", 46, 1, make=relative(AlbertForSequenceClassification, **shared, **one))
    cross("cross-mpnet", 47, 1, make=relative(MPNetForSequenceClassification, **buckets, **one))


def dense(seed: int, inputs: int, outputs: int, activation=None, bias: bool = True) -> Dense:
    torch.manual_seed(seed)
    made = Dense(inputs, outputs, bias=bias, activation_function=activation or torch.nn.Identity())
    with torch.no_grad():
        made.linear.weight.mul_(4)
    return made


def embedded(tokenizer, model, end: list[str]):
    """A decoder as encoders of text are published: a template puts tokens around every text, padding stands on the left."""

    def make(name: str, seed: int) -> Path:
        path = Path("/tmp") / f"rankdag-base-{name}"
        shutil.rmtree(path, ignore_errors=True)
        tokens = tokenizer()
        ids = [(each, tokens.convert_tokens_to_ids(each)) for each in end]
        before = "<bos> " if len(end) == 2 else ""
        tokens._tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{before}$A {end[-1]}", pair=f"{before}$A $B {end[-1]}", special_tokens=ids
        )
        tokens.save_pretrained(path)
        torch.manual_seed(seed)
        made = model(len(tokens)).eval()
        with torch.no_grad():
            for weight in made.parameters():
                weight.add_(torch.randn_like(weight) * 0.05)
        made.save_pretrained(path)
        return path

    return make


def gemma_tokenizer():
    made = Tokenizer(models.BPE(fuse_unk=True, unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "\u2581")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    made.train_from_iterator(WORDS * 4 + [f" {word}" for word in WORDS] * 4, trainers.BpeTrainer(vocab_size=420, special_tokens=special))
    file = json.loads(made.to_str())["model"]
    return GemmaTokenizer(vocab=file["vocab"], merges=[tuple(merge) for merge in file["merges"]], model_max_length=2048)


def qwen_tokenizer():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator((QUERIES + PASSAGES) * 20, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    file = json.loads(made.to_str())["model"]
    tokens = Qwen2Tokenizer(
        vocab=file["vocab"], merges=[tuple(merge) for merge in file["merges"]], padding_side="left", model_max_length=131072
    )
    tokens.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "eos_token": "<|im_end|>"})
    return tokens


def dense_modules() -> None:
    """Modules Dense, and the layouts of EmbeddingGemma and Qwen3-Embedding."""
    bi("bi-dense", 51, {}, [dense(52, 8, 6, torch.nn.Tanh())])
    several = [dense(54, 8, 12, torch.nn.GELU()), dense(55, 12, 9, torch.nn.ReLU()), Normalize(), dense(56, 9, 5, torch.nn.Sigmoid())]
    bi("bi-dense-orders", 53, {}, [Normalize(), *several], similarity_fn_name="dot", truncate_dim=4)
    sizes = dict(hidden_size=16, num_hidden_layers=6, num_attention_heads=2, num_key_value_heads=1, intermediate_size=12, head_dim=8)
    window = dict(sliding_window=8, use_bidirectional_attention=True, initializer_range=0.3, query_pre_attn_scalar=8)
    layers = [dense(58, 16, 24, bias=False), dense(59, 24, 16, bias=False), Normalize()]
    gemma = lambda size: Gemma3TextModel(Gemma3TextConfig(vocab_size=size, **sizes, **window))
    prompts = {"query": "task: search result | query: ", "document": "title: none | text: "}
    bi("bi-embedding-gemma", 57, {}, layers, make=embedded(gemma_tokenizer, gemma, ["<bos>", "<eos>"]), prompts=prompts)
    small = sizes | dict(num_hidden_layers=2, initializer_range=0.3, tie_word_embeddings=True)
    qwen = lambda size: Qwen3ForCausalLM(Qwen3Config(vocab_size=size, **small))
    task = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    last = {"pooling_mode": "lasttoken", "include_prompt": True}
    make = embedded(qwen_tokenizer, qwen, ["<|endoftext|>"])
    bi("bi-qwen3-embedding", 60, last, [Normalize()], make=make, prompts={"query": task, "document": ""})


def families() -> None:
    relatives()
    dense_modules()
    bi("bi-modernbert", 31, {"pooling_mode": "cls"}, make=modernbert(ModernBertModel), limit=64)
    cross("cross-modernbert", 32, 1, make=modernbert(ModernBertForSequenceClassification, num_labels=1, classifier_pooling="mean"))
    bi("bi-deberta", 33, make=deberta(DebertaV2Model), limit=64)
    cross("cross-deberta", 34, 1, make=deberta(DebertaV2ForSequenceClassification, num_labels=1), max_length=64)


def bi(name: str, seed: int, pooling: dict = {}, modules: list = [], limit: int | None = None, make=None, **settings) -> None:
    path = (make or (lambda *of: base(BertModel, *of)))(name, seed)
    transformer = Transformer(str(path))
    if limit is not None:
        transformer.max_seq_length = limit
    pooled = Pooling(transformer.get_embedding_dimension(), **pooling)
    model = SentenceTransformer(modules=[transformer, pooled, *modules], device="cpu", **settings)
    model.save_pretrained(str(OUT / name), create_model_card=False)
    bi_scores(name)


def bi_scores(name: str) -> None:
    model = SentenceTransformer(str(OUT / name), device="cpu")
    put(name, "bi", model.similarity(model.encode_query(QUERIES), model.encode_document(PASSAGES)))


def cross(name: str, seed: int, labels: int, config: dict = {}, make=None, **settings) -> None:
    path = (make or (lambda *of: base(BertForSequenceClassification, *of, num_labels=labels, **config)))(name, seed)
    model = CrossEncoder(str(path), device="cpu", **settings)
    model.save_pretrained(str(OUT / name), create_model_card=False)
    cross_scores(name)


def cross_scores(name: str, **settings) -> None:
    model = CrossEncoder(str(OUT / name), device="cpu")
    scores = model.predict([(q, p) for q in QUERIES for p in PASSAGES], **settings)
    put(name, "cross", scores.reshape(len(QUERIES), len(PASSAGES), -1).reshape(len(QUERIES), -1))


def edit(name: str, file: str, **fields) -> None:
    path = OUT / name / file
    content = json.loads(path.read_text())
    content.update(fields)
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}, indent=2) + "\n")


def copy(name: str, of: str) -> None:
    shutil.copytree(OUT / of, OUT / name)


def main() -> None:
    import sentence_transformers

    golden["versions"] = {"sentence-transformers": sentence_transformers.__version__, "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    bi("bi-mean", 1)
    bi("bi-cls", 2, {"pooling_mode": "cls"}, [Normalize()])
    bi("bi-limit", 3, limit=12)
    bi("bi-prompts", 4, prompts={"query": "red query: ", "document": "blue stone"})
    bi("bi-default-prompt", 5, prompts={"find": "red query: "}, default_prompt_name="find")
    bi("bi-truncated", 6, truncate_dim=3)
    bi("bi-prompt-left-out", 7, {"include_prompt": False}, prompts={"query": "red query: ", "document": "stone bridge, dark: "})
    bi("bi-dot", 8, similarity_fn_name="dot")
    bi("bi-dot-truncated", 9, {}, [Normalize()], similarity_fn_name="dot", truncate_dim=3)
    bi("bi-roberta", 24, {"include_prompt": False}, limit=20, make=base_roberta, prompts={"query": "red query: ", "document": "blue stone: "})
    copy("bi-old-limit", "bi-mean")
    edit("bi-old-limit", "sentence_bert_config.json", max_seq_length=12, do_lower_case=False)
    bi_scores("bi-old-limit")
    cross("cross-1", 11, 1)
    cross("cross-1-identity", 12, 1, activation_fn=torch.nn.Identity())
    cross("cross-2", 13, 2)
    cross("cross-3", 14, 3, {"id2label": {0: "Exact", 1: "Irrelevant", 2: "Substitute"}, "label2id": {"Exact": 0, "Irrelevant": 1, "Substitute": 2}})
    cross("cross-3-sigmoid", 15, 3, activation_fn=torch.nn.Sigmoid())
    cross("cross-prompt", 16, 1, prompts={"shop": "garden lamp: ", "none": ""}, default_prompt_name="shop")
    cross("cross-limit", 17, 1, max_length=20)
    copy("cross-backend", "cross-1")
    edit("cross-backend", "tokenizer_config.json", tokenizer_class="TokenizersBackend", model_input_names=...)
    cross_scores("cross-backend")
    copy("cross-fast", "cross-1")
    edit("cross-fast", "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", model_input_names=...)
    cross_scores("cross-fast")
    families()
    for name, case in golden["cases"].items():
        case["bytes"] = sum(f.stat().st_size for f in (OUT / name).rglob("*") if f.is_file())
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
