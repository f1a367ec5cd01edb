"""Small modules, with and without what looks at their inputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.analyses import plan
from tests.backends.networks import MIXED, SIAMESE, UNET, inputs

PAIR = "model pair { input a: [3, H=12]; input b: [2, H]; concat { a | b } -> maxpool(2) }"
STEM = "model stem { input x: [3, H=33, W=33]; conv(3x3, 4, stride=2) -> bn -> relu }"
SMALL = {"unet": UNET, "siamese": SIAMESE, "mixed": MIXED, "pair": PAIR, "stem": STEM}


def made(name: str) -> tuple[nn.Module, list[Tensor]]:
    """A module in evaluation mode, and inputs that it takes."""
    torch.manual_seed(0)
    network = archlang.loads(SMALL[name])
    return network.to_torch().eval(), inputs(network)


def unguarded(name: str, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The same module without the test."""
    with monkeypatch.context() as patch:
        patch.setattr(plan, "LOOKS", "False")
        return made(name)[0]
