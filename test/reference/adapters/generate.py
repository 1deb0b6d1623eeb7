"""Golden values of low-rank adapters (LoRA) beside the small random models of test/reference/models, from peft and PyTorch.

Run once, by hand, where torch, transformers, peft and safetensors are installed:

    python test/reference/adapters/generate.py

For each case it writes a folder with adapter_config.json and adapter_model.safetensors as peft saves them (both factors drawn, so that
every change matters), gradients.safetensors (of every tensor that is trained, under peft's names or `head.*`, computed in float64) and
golden.json: the texts of two lists, their scores, and the losses of some AdamW steps. The loss is the softmax cross-entropy of each
list with its first item the relevant one, the mean over the lists.
"""

import json
import os
import shutil

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
DOUBLE = torch.float64
LENGTHS = [[5, 9, 3], [7, 12, 4]]
STEPS = 6
RATE = 1e-2

T5 = ["k", "o", "q", "v", "wi", "wo"]
GATED = ["k", "o", "q", "v", "wi_0", "wi_1", "wo"]
BERT = ["intermediate.dense", "key", "output.dense", "query", "value"]
T5GEMMA = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
CASES = {
    "t5-relu-first-token": ("t5-relu", "first-token", {"target_modules": T5}),
    "t5-gated-masked-mean": ("t5-gated", "masked-mean", {"target_modules": GATED, "use_rslora": True}),
    "t5gemma-grouped-first-token": ("t5gemma-grouped", "first-token", {"target_modules": T5GEMMA}),
    "bert-first-token": ("bert", "first-token", {"target_modules": BERT}),
    "bert-cross-classifier": ("bert-cross", "classifier", {"target_modules": BERT, "task_type": "SEQ_CLS"}),
    "t5-relu-patterns": (
        "t5-relu",
        "masked-mean",
        {"target_modules": r".*SelfAttention\.(q|v)", "rank_pattern": {"q": 2}, "alpha_pattern": {"q": 5}},
    ),
}


def load(name):
    folder = os.path.join(MODELS, name)
    with open(os.path.join(folder, "config.json")) as opened:
        settings = json.load(opened)
    config = transformers.AutoConfig.from_pretrained(folder)
    if settings["model_type"] == "t5gemma":
        config.is_encoder_decoder = False
    kind = getattr(transformers, settings["architectures"][0])
    extra = {"add_pooling_layer": False} if kind is transformers.BertModel else {}
    return kind.from_pretrained(folder, config=config, dtype=DOUBLE, attn_implementation="eager", **extra).eval()


def draw_texts(seed):
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randint(3, 64, (length,), generator=generator).tolist() for length in row] for row in LENGTHS]


def generate(case, name, head, settings):
    folder = os.path.join(HERE, case)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model = get_peft_model(load(name), LoraConfig(r=4, lora_alpha=6, **settings))
    model.eval()
    generator = torch.Generator().manual_seed(len(case))
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            if "lora_" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5 * parameter.shape[1] ** -0.5)
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "README.md")):
        os.remove(os.path.join(folder, "README.md"))
    saved = os.path.join(folder, "adapter_model.safetensors")
    save_file({key: each.to(torch.float32).contiguous() for key, each in load_file(saved).items()}, saved, metadata={"format": "pt"})
    config = json.load(open(os.path.join(folder, "adapter_config.json")))
    config["base_model_name_or_path"] = name
    if isinstance(config["target_modules"], list):
        config["target_modules"] = sorted(config["target_modules"])
    json.dump(config, open(os.path.join(folder, "adapter_config.json"), "w"), indent=1, sort_keys=True)
    stored = load_file(os.path.join(MODELS, name, "model.safetensors"))
    heads = {key: stored[key].to(DOUBLE).requires_grad_() for key in ("head.score.weight", "head.score.bias") if key in stored}

    texts = draw_texts(len(case) + 1)
    flat = [ids for row in texts for ids in row]
    longest = max(map(len, flat))
    ids = torch.tensor([each + [0] * (longest - len(each)) for each in flat])
    mask = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in flat])

    def scores():
        inputs = {"input_ids": ids, "attention_mask": mask}
        if head == "classifier":
            return model(**inputs).logits[:, 0]
        states = model(**inputs).last_hidden_state
        if head == "first-token":
            pooled = states[:, 0]
        else:
            weights = mask[:, :, None].to(DOUBLE)
            pooled = (states * weights).sum(1) / weights.sum(1)
        return pooled @ heads["head.score.weight"][0] + heads["head.score.bias"][0]

    def loss():
        return torch.nn.functional.cross_entropy(scores().reshape(len(texts), -1), torch.zeros(len(texts), dtype=torch.long))

    trained = {key: each for key, each in model.named_parameters() if each.requires_grad}
    # transformers marks nothing of the head as peft's; it is ours.
    named = {key.replace(".default", "").replace("modules_to_save.", ""): each for key, each in trained.items()}
    named |= heads
    first = [float(each) for each in scores()]
    loss().backward()
    gradients = {key: each.grad.to(torch.float32).contiguous() for key, each in sorted(named.items()) if each.grad is not None}
    save_file(gradients, os.path.join(folder, "gradients.safetensors"))
    decays = [each for key, each in named.items() if "bias" not in key]
    others = [each for key, each in named.items() if "bias" in key]
    optimizer = torch.optim.AdamW(
        [{"params": decays, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], lr=RATE
    )
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss()
        losses.append(float(value))
        value.backward()
        optimizer.step()
    versions = {each.__name__: each.__version__ for each in (torch, transformers, peft)}
    golden = {"model": name, "head": head, "texts": texts, "scores": first, "losses": losses, "rate": RATE, **versions}
    with open(os.path.join(folder, "golden.json"), "w") as opened:
        json.dump(golden, opened)
    print(case, len(gradients), losses)


for case, (name, head, settings) in CASES.items():
    generate(case, name, head, settings)
