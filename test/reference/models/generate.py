"""Golden scores of small random models, from Hugging Face transformers in float32.

Run once, by hand, where torch, transformers and safetensors are installed (versions are written into each golden.json):

    python test/reference/models/generate.py

For each model it writes a folder with config.json and model.safetensors as transformers saves them (with the weights of
rankdag's own heads, head.*, added), and golden.json: the token ids of some texts and, for each head, what the model says of
each text alone and unpadded. Weights are drawn wider than usual initialisations, so that attention, position bias and
normalisation gains all matter to the result.
"""

import json
import os
import shutil

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    AlbertModel,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    CamembertConfig,
    CamembertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertModel,
    ElectraConfig,
    ElectraForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    Gemma3TextForSequenceClassification,
    Gemma3TextModel,
    GemmaConfig,
    GemmaForCausalLM,
    MPNetConfig,
    MPNetForSequenceClassification,
    MPNetModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3ForSequenceClassification,
    Qwen3Model,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5Gemma2Config,
    T5Gemma2DecoderConfig,
    T5Gemma2EncoderConfig,
    T5Gemma2Model,
    T5Gemma2TextConfig,
    T5GemmaConfig,
    T5GemmaEncoderModel,
    T5GemmaModuleConfig,
)

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = 64
# Past 128 tokens T5's position buckets are exhausted; one token is the shortest text.
LENGTHS = [7, 150, 1, 33, 64, 300]


def draw_weights(model, seed, offset_gains):
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor, scale):
        return torch.randn(tensor.shape, generator=generator) * scale

    with torch.no_grad():
        for name, tensor in sorted(model.named_parameters()):
            if "norm" in name.lower() and name.endswith("weight"):
                tensor.copy_(normal(tensor, 0.3) + (0.0 if offset_gains else 1.0))
            elif tensor.ndim == 1:
                tensor.copy_(normal(tensor, 0.2))
            elif "embed" in name or "shared" in name or "relative" in name or "lm_head" in name:
                tensor.copy_(normal(tensor, 1.0))
            else:
                tensor.copy_(normal(tensor, 1.2 * tensor.shape[1] ** -0.5))


def draw_heads(width, seed):
    generator = torch.Generator().manual_seed(seed)
    scale = width**-0.5
    return {
        "head.score.weight": torch.randn((1, width), generator=generator) * scale,
        "head.score.bias": torch.randn((1,), generator=generator),
        "head.attention.weight": torch.randn((1, width), generator=generator) * scale * 2,
    }


def draw_texts(seed, segments=False):
    generator = torch.Generator().manual_seed(seed)
    texts = []
    for length in LENGTHS:
        ids = torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()
        cut = length // 3
        texts.append({"ids": ids, "types": [0] * cut + [1] * (length - cut) if segments else [0] * length})
    return texts


def pooled(states, heads):
    """All pooling heads on the final states [length, width] of one text."""
    weight, bias = heads["head.score.weight"], heads["head.score.bias"]
    mean = states.mean(0)
    attention = torch.softmax(states @ heads["head.attention.weight"][0], 0)
    score = lambda vector: float(vector @ weight[0] + bias[0])
    return {
        "first-token": score(states[0]),
        "masked-mean": score(mean),
        "attention-pooling": score(attention @ states),
        "embedding": (mean / mean.norm()).tolist(),
    }


def write(name, model, texts, results, heads, extra):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    path = os.path.join(folder, "model.safetensors")
    tensors = load_file(path)
    tensors.update({key: value.contiguous() for key, value in heads.items()})
    save_file(tensors, path, metadata={"format": "pt"})
    golden = {
        "from": {"torch": torch.__version__, "transformers": transformers.__version__},
        **extra,
        "texts": [
            {"ids": text["ids"], "types": text["types"], "expected": result} for text, result in zip(texts, results)
        ],
    }
    with open(os.path.join(folder, "golden.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")
    size = sum(os.path.getsize(os.path.join(folder, each)) for each in os.listdir(folder))
    print(f"{name}: {size} bytes", {key: round(value, 4) for key, value in results[1].items() if isinstance(value, float)})


def ids_of(text):
    ids = torch.tensor([text["ids"]])
    return ids, torch.ones_like(ids)


def encoder(name, model, seed, offset_gains, segments=False):
    model.eval()
    draw_weights(model, seed, offset_gains)
    width = getattr(model.config, "encoder", model.config).hidden_size
    heads = draw_heads(width, seed + 1)
    texts = draw_texts(seed + 2, segments)
    results = []
    for text in texts:
        ids, mask = ids_of(text)
        types = {"token_type_ids": torch.tensor([text["types"]])} if segments else {}
        states = model(input_ids=ids, attention_mask=mask, **types).last_hidden_state[0]
        results.append(pooled(states, heads))
    write(name, model, texts, results, heads, {})


def seq2seq(name, config, seed, tied, kind=T5ForConditionalGeneration):
    model = kind(config).eval()
    if not tied:
        # As in T5 1.1's published files: one embedding, and an output table of its own.
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.shared.weight))
    assert model.encoder.embed_tokens.weight is model.shared.weight
    assert (model.lm_head.weight is model.shared.weight) == tied
    draw_weights(model, seed, False)
    texts = draw_texts(seed + 2)
    token, yes, no = 11, 23, 42
    results = []
    for text in texts:
        ids, mask = ids_of(text)
        logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=torch.zeros((1, 1), dtype=torch.long)).logits
        last = logits[0, 0]
        results.append(
            {
                "decoder-logit": float(last[token]),
                "decoder-choice": float(torch.log_softmax(last[[yes, no]], 0)[0]),
            }
        )
    config.tie_word_embeddings = tied
    write(name, model, texts, results, {}, {"token": token, "yes": yes, "no": no})


def classifier(name, model, seed, segments):
    model.eval()
    draw_weights(model, seed, False)
    texts = draw_texts(seed + 2, segments)
    results = []
    for text in texts:
        ids, mask = ids_of(text)
        types = {"token_type_ids": torch.tensor([text["types"]])} if segments else {}
        logits = model(input_ids=ids, attention_mask=mask, **types).logits[0]
        score = logits[0] if len(logits) == 1 else torch.log_softmax(logits, 0)[1]
        results.append({"classifier": float(score)})
    write(name, model, texts, results, {}, {})


def padded(model, ids, side):
    """The logits of a text in a batch with a longer one, padded at a side; of each its last token, as given."""
    filler = [5] * (len(ids) + 9)
    gap = [0] * 9
    row, mask = ids + gap, [1] * len(ids) + [0] * 9
    if side == "left":
        row, mask = gap + ids, [0] * 9 + [1] * len(ids)
    logits = model(
        input_ids=torch.tensor([filler, row]), attention_mask=torch.tensor([[1] * len(filler), mask])
    ).logits[1]
    return logits[-1 if side == "left" else len(ids) - 1]


def causal(name, model, seed, offset_gains):
    """A decoder whose last token's logits of one or two vocabulary entries are the score, as rerankers have it."""
    model.eval()
    draw_weights(model, seed, offset_gains)
    # Smaller rows, so that the probability of one entry against another is not 1.
    model.lm_head.weight.mul_(0.25)
    if model.lm_head.weight is not model.model.embed_tokens.weight:
        model.model.embed_tokens.weight.mul_(0.25)
    texts = draw_texts(seed + 2)
    token, yes, no = 11, 23, 42
    results = []
    for text in texts:
        ids, mask = ids_of(text)
        last = model(input_ids=ids, attention_mask=mask).logits[0, -1]
        for side in ("left", "right"):
            assert torch.allclose(padded(model, text["ids"], side), last, atol=2e-4), (name, side)
        results.append(
            {
                "decoder-logit": float(last[token]),
                "decoder-choice": float(torch.log_softmax(last[[yes, no]], 0)[0]),
            }
        )
    write(name, model, texts, results, {}, {"token": token, "yes": yes, "no": no})


def states_of(name, model, seed, offset_gains, heads=True):
    """A decoder's or encoder's states, pooled: by every head, the last token, and the mean."""
    model.eval()
    draw_weights(model, seed, offset_gains)
    width = model.config.get_text_config().hidden_size
    own = draw_heads(width, seed + 1)
    texts = draw_texts(seed + 2)
    results = []
    for text in texts:
        ids, mask = ids_of(text)
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state[0]
        # The first token of a decoder sees itself alone.
        means = {key: value for key, value in pooled(states, own).items() if key != "first-token"}
        results.append({**means, "embedding-lasttoken": (states[-1] / states[-1].norm()).tolist()})
    write(name, model, texts, results, own, {})


T5 = dict(
    vocab_size=VOCABULARY, d_model=24, d_kv=8, d_ff=40, num_layers=3, num_heads=2, attn_implementation="eager"
)
BERT = dict(
    vocab_size=VOCABULARY,
    hidden_size=24,
    num_hidden_layers=3,
    num_attention_heads=3,
    intermediate_size=40,
    attn_implementation="eager",
)


# The longest text is at the end of the positions.
SMALL = dict(
    vocab_size=VOCABULARY,
    hidden_size=16,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=300,
    attn_implementation="eager",
)


def small_relatives():
    one = dict(num_labels=1)
    distilled = dict(dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=300)
    distilled |= dict(vocab_size=VOCABULARY, attn_implementation="eager")
    encoder("distilbert", DistilBertModel(DistilBertConfig(**distilled)), 1200, False)
    distilled_cross = DistilBertForSequenceClassification(DistilBertConfig(**distilled, **one))
    classifier("distilbert-cross", distilled_cross, 1250, False)
    # Three passes through two groups of two layers: the first group is passed twice.
    groups = dict(embedding_size=8, num_hidden_groups=2, inner_group_num=2)
    encoder("albert", AlbertModel(AlbertConfig(**SMALL, **groups)), 1300, False, segments=True)
    same_width = AlbertConfig(**SMALL | dict(hidden_act="gelu"), **one, embedding_size=16)
    classifier("albert-cross", AlbertForSequenceClassification(same_width), 1350, True)
    places = SMALL | dict(max_position_embeddings=302)
    encoder("mpnet", MPNetModel(MPNetConfig(**places)), 1400, False)
    # More rows than the 32 that are used.
    more = MPNetConfig(**places | dict(num_hidden_layers=2), **one, relative_attention_num_buckets=40)
    classifier("mpnet-cross", MPNetForSequenceClassification(more), 1450, False)
    places |= dict(num_hidden_layers=2, type_vocab_size=1)
    classifier("camembert-cross", CamembertForSequenceClassification(CamembertConfig(**places, **one)), 1500, False)


def gemma(keys, scalar, **more):
    part = dict(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=keys,
        head_dim=8,
        query_pre_attn_scalar=scalar,
        **more,
    )
    config = T5GemmaConfig(
        encoder=T5GemmaModuleConfig(**part),
        decoder=T5GemmaModuleConfig(**part),
        is_encoder_decoder=False,
        vocab_size=VOCABULARY,
        attn_implementation="eager",
    )
    # Only the eager implementation applies the soft cap on every device.
    assert config.encoder._attn_implementation == "eager"
    return T5GemmaEncoderModel(config)


def multilingual(seed):
    """mT5 and UMT5 as they are published: an output table of their own, and a decoder whose output is not scaled."""
    sizes = dict(**T5, num_decoder_layers=2, tie_word_embeddings=False)
    seq2seq("mt5-seq2seq", transformers.MT5Config(**sizes), seed + 6, False, transformers.MT5ForConditionalGeneration)
    umt5 = transformers.UMT5Config(**sizes)
    assert not umt5.scale_decoder_outputs
    seq2seq("umt5-seq2seq", umt5, seed + 10, False, transformers.UMT5ForConditionalGeneration)
    encoder("umt5", transformers.UMT5EncoderModel(transformers.UMT5Config(**T5)), seed + 20, False)


# The special tokens of the classes' defaults are beyond the small vocabulary.
SPECIAL = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
WIDE = dict(vocab_size=VOCABULARY, hidden_size=24, num_attention_heads=3, intermediate_size=40, attn_implementation="eager")


def modernbert(seed):
    """The longest text is as long as the positions allow, and many windows long."""
    sizes = dict(**WIDE, **SPECIAL, num_hidden_layers=5, local_attention=17, max_position_embeddings=max(LENGTHS))
    encoder("modernbert", transformers.ModernBertModel(transformers.ModernBertConfig(**sizes)), seed, False)
    biases = dict(attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True)
    settings = dict(
        classifier_pooling="mean",
        # The last layer is a local one, and the bases are not the usual.
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": 500.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
        },
    )
    cross = transformers.ModernBertConfig(**{**sizes, **settings, **biases, "num_hidden_layers": 3}, num_labels=1)
    classifier("modernbert-cross", transformers.ModernBertForSequenceClassification(cross), seed + 10, False)
    two = transformers.ModernBertConfig(**{**sizes, "num_hidden_layers": 3}, num_labels=2)
    classifier("modernbert-cross-two", transformers.ModernBertForSequenceClassification(two), seed + 20, False)


def deberta(seed):
    """As v3 is published; and with a projection, positions, types and products of its own kind each."""
    sizes = dict(**{**WIDE, "attn_implementation": None}, num_hidden_layers=3, relative_attention=True)
    published = dict(
        position_buckets=16,
        max_position_embeddings=48,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
        pos_att_type="p2c|c2p",
    )
    encoder("deberta", transformers.DebertaV2Model(transformers.DebertaV2Config(**sizes, **published)), seed, False)
    own = dict(
        max_position_embeddings=max(LENGTHS),
        max_relative_positions=20,
        type_vocab_size=2,
        embedding_size=16,
        pos_att_type=["c2p", "p2c"],
        num_labels=1,
    )
    cross = transformers.DebertaV2Config(**sizes, **own)
    classifier("deberta-cross", transformers.DebertaV2ForSequenceClassification(cross), seed + 10, True)
    two = transformers.DebertaV2Config(**sizes, **{**published, "pos_att_type": ["p2c"], "num_labels": 2})
    classifier("deberta-cross-two", transformers.DebertaV2ForSequenceClassification(two), seed + 20, False)


QWEN = dict(
    vocab_size=VOCABULARY,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    pad_token_id=0,
    tie_word_embeddings=True,
    rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
    attn_implementation="eager",
)
# Heads of 8: in Qwen 3 and Gemma they need not make up the width.
GEMMA = dict(
    vocab_size=VOCABULARY,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    attn_implementation="eager",
)


def t5gemma2(**more):
    """Its text encoder, whose names in a checkpoint begin with encoder.text_model; the smallest vision tower there is."""
    text = {**GEMMA, "num_hidden_layers": 7, "query_pre_attn_scalar": 8, **more}
    vision = dict(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8, patch_size=8
    )
    config = T5Gemma2Config(
        # An end-of-image token among those that the texts have.
        encoder=T5Gemma2EncoderConfig(
            text_config=T5Gemma2TextConfig(**text), vision_config=vision, mm_tokens_per_image=1, eoi_token_index=9
        ),
        decoder=T5Gemma2DecoderConfig(**{**text, "num_hidden_layers": 1, "layer_types": ["full_attention"]}),
        image_token_index=VOCABULARY - 1,
        attn_implementation="eager",
    )
    return T5Gemma2Model(config)


def text_encoder(name, model, seed):
    """T5Gemma 2's encoder alone, whole folders being what is published."""
    model.eval()
    draw_weights(model, seed, True)
    own = draw_heads(model.config.encoder.text_config.hidden_size, seed + 1)
    texts = draw_texts(seed + 2)
    results = []
    for text in texts:
        # The last entry stands for an image.
        text["ids"] = [min(each, VOCABULARY - 2) for each in text["ids"]]
        ids, mask = ids_of(text)
        results.append(pooled(model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[0], own))
    write(name, model, texts, results, own, {})


if __name__ == "__main__":
    with torch.no_grad():
        encoder("t5-relu", T5EncoderModel(T5Config(**T5, feed_forward_proj="relu")), 100, False)
        encoder("t5-gated", T5EncoderModel(T5Config(**T5, feed_forward_proj="gated-gelu")), 200, False)
        seq2seq("t5-seq2seq-tied", T5Config(**T5, num_decoder_layers=2, feed_forward_proj="relu"), 300, True)
        seq2seq(
            "t5-seq2seq-untied",
            T5Config(**T5, num_decoder_layers=2, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
            400,
            False,
        )
        # The soft cap of 50 would hardly bend the scores of so small a model.
        encoder("t5gemma", gemma(4, 8, attn_logit_softcapping=3.0), 500, True)
        encoder("t5gemma-grouped", gemma(2, 16, attn_logit_softcapping=5.0), 600, True)
        # A window W is |i - j| <= W from transformers 5.4.0 on, |i - j| < W before (and in the JAX code).
        encoder("t5gemma-window", gemma(2, 8, sliding_window=15), 700, True)
        encoder("bert", BertModel(BertConfig(**BERT)), 800, False, segments=True)
        one = dict(num_labels=1)
        classifier("bert-cross", BertForSequenceClassification(BertConfig(**BERT, **one)), 900, True)
        classifier("bert-cross-two", BertForSequenceClassification(BertConfig(**BERT, num_labels=2)), 950, True)
        roberta = RobertaConfig(**BERT, **one, max_position_embeddings=320, type_vocab_size=1, pad_token_id=1)
        classifier("roberta-cross", RobertaForSequenceClassification(roberta), 1000, False)
        electra = ElectraConfig(**BERT, **one, embedding_size=16)
        classifier("electra-cross", ElectraForSequenceClassification(electra), 1100, True)
        multilingual(1200)
        modernbert(1300)
        deberta(1400)
        causal("qwen3", Qwen3ForCausalLM(Qwen3Config(**QWEN, head_dim=8)), 1200, False)
        untied = {**QWEN, "tie_word_embeddings": False, "num_key_value_heads": 4}
        causal("qwen3-untied", Qwen3ForCausalLM(Qwen3Config(**untied, head_dim=8, attention_bias=True)), 1250, False)
        window = dict(use_sliding_window=True, sliding_window=16, max_window_layers=1)
        states_of("qwen3-window", Qwen3Model(Qwen3Config(**QWEN, head_dim=8, **window)), 1300, False)
        classifier("qwen3-cross", Qwen3ForSequenceClassification(Qwen3Config(**QWEN, **one, head_dim=8)), 1350, False)
        causal("qwen2", Qwen2ForCausalLM(Qwen2Config(**QWEN)), 1400, False)
        classifier("qwen2-cross-two", Qwen2ForSequenceClassification(Qwen2Config(**QWEN, **window, num_labels=2)), 1450, False)
        causal("gemma", GemmaForCausalLM(GemmaConfig(**GEMMA)), 1500, True)
        # Both soft caps are drawn where they bend.
        capped = dict(attn_logit_softcapping=3.0, final_logit_softcapping=4.0, query_pre_attn_scalar=16)
        causal("gemma2", Gemma2ForCausalLM(Gemma2Config(**GEMMA, **capped, sliding_window=16)), 1550, True)
        six = dict(num_hidden_layers=7, query_pre_attn_scalar=16, sliding_window=16)
        causal("gemma3", Gemma3ForCausalLM(Gemma3TextConfig(**{**GEMMA, **six})), 1600, True)
        both = dict(use_bidirectional_attention=True)
        states_of("gemma3-bidirectional", Gemma3TextModel(Gemma3TextConfig(**{**GEMMA, **six, **both})), 1650, True)
        cross = Gemma3TextForSequenceClassification(Gemma3TextConfig(**{**GEMMA, **six, **one}))
        classifier("gemma3-cross", cross, 1700, False)
        text_encoder("t5gemma2", t5gemma2(sliding_window=16), 1800)
        # An odd window reaches as far in both directions, an even one a token further to the right.
        stretched = {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000.0}
        ropes = {"full_attention": stretched, "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0}}
        kinds = dict(num_hidden_layers=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"])
        text_encoder("t5gemma2-odd", t5gemma2(sliding_window=17, rope_parameters=ropes, **kinds), 1850)
        small_relatives()
