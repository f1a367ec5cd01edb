"""The models of specs/ that torchvision has too, found by their names."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
import torchvision
from torch import nn
from torchvision.models.regnet import BlockParams

import archlang
from archlang.elaborate import Program
from archlang.elaborate.files import read_source

SPECS = Path(__file__).parents[2] / "specs"


class Covered(NamedTuple):
    """A model, and the spec it is in."""

    file: str
    model: str

    def __str__(self) -> str:
        return self.model


def covered() -> list[Covered]:
    """Every complete model of every spec whose name torchvision's classification models have."""
    theirs = set(torchvision.models.list_models(module=torchvision.models))
    return [
        Covered(path.name, name)
        for path in sorted(SPECS.glob("*.arch"))
        for name in Program(read_source(path), str(path)).complete
        if name in theirs
    ]


MODELS = covered()


@cache
def published(model: str) -> dict[str, Any]:
    """What torchvision says of a model's published weights, their crop size among it."""
    weights = torchvision.models.get_model_weights(model).DEFAULT
    return {**weights.meta, "crop": weights.transforms().crop_size[0]}


def ours(of: Covered, size: int) -> archlang.Network:
    """A model for square images, worked out."""
    return archlang.load(SPECS / of.file, of.model, inputs={"image": (3, size, size)})


from_init_params = BlockParams.from_init_params


def regnet_widths(**options: Any) -> BlockParams:
    """RegNet's widths, which torchvision works out in tensors: these need values."""
    with torch.device("cpu"):
        return from_init_params(**options)


def torchvisions(model: str, size: int) -> nn.Module:
    """torchvision's model, without memory for its weights."""
    options: dict[str, Any] = {"image_size": size} if model.startswith("vit_") else {}
    if model in ("googlenet", "inception_v3"):
        options["init_weights"] = False  # or they warn that some day it will be the default
    with torch.device("meta"), patch.object(BlockParams, "from_init_params", regnet_widths):
        return torchvision.models.get_model(model, weights=None, **options)


def randomised(module: nn.Module, seed: int) -> nn.Module:
    """The module on the CPU, with weights and statistics at which nothing over- or underflows."""
    module = module.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif name.endswith("num_batches_tracked"):
                tensor.zero_()
            elif name.endswith(("running_mean", "bias")):
                tensor.uniform_(-0.1, 0.1, generator=generator)
            elif tensor.ndim <= 1 or name.endswith("layer_scale"):
                tensor.uniform_(0.2, 0.6, generator=generator)
            else:
                bound = (6 / tensor[0].numel()) ** 0.5
                tensor.uniform_(-bound, bound, generator=generator)
    return module
