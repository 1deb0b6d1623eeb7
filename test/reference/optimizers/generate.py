"""Writes golden.json: weights after steps of torch.optim.AdamW and transformers' Adafactor, gradients given.

Needs torch and transformers; run from anywhere: python generate.py
"""

import json
from pathlib import Path

import torch
from transformers.optimization import Adafactor

torch.manual_seed(11)
STEPS = 12
SHAPES = {"matrix": (5, 4), "vector": (7,)}
# A row without any gradient, an element of size 1e-6, and gradients that grow.
WEIGHTS = {name: torch.randn(shape) for name, shape in SHAPES.items()}
GRADIENTS = {name: torch.randn(STEPS, *shape) * torch.linspace(0.1, 3, STEPS).reshape(-1, *[1] * len(shape))
             for name, shape in SHAPES.items()}
GRADIENTS["matrix"][:, 2] = 0
GRADIENTS["vector"][:, 3] *= 1e-6
RATES = [0.01 * (1 - step / (2 * STEPS)) for step in range(STEPS)]


def flat(tensor):
    return [float(value) for value in tensor.flatten()]


def run(make):
    weights = {name: torch.nn.Parameter(weight.clone()) for name, weight in WEIGHTS.items()}
    optimizer = make(list(weights.values()))
    trace = []
    for step in range(STEPS):
        for name, weight in weights.items():
            weight.grad = GRADIENTS[name][step].clone()
        for group in optimizer.param_groups:
            if group["lr"] is not None:
                group["lr"] = RATES[step]
        optimizer.step()
        trace.append({name: flat(weight.detach()) for name, weight in weights.items()})
    return [trace[0], trace[4], trace[-1]]


def adafactor(**options):
    return lambda weights: Adafactor(weights, **{"lr": 0.01, "scale_parameter": False, "relative_step": False, **options})


CASES = {
    "adamw": ({"kind": "adamw", "weightDecay": 0.01},
              lambda weights: torch.optim.AdamW(weights, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)),
    "adamw of the default experiment": ({"kind": "adamw", "weightDecay": 0.1, "adamw": {"beta2": 0.98, "epsilon": 1e-6}},
              lambda weights: torch.optim.AdamW(weights, lr=0.01, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1)),
    "adafactor": ({"kind": "adafactor", "weightDecay": 0}, adafactor()),
    "adafactor with decay, momentum and scale": (
        {"kind": "adafactor", "weightDecay": 0.05,
         "adafactor": {"beta1": 0.9, "scaleParameter": True, "clipThreshold": 0.7, "decayRate": -0.5}},
        adafactor(weight_decay=0.05, beta1=0.9, scale_parameter=True, clip_threshold=0.7, decay_rate=-0.5)),
    "adafactor with relative steps": (
        {"kind": "adafactor", "weightDecay": 0, "adafactor": {"relativeStep": True, "scaleParameter": True}},
        adafactor(lr=None, relative_step=True, scale_parameter=True)),
    "adafactor with small relative steps": (
        {"kind": "adafactor", "weightDecay": 0,
         "adafactor": {"relativeStep": True, "warmupInit": True, "scaleParameter": True}},
        adafactor(lr=None, relative_step=True, warmup_init=True, scale_parameter=True)),
}

golden = {
    "versions": {"torch": torch.__version__},
    "rates": RATES,
    "after": [1, 5, STEPS],
    "weights": [{"name": name, "shape": list(shape), "initial": flat(WEIGHTS[name]),
                 "gradients": [flat(each) for each in GRADIENTS[name]]} for name, shape in SHAPES.items()],
    "cases": [{"name": name, "settings": settings, "expected": run(make)} for name, (settings, make) in CASES.items()],
}
Path(__file__).with_name("golden.json").write_text(json.dumps(golden) + "\n")
