"""Networks written by hand, which training cannot tell from elaborated ones, and little data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archlang.train import Data

SPEC = "model lenet5 {\n    conv(5x5, 6)\n}\n"


@dataclass(frozen=True)
class Count:
    params: int = 61_706


@dataclass(frozen=True)
class FakeNetwork:
    build: Callable[[], nn.Module]
    name: str = "lenet5"
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: {"image": (1, 28, 28)})
    outputs: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: {"output": (10,)})
    aux: Mapping[str, float] = field(default_factory=dict)
    totals: Count = Count()
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=lambda: {"lenet5.arch": SPEC})

    def to_torch(self, *, recompute: Collection[str] = ()) -> nn.Module:
        assert not recompute
        return self.build()


def lenet_module() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def lenet() -> FakeNetwork:
    return FakeNetwork(lenet_module)


def small_module() -> nn.Module:
    """Has all that is hard to resume: batch norm's statistics, dropout's random numbers."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 3)
    )


def small(**changes: Any) -> FakeNetwork:
    fields = {
        "build": small_module,
        "name": "small",
        "inputs": {"image": (1, 8, 8)},
        "outputs": {"output": (3,)},
    }
    return FakeNetwork(**{**fields, **changes})


def unexplained(folder: Path) -> list[str]:
    """What lies in a run's folder that its page does not list."""
    named = re.findall(r"^\| `(.+?)` \| .", (folder / "README.md").read_text(), re.MULTILINE)
    globs = [name.replace("…", "*") for name in named]
    assert "README.md" in globs
    return [p.name for p in folder.iterdir() if not any(fnmatch(p.name, g) for g in globs)]


def stripes(train: int = 49, test: int = 20) -> Data:
    """Three classes told apart by which third is bright."""
    random = torch.Generator().manual_seed(0)

    def part(count: int) -> tuple[Tensor, Tensor]:
        labels = torch.arange(count) % 3
        images = torch.randint(0, 120, (count, 1, 8, 8), generator=random)
        for image, label in zip(images, labels.tolist(), strict=True):
            image[:, 2 * label : 2 * label + 3] += 120
        return images.to(torch.uint8), labels

    return Data.held("stripes", ("top", "middle", "bottom"), part(train), part(test))
