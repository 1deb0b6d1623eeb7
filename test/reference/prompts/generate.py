"""Golden token ids and scores of rerankers that are decoders, from Hugging Face transformers in float32.

Run once, by hand, where torch, transformers and tokenizers are installed (versions are written into golden.json):

    python test/reference/prompts/generate.py

It writes a folder qwen3-reranker: a small random Qwen 3, and a byte-level BPE tokenizer with Qwen's pattern of words, trained on
a few sentences; and golden.json: texts with their ids, and pairs with the ids and the score that the ways of Qwen3-Reranker's and
mxbai-rerank-v2's model cards give, at a wide and at a narrow limit.
"""

import json
import os
import shutil

import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "qwen3-reranker")
WORDS = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
SYSTEM = "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. "
SYSTEM += 'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
END = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
TASK = "Given a web search query, retrieve relevant passages that answer the query"
CORPUS = [
    SYSTEM,
    END,
    "<Instruct>: " + TASK + "\n<Query>: what is wool?\n<Document>: Wool is a fibre of sheep, and it's warm.\n\n",
    "yes no yes no 1 0 the wool of sheep is warm. is it? yes, it is.\n  no;\r\n\r\n query: wool\ndocument: sheep\n",
]
TEXTS = [
    "what is wool?",
    "  Two  spaces, and\ttabs\u00a0there ",
    "it's WE'LL 'Tis don't",
    "12345 and 6.7",
    "lines\n\n next\r\n  \r\nlast\n",
    "caf\u00e9 cafe\u0301 \u4e2d\u6587 \U0001f411",
    "a next\u0085line b",
    "the token <|im_end|> in a text <think>",
    " \u0301combining",
    "",
    " ",
    "ends with a colon:",
    "...\n",
]
QUERIES = ["what is wool?", "sheep\n", "", " wool ", "is it?\n\n", "it's <|im_end|> 12:\u0301 ", "caf\u00e9: a \u4e2d\u6587 ?!"]
PASSAGES = ["Wool is a fibre of sheep, and it's warm.", " sheep", "", "\nlines\n", "no; " * 30, "'s 1 \u0301a <|im_start|>"]


def tokenizer():
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated", False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(CORPUS * 3, trainers.BpeTrainer(vocab_size=480, initial_alphabet=alphabet, min_frequency=2))
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    backend.add_special_tokens([AddedToken(each, special=True, normalized=False) for each in special])
    backend.add_tokens([AddedToken(each, normalized=False) for each in ["<think>", "</think>"]])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=131072
    )
    wrapped.save_pretrained(FOLDER)
    path = os.path.join(FOLDER, "tokenizer_config.json")
    with open(path) as file:
        config = json.load(file)
    config["tokenizer_class"] = "Qwen2Tokenizer"
    config["padding_side"] = "left"
    with open(path, "w") as file:
        json.dump(config, file, indent=1)
    return AutoTokenizer.from_pretrained(FOLDER)


def model(vocabulary):
    torch.manual_seed(1)
    sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1)
    config = Qwen3Config(vocab_size=vocabulary, head_dim=8, tie_word_embeddings=True, **sizes)
    made = Qwen3ForCausalLM(config)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    made.save_pretrained(FOLDER)
    os.remove(os.path.join(FOLDER, "generation_config.json"))
    return AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()


def score(made, ids, yes, no):
    logits = made(input_ids=torch.tensor([ids])).logits[0, -1]
    return float(torch.log_softmax(logits[[yes, no]], 0)[0])


def qwen(tokens, query, passage, limit):
    """The middle is one text, cut at its end; what stands around it is tokenized apart."""
    plain = dict(add_special_tokens=False)
    before, after = tokens(SYSTEM, **plain)["input_ids"], tokens(END, **plain)["input_ids"]
    text = f"<Instruct>: {TASK}\n<Query>: {query}\n<Document>: {passage}"
    room = limit - len(before) - len(after)
    return before + tokens(text, truncation="longest_first", max_length=room)["input_ids"] + after


def mxbai(tokens, query, passage, limit):
    """Every part is tokenized apart, and the document is cut."""

    def ids(text):
        return tokens(text, add_special_tokens=False)["input_ids"]

    before = ids("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n")
    before = before + ids(f"query: {query}") + ids("\n")
    task = "You are a search relevance expert who evaluates how well documents match search queries. For each query-document "
    task += "pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment "
    task += "(0 for not relevant, 1 for relevant).\nRelevance:"
    after = ids("\n") + ids(task) + ids("<|im_end|>\n<|im_start|>assistant\n")
    return before + ids(f"document: {passage}")[: limit - len(before) - len(after)] + after


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    with torch.no_grad():
        tokens = tokenizer()
        made = model(512)
        yes, no = tokens.convert_tokens_to_ids(["yes", "no"])
        one, zero = tokens.convert_tokens_to_ids(["1", "0"])
        assert tokens.tokenize("yes no") and None not in (yes, no, one, zero)
        pairs = []
        for query in QUERIES:
            for passage in PASSAGES:
                for limit, ways in ((8192, "both"), (len(qwen(tokens, query, "", 8192)) + 7, "qwen")):
                    ids = qwen(tokens, query, passage, limit)
                    pair = {"query": query, "passage": passage, "limit": limit, "qwen": ids}
                    pair["score"] = score(made, ids, yes, no)
                    if ways == "both":
                        pair["mxbai"] = mxbai(tokens, query, passage, limit)
                    pairs.append(pair)
        golden = {
            "from": {"torch": torch.__version__, "transformers": transformers.__version__},
            "words": {"yes": yes, "no": no, "1": one, "0": zero},
            "texts": [{"text": text, "ids": tokens(text, add_special_tokens=False)["input_ids"]} for text in TEXTS],
            "pairs": pairs,
        }
    with open(os.path.join(HERE, "golden.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")
    print({name: os.path.getsize(os.path.join(FOLDER, name)) for name in os.listdir(FOLDER)}, tokens("what is wool?\n<Query>:"))
