"""Stand-ins for the repositories of experiments/off-the-shelf.json: small random weights in each one's own layout.

    pip install transformers==5.24.0 sentence-transformers==6.2.0 torch
    python test/reference/off-the-shelf/make.py FOLDER
    cd FOLDER && npx tsx …/dag.ts --config …/experiments/off-the-shelf.json --dataset …

Each is `FOLDER/<owner>/<name>`, which a run in FOLDER takes for the repository. Class, activation, biases, layout of the files, class of
the tokenizer, prompts, poolings, limits and the places of the tokens that decide are those of the published configuration; widths, layers and vocabularies are small.
"""
import json, os, sys
from pathlib import Path
import torch, transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig, BertForSequenceClassification, BertTokenizer, DebertaV2Config, DebertaV2ForSequenceClassification, DebertaV2Tokenizer,
    ElectraConfig, ElectraForSequenceClassification, ModernBertConfig, ModernBertForSequenceClassification, MPNetConfig, MPNetModel,
    MPNetTokenizer, DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast, Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM,
    T5Config, T5ForConditionalGeneration, T5Tokenizer, XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaTokenizer,
    AlbertConfig, AlbertModel, AlbertTokenizer, GemmaConfig, GemmaForCausalLM, GemmaTokenizer, Gemma3TextConfig, Gemma3TextModel,
    MT5Config, MT5ForConditionalGeneration, Qwen3Model,
)
from safetensors.torch import save_file

transformers.logging.set_verbosity_error()
out = Path(sys.argv[1])
sentences = ["the old tower of the harbour", "fresh bread at the market", "quiet roses in a garden by the river", "a ferry and a lighthouse"]
letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'-:/()"


def place(name):
    path = out / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def save(name, model, tokenizer, **files):
    path = place(name)
    with torch.no_grad():
        torch.manual_seed(7)
        for weight in model.parameters():
            weight.normal_(0, 0.2)
    model.eval().save_pretrained(path)
    tokenizer.save_pretrained(path)
    for file, content in files.items():
        target = path / file.replace("__", "/").replace("_json", ".json")
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(content, indent=2))


def wordpiece(cls, size=300, **options):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({w for s in sentences for w in s.split()}), *letters, *("##" + c for c in letters)]
    return cls(vocab={piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, **options)


def unigram(first, last=()):
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(sentences * 20, trainers.UnigramTrainer(vocab_size=90, initial_alphabet=list(letters), unk_token="<unk>", special_tokens=["<unk>"]))
    learned = [(piece, score) for piece, score in json.loads(made.to_str())["model"]["vocab"] if piece != "<unk>"]
    return [*((piece, 0.0) for piece in first), *learned, *((piece, 0.0) for piece in last)]


def byte_level(special):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(sentences * 20, trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return made


tiny = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
bert = wordpiece(BertTokenizer, model_max_length=512)
cross = {"modules_json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}]}
modules = lambda *more: [
    {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
    for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), *more])
]
pooling = lambda mode, width=16: {"word_embedding_dimension": width, "pooling_mode_cls_token": mode == "cls", "pooling_mode_mean_tokens": mode == "mean", "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}

one = dict(num_labels=1)
save("cross-encoder/ms-marco-TinyBERT-L2-v2", BertForSequenceClassification(BertConfig(vocab_size=len(bert), **tiny, **one, sbert_ce_default_activation_function="torch.nn.modules.linear.Identity")), bert)
save("cross-encoder/ms-marco-MiniLM-L6-v2", BertForSequenceClassification(BertConfig(vocab_size=len(bert), **tiny, **one, sbert_ce_default_activation_function="torch.nn.modules.linear.Identity")), bert)
save("cross-encoder/ms-marco-electra-base", ElectraForSequenceClassification(ElectraConfig(vocab_size=len(bert), embedding_size=16, **tiny, **one, sbert_ce_default_activation_function="torch.nn.modules.linear.Identity")), bert)

xlmr = XLMRobertaTokenizer(vocab=unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"]), model_max_length=8192)
save("BAAI/bge-reranker-v2-m3", XLMRobertaForSequenceClassification(XLMRobertaConfig(vocab_size=len(xlmr), max_position_embeddings=8194, type_vocab_size=1, layer_norm_eps=1e-5, **tiny, **one)), xlmr)

deberta = DebertaV2Tokenizer(vocab=unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], ["[MASK]"]), model_max_length=512)
save("mixedbread-ai/mxbai-rerank-base-v1", DebertaV2ForSequenceClassification(DebertaV2Config(
    vocab_size=len(deberta), relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
    max_relative_positions=-1, position_biased_input=False, type_vocab_size=0, layer_norm_eps=1e-7, pooler_hidden_size=16, pooler_dropout=0, pooler_hidden_act="gelu", **tiny, **one)), deberta)

raw = byte_level(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
raw.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
modern = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]", model_max_length=8192, model_input_names=["input_ids", "attention_mask"])
save("Alibaba-NLP/gte-reranker-modernbert-base", ModernBertForSequenceClassification(ModernBertConfig(
    vocab_size=len(modern), local_attention=128, global_attn_every_n_layers=3, classifier_pooling="mean", pad_token_id=3, cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2,
    **(tiny | dict(num_hidden_layers=4)), **one)), modern)

mpnet = wordpiece(MPNetTokenizer, model_max_length=512)
save("sentence-transformers/all-mpnet-base-v2", MPNetModel(MPNetConfig(vocab_size=len(mpnet) + 10, max_position_embeddings=514, **tiny)), mpnet,
     modules_json=modules(("2_Normalize", "Normalize")), sentence_bert_config_json={"max_seq_length": 384, "do_lower_case": False}, **{"1_Pooling__config_json": pooling("mean")},
     config_sentence_transformers_json={"__version__": {"sentence_transformers": "2.0.0", "transformers": "4.6.1", "pytorch": "1.8.1"}})
distil = wordpiece(BertTokenizer, model_max_length=512, model_input_names=["input_ids", "attention_mask"])
save("sentence-transformers/msmarco-distilbert-base-tas-b", DistilBertModel(DistilBertConfig(vocab_size=len(distil), dim=16, n_layers=2, n_heads=2, hidden_dim=32)), distil,
     modules_json=modules(), sentence_bert_config_json={"max_seq_length": 512, "do_lower_case": False}, **{"1_Pooling__config_json": pooling("cls")},
     config_sentence_transformers_json={"__version__": {"sentence_transformers": "2.0.0"}, "similarity_fn_name": "dot"})
albert = AlbertTokenizer(vocab=unigram(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]), model_max_length=512)
save("sentence-transformers/paraphrase-albert-small-v2", AlbertModel(AlbertConfig(vocab_size=len(albert), embedding_size=8, **tiny)), albert,
     modules_json=modules(), sentence_bert_config_json={"max_seq_length": 100}, **{"1_Pooling__config_json": pooling("mean")})

# monoT5 asks for ▁true and ▁false where T5's vocabulary has them.
pieces = unigram(["<pad>", "</s>", "<unk>"])
pieces += [(f"▁filler{i}", -20.0) for i in range(len(pieces), 6200)]
pieces[1176], pieces[6136] = ("▁true", -8.0), ("▁false", -8.0)
t5 = T5Tokenizer(vocab=pieces, extra_ids=100, model_max_length=512)
small = dict(d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
save("castorini/monot5-base-msmarco", T5ForConditionalGeneration(T5Config(vocab_size=len(t5), decoder_start_token_id=0, feed_forward_proj="relu", **small)), t5)

raw = byte_level([])
qwen_model = json.loads(raw.to_str())["model"]
qwen = Qwen2Tokenizer(vocab=qwen_model["vocab"] | {word: len(qwen_model["vocab"]) + i for i, word in enumerate(["yes", "no"]) if word not in qwen_model["vocab"]},
    merges=[tuple(merge) for merge in qwen_model["merges"]], model_max_length=131072)
qwen.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<think>", "</think>"], "pad_token": "<|endoftext|>", "eos_token": "<|im_end|>"})
save("Qwen/Qwen3-Reranker-0.6B", Qwen3ForCausalLM(Qwen3Config(vocab_size=len(qwen), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, head_dim=8, max_position_embeddings=40960, rope_theta=1000000, tie_word_embeddings=True)), qwen)

# Every text ends with <|endoftext|>, by the template in tokenizer.json.
embedder = Qwen2Tokenizer(vocab=qwen_model["vocab"], merges=[tuple(merge) for merge in qwen_model["merges"]], model_max_length=131072, padding_side="left")
embedder.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "pad_token": "<|endoftext|>", "eos_token": "<|im_end|>"})
end = ("<|endoftext|>", embedder.convert_tokens_to_ids("<|endoftext|>"))
embedder._tokenizer.post_processor = processors.TemplateProcessing(single="$A <|endoftext|>", pair="$A $B <|endoftext|>", special_tokens=[end])
last = {"word_embedding_dimension": 16, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True, "include_prompt": True}
save("Qwen/Qwen3-Embedding-0.6B", Qwen3Model(Qwen3Config(vocab_size=len(embedder), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, head_dim=8, max_position_embeddings=32768, rope_theta=1000000, tie_word_embeddings=True)), embedder,
     modules_json=modules(("2_Normalize", "Normalize")), **{"1_Pooling__config_json": last},
     config_sentence_transformers_json={"prompts": {"query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:", "document": ""}, "default_prompt_name": None, "similarity_fn_name": "cosine"})

# mMARCO's mT5 asks for ▁yes and ▁no.
multilingual = T5Tokenizer(vocab=[*unigram(["<pad>", "</s>", "<unk>"]), ("▁yes", -8.0), ("▁no", -8.0)], extra_ids=100, model_max_length=512)
save("unicamp-dl/mt5-base-mmarco-v2", MT5ForConditionalGeneration(MT5Config(vocab_size=len(multilingual), decoder_start_token_id=0, tie_word_embeddings=False, **small)), multilingual)


def gemma_tokenizer(single, pair):
    made = Tokenizer(models.BPE(fuse_unk=True, unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    made.train_from_iterator([*sentences * 20, "Yes Yes Yes"], trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=list(letters)))
    model = json.loads(made.to_str())["model"]
    tokenizer = GemmaTokenizer(vocab=model["vocab"] | ({} if "Yes" in model["vocab"] else {"Yes": len(model["vocab"])}), merges=[tuple(merge) for merge in model["merges"]])
    ids = [(name, tokenizer.convert_tokens_to_ids(name)) for name in ("<bos>", "<eos>")]
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)
    return tokenizer


gemma = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, intermediate_size=32, head_dim=8, max_position_embeddings=8192)
tokens = gemma_tokenizer("<bos> $A", "<bos> $A <bos> $B")
save("BAAI/bge-reranker-v2-gemma", GemmaForCausalLM(GemmaConfig(vocab_size=len(tokens), **gemma)), tokens)

tokens = gemma_tokenizer("<bos> $A <eos>", "<bos> $A <eos> <bos> $B <eos>")
dense = lambda inputs, outputs: {"in_features": inputs, "out_features": outputs, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}
save("google/embeddinggemma-300m", Gemma3TextModel(Gemma3TextConfig(vocab_size=len(tokens), use_bidirectional_attention=True, sliding_window=512, **(gemma | dict(num_hidden_layers=6, max_position_embeddings=2048)))), tokens,
     modules_json=modules(("2_Dense", "Dense"), ("3_Dense", "Dense"), ("4_Normalize", "Normalize")), sentence_bert_config_json={"max_seq_length": 2048, "do_lower_case": False},
     config_sentence_transformers_json={"model_type": "SentenceTransformer", "prompts": {"query": "task: search result | query: ", "document": "title: none | text: "}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
     **{"1_Pooling__config_json": pooling("mean") | {"include_prompt": True}, "2_Dense__config_json": dense(16, 64), "3_Dense__config_json": dense(64, 16)})
for path, inputs, outputs in (("2_Dense", 16, 64), ("3_Dense", 64, 16)):
    torch.manual_seed(inputs)
    save_file({"linear.weight": torch.randn(outputs, inputs) * 0.2}, place("google/embeddinggemma-300m") / path / "model.safetensors")
print(*sorted(str(path.parent.relative_to(out)) for path in out.glob("*/*/config.json")), sep="\n")
