"""The fifteen sketches elaborate; those that torchvision has, have its keys and shapes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
import torchvision

import archlang
from tests.syntax.sketches import SKETCHES

TORCHVISION = {
    "resnet": "resnet50",
    "googlenet": "googlenet",
    "densenet": "densenet121",
    "inception": "inception_v3",
    "mobilenet": "mobilenet_v2 mobilenet_v3_small",
    "squeezenet": "squeezenet1_0",
    "mnasnet": "mnasnet1_0",
    "regnet": "regnet_y_400mf",
    "convnext": "convnext_tiny",
    "vit": "vit_b_16",
    "efficientnet": "efficientnet_b0",
    "shufflenet": "shufflenet_v2_x1_0",
}
PAIRS = [(file, model) for file, models in TORCHVISION.items() for model in models.split()]
OTHERS = [("resnet_d", "resnet50d"), ("senet", "se_resnet50"), ("xception", "xception")]
WITH_AUX = ("googlenet", "inception_v3")


@cache
def network(file: str, model: str) -> archlang.Network:
    return archlang.load(SKETCHES[file], model)


@cache
def theirs(model: str) -> torch.nn.Module:
    options: dict[str, Any] = {"init_weights": False} if model in WITH_AUX else {}
    if model == "inception_v3":
        options["transform_input"] = False
    with torch.device("cpu" if model.startswith("regnet") else "meta"):
        made = getattr(torchvision.models, model)(**options)
    assert isinstance(made, torch.nn.Module)
    return made


def test_all_sketches_are_here() -> None:
    assert {file for file, _ in [*PAIRS, *OTHERS]} == set(SKETCHES)


@pytest.mark.parametrize(("file", "model"), [*PAIRS, *OTHERS])
def test_sketches_elaborate(file: str, model: str) -> None:
    found = network(file, model)
    assert found.outputs == {"output": (1000,)}
    assert found.totals.params == sum(p.numel() for p in found.to_torch("meta").parameters())


@pytest.mark.parametrize(("file", "model"), PAIRS)
def test_keys_and_shapes_are_torchvisions(file: str, model: str) -> None:
    ours = network(file, model).to_torch("meta").state_dict()
    expected = theirs(model).state_dict()
    assert {k: tuple(v.shape) for k, v in ours.items()} == {
        k: tuple(v.shape) for k, v in expected.items()
    }


@pytest.mark.parametrize(("file", "model"), PAIRS)
def test_counts_are_the_published_ones(file: str, model: str) -> None:
    meta = torchvision.models.get_model_weights(model).DEFAULT.meta
    found = network(file, model)
    params = found.totals.params
    if model in WITH_AUX:
        heads = [m for n, m in theirs(model).named_children() if n.lower().startswith("aux")]
        params -= sum(p.numel() for head in heads for p in head.parameters())
    expected = sum(p.numel() for n, p in theirs(model).named_parameters()
                   if model not in WITH_AUX or not n.lower().startswith("aux"))  # fmt: skip
    assert params == expected
    published = {meta["num_params"], expected}
    assert params in published


@pytest.mark.parametrize("file", ["googlenet", "inception"])
def test_auxiliary_heads(file: str) -> None:
    model = dict(PAIRS)[file]
    found = network(file, model)
    assert found.aux
    module = found.to_torch("meta")
    size = next(iter(found.inputs.values()))
    out = module.train()(torch.zeros(2, *size, device="meta"))
    shapes = {n: tuple(t.shape) for n, t in out.items()}
    assert shapes == dict.fromkeys(("output", *found.aux), (2, 1000))
    assert module.eval()(torch.zeros(2, *size, device="meta")).shape == (2, 1000)


RUN = [("squeezenet", "squeezenet1_0"), ("shufflenet", "shufflenet_v2_x1_0"),
       ("mobilenet", "mobilenet_v3_small"), ("regnet", "regnet_y_400mf"),
       ("efficientnet", "efficientnet_b0")]  # fmt: skip


@pytest.mark.parametrize(("file", "model"), RUN)
def test_outputs_are_torchvisions(file: str, model: str) -> None:
    torch.manual_seed(0)
    expected = getattr(torchvision.models, model)().eval()
    for module in expected.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    ours = archlang.load(SKETCHES[file], model, inputs={"image": (3, 64, 64)}).to_torch().eval()
    ours.load_state_dict(expected.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), expected(images), rtol=1e-3, atol=1e-4)


def test_a_sketch_that_is_changed_is_noticed() -> None:
    text = SKETCHES["squeezenet"].read_text(encoding="utf-8").replace("3x3", "5x5", 1)
    ours = archlang.loads(text, "squeezenet1_0").to_torch("meta").state_dict()
    expected = theirs("squeezenet1_0").state_dict()
    assert {k: tuple(v.shape) for k, v in ours.items()} != {
        k: tuple(v.shape) for k, v in expected.items()
    }
