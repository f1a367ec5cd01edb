"""Networks written by hand, which training cannot tell from elaborated ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from archlang.source import Source


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
    source: Source = Source("lenet5.arch", "model lenet5 {\n    conv(5x5, 6)\n}\n")

    def to_torch(self) -> nn.Module:
        return self.build()


def lenet_module() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def lenet() -> FakeNetwork:
    return FakeNetwork(lenet_module)
