"""The least legal size of every network that torchvision has too is torchvision's `min_size`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torchvision

from archlang.analyses.sizes import Legal, legal
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.inspection import inspect

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "tests/sketches").glob("*.arch")])


class Model(NamedTuple):
    file: Path
    name: str

    def __str__(self) -> str:
        return f"{self.file.parent.name}/{self.name}"


def with_weights() -> list[Model]:
    theirs = set(torchvision.models.list_models(module=torchvision.models))
    return [
        Model(file, name)
        for file in FILES
        for name in Program(read_source(file), str(file)).complete
        if name in theirs
    ]


MODELS = with_weights()


def least(model: str) -> int:
    """torchvision's: the smallest square image that it measured the model to run on."""
    height, width = torchvision.models.get_model_weights(model).DEFAULT.meta["min_size"]
    assert height == width
    return int(height)


def sizes_of(of: Model) -> Legal:
    """The legal sizes; a transformer's are those that its weights were published for."""
    shapes = {"image": (3, least(of.name), least(of.name))} if of.name.startswith("vit_") else None
    graph, _ = inspect(Program(read_source(of.file), str(of.file)), of.name, inputs=shapes)
    assert graph is not None
    return legal(graph)


def runs(name: str, size: int, *, training: bool = False) -> bool:
    """Whether torchvision's own module takes one square image of this size."""
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None).train(training)
    try:
        module(torch.zeros(1, 3, size, size, device="meta"))
    except (RuntimeError, ValueError):
        return False
    return True


IN_TRAINING = {"efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"}
"""Models measured in training, where statistics over one image need more than one position."""


@pytest.mark.parametrize("of", MODELS, ids=str)
def test_the_least_size_is_torchvisions(of: Model) -> None:
    found = sizes_of(of)
    assert found.exact
    expected = least(of.name)
    if of.name in IN_TRAINING:
        assert runs(of.name, expected, training=True)
        assert not runs(of.name, expected - 1, training=True)
        assert runs(of.name, 1)
        expected = 1
    assert found.square.least == expected


CHECKED = {
    "alexnet": 63, "densenet121": 29, "googlenet": 15, "inception_v3": 75, "resnet50": 1,
    "squeezenet1_0": 21, "squeezenet1_1": 17, "vgg16": 32, "convnext_tiny": 32,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", CHECKED)
def test_the_sizes_are_those_that_torchvision_runs(name: str) -> None:
    """At every size around the least, and at some larger ones, against its own module."""
    of = next((m for m in MODELS if m.name == name), None)
    if of is None:
        pytest.skip("no spec of it")
    found = sizes_of(of)
    assert found.square.least == CHECKED[name]
    start = CHECKED[name]
    for size in sorted({*range(max(1, start - 4), start + 4), 97, 200, 224, 300}):
        assert found.holds({"H": size, "W": size}) == runs(name, size), size
