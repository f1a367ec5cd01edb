"""What a step is predicted to take, held against what it takes: recipes by networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from archlang import loads
from archlang.train.data import Data
from archlang.train.distributed import World
from archlang.train.introduction import introduction
from archlang.train.loader import Batches
from archlang.train.loop import Course, Trainer
from archlang.train.memory import Budget
from archlang.train.network import Network
from archlang.train.prepare import Preparation
from archlang.train.recipe import Recipe
from archlang.train.run import build
from archlang.train.setting import unknown
from archlang.train.task import TASKS
from archlang.train.transfer import begin
from tests.train.networks import stripes

CPU = torch.device("cpu")
NEAR, NEAR_LOW = 0.0005, 0.005
"""How far off a prediction may be: what a loop has beside a step are numbers, and small targets."""
INPUT = "input image: [1, 8, 8]"
NETWORKS = {
    "lines": f"model m {{ {INPUT}; conv(3x3, 16) -> relu -> maxpool(2x2) -> conv(3x3, 32) -> relu"
    " -> flatten -> linear(64) -> relu -> linear(3) }",
    "norms": f"model m {{ {INPUT}; conv(3x3, 16) -> bn -> relu -> conv(3x3, 16) -> bn -> relu"
    " -> dropout(0.1) -> global_avgpool -> linear(3) }",
    "wide": f"model m {{ {INPUT}; flatten -> linear(512) -> gelu -> linear(512) -> gelu"
    " -> linear(3) }",
    "residual": 'use "std/resnet"\n'
    f"model m {{ {INPUT}; conv(3x3, 16) -> bn -> relu"
    " -> basic_block(16) -> basic_block(32, stride=2) -> global_avgpool -> linear(3) }",
}
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": {"name": "sgd", "momentum": 0, "weight_decay": 0}},
    "decay": {"optimizer": {"name": "sgd", "momentum": 0, "weight_decay": 1e-3}},
    "momentum": {"optimizer": {"name": "sgd", "nesterov": False, "weight_decay": 0}},
    "nesterov": {"optimizer": "sgd"},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop-momentum": {"optimizer": {"name": "rmsprop", "momentum": 0.9, "weight_decay": 1e-3}},
    "adam-decay": {"optimizer": {"name": "adam", "weight_decay": 1e-3}},
    "adamw": {"optimizer": "adamw"},
    "ema": {"optimizer": "sgd", "ema": True},
    "clip": {"clip_norm": 0.1, "label_smoothing": 0.1},
    "parts": {"accumulate": 4},
    "two-parts-ema": {"accumulate": 2, "ema": True, "optimizer": "sgd"},
    "bfloat16": {"dtype": "bfloat16"},
    "bfloat16-parts": {"dtype": "bfloat16", "accumulate": 2},
    "float16": {"dtype": "float16"},
    "mixup": {"augment": {"mixing": {"mixup": 0.2}}},
    "frozen": {"freeze": ["[01]", "[01].*"]},
    "frozen-parts": {"freeze": ["[01]", "[01].*"], "accumulate": 2, "dtype": "bfloat16"},
    "frozen-last": {"freeze": ["[4-9]*"], "optimizer": {"name": "sgd"}},
    "frozen-weight": {"freeze": ["*.weight"]},
    "channels-last": {"channels_last": True, "ema": True},
    "channels-last-bfloat16": {"channels_last": True, "dtype": "bfloat16"},
}

LAID_OUT = {
    "gradient": "conv(3x3, 16) -> bn -> relu -> conv(3x3, 16, groups=16) -> bn -> relu6"
    " -> conv(1x1, 8) -> global_avgpool -> linear(3)",
    "result": "conv(3x3, 16) -> groupnorm(4) -> silu -> conv(3x3, 16, groups=4) -> gelu"
    " -> avgpool(2x2) -> flatten -> linear(3)",
    "branches": "concat { conv(1x1, 8) -> relu | maxpool(3x3, stride=1, pad=1) -> conv(1x1, 8) }"
    " -> conv(3x3, 8) -> flatten -> linear(3)",
    "transposed": "conv(3x3, 16) -> tanh -> conv_transpose(2x2, 16, stride=2) -> flatten"
    " -> linear(3)",
    "means": "conv(3x3, 16) -> tanh -> adaptive_avgpool(4x4) -> flatten -> linear(3)",
    "norm": "conv(3x3, 16) -> tanh -> bn -> flatten -> linear(3)",
    "pooled": "conv(3x3, 16) -> tanh -> maxpool(2x2) -> dropout(0.2) -> flatten -> linear(3)",
}
"""Networks in whose backward pass something is copied for the channels to lie last."""


def trainer(network: Network, recipe: Recipe, data: Data) -> Trainer:
    ((channels, *_),) = network.inputs.values()
    prepare = Preparation.measured(data, (channels, 8, 8))
    module = build(network, ())
    begin(module, recipe, anew=True)
    feed = Batches(
        data.train, prepare, recipe.augment, batch_size=recipe.batch_size, classes=len(data.classes)
    )
    course = Course(TASKS[data.task](data.classes), feed, [], network.aux)
    return Trainer(module, course, recipe, CPU, World())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", RECIPES)
def test_a_step_takes_what_is_predicted(name: str, kind: str) -> None:
    network = loads(NETWORKS[name])
    recipe = Recipe.of({"batch_size": 32, "label_smoothing": 0, **RECIPES[kind]})
    run = trainer(network, recipe, stripes(100))
    predicted = Budget(network, recipe, CPU).predicted
    run.advance()
    _, peak = run.measured()
    assert predicted is not None
    near = NEAR if recipe.dtype == "float32" else NEAR_LOW
    assert abs(predicted / peak - 1) < near, (predicted, peak)


@pytest.mark.parametrize("kind", ["adamw", "channels-last"])
def test_grey_images_for_a_network_that_takes_colour(kind: str) -> None:
    network = loads(NETWORKS["lines"].replace("[1, 8, 8]", "[3, 8, 8]"))
    recipe = Recipe.of({"batch_size": 32, **RECIPES[kind]})
    run = trainer(network, recipe, stripes(100))
    run.advance()
    _, peak = run.measured()
    assert peak == pytest.approx(Budget(network, recipe, CPU).predicted, rel=NEAR)


@pytest.mark.parametrize("low", [{}, {"dtype": "bfloat16", "accumulate": 2}])
@pytest.mark.parametrize("name", LAID_OUT)
def test_channels_last_copies_what_is_predicted(name: str, low: dict[str, Any]) -> None:
    network = loads(f"model m {{ input image: [3, 8, 8]; {LAID_OUT[name]} }}")
    recipe = Recipe.of({"batch_size": 32, "channels_last": True, "optimizer": "sgd", **low})
    images, labels = torch.arange(100 * 192).view(100, 3, 8, 8) % 256, torch.arange(100) % 3
    part = images.to(torch.uint8), labels
    run = trainer(network, recipe, Data.held("ramps", ("a", "b", "c"), part, part))
    run.advance()
    _, peak = run.measured()
    predicted = Budget(network, recipe, CPU).predicted
    assert predicted is not None
    assert abs(predicted / peak - 1) < (NEAR_LOW if low else NEAR), (predicted, peak)
    usual = Budget(network, recipe.model_copy(update={"channels_last": False}), CPU).predicted
    assert usual is not None
    assert abs(predicted / usual - 1) > 0.02, "what is copied makes no difference"


def test_what_is_not_predicted_is_said() -> None:
    network = loads(NETWORKS["lines"])
    budget = Budget(network, Recipe.of({"compile": True}), CPU)
    assert budget.predicted is None
    assert budget.unknown == "compile"
    lines = list(_introduced(network, budget))
    assert "memory: what a step takes is not predicted with compile" in lines
    assert unknown(Recipe.of({"channels_last": True}), "cpu") == ""
    assert unknown(Recipe.of({"channels_last": True}), "cuda").startswith("channels_last on cuda")
    assert budget.remedy() == "try --batch-size 32, or --set accumulate=2"


def test_several_processes_are_not_predicted() -> None:
    budget = Budget(loads(NETWORKS["lines"]), Recipe(), CPU, 2)
    assert (budget.predicted, budget.unknown) == (None, "several processes")


def test_what_is_frozen_takes_less() -> None:
    network = loads(NETWORKS["wide"])
    whole, held = (
        Budget(network, Recipe.of({"freeze": globs}), CPU).setting() for globs in ([], ["1*"])
    )
    assert whole is not None
    assert held is not None
    a, b = network.memory(whole), network.memory(held)
    assert a.gradients - b.gradients == 4 * (64 * 512 + 512)
    assert a.state - b.state == 2 * 4 * (64 * 512 + 512) + 2 * 4  # a counter for each of the two


def _introduced(network: Network, budget: Budget) -> Iterator[str]:
    data = stripes()
    prepare = Preparation.measured(data, (1, 8, 8))
    return introduction(network, data, prepare, budget.recipe, budget)
