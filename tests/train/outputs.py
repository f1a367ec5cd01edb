"""What tests of networks with several outputs share: recipes, runs, and one cut short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from archlang import loads
from archlang.train import checkpoint, train
from archlang.train.progress import Reporter

RECIPE: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 8,
    "optimizer": {"lr": 0.01},
    "device": "cpu",
    "label_smoothing": 0,
}
HARD: dict[str, Any] = {
    **RECIPE,
    "epochs": 2,
    "accumulate": 2,
    "ema": {"decay": 0.9},
    "save": {"steps": 1},
}


class Killed(BaseException):
    """What no handler of errors stops."""


class Killer(Reporter):
    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        if step == self.at:
            raise Killed


class Listener(Reporter):
    said = ""

    def say(self, text: str) -> None:
        self.said += f"{text}\n"


def last(run: Path) -> Mapping[str, Any]:
    return checkpoint.load(run / "last.pt")


def fixtures(
    spec: str, recipe: dict[str, Any], hard: dict[str, Any], written: Callable[[Path], Path]
) -> tuple[Any, Any, Any]:
    """Fixtures of a module: a table, and runs on it by the one recipe and by the ``hard`` one."""

    @pytest.fixture(scope="module")
    def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
        return written(tmp_path_factory.mktemp("table"))

    def trained_by(how: dict[str, Any]) -> Any:
        @pytest.fixture(scope="module")
        def run(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
            out = tmp_path_factory.mktemp("run")
            train(loads(spec), f"csv:{table}", how, out, progress=False)
            return out

        return run

    return table, trained_by(recipe), trained_by(hard)


def check_goes_on(
    whole: Path, spec: str, data: str, hard: dict[str, Any], out: Path, step: int, workers: int
) -> int:
    """Check that a run killed after a step goes on to the end of one that was not: its steps."""
    network = loads(spec)
    with pytest.raises(Killed):
        train(network, data, hard, out, progress=Killer(step))
    train(network, data, {**hard, "workers": workers}, out, progress=False)
    one, two = last(whole), last(out)
    assert one["step"] == two["step"] > step
    for kept in ("model", "ema"):
        assert all(torch.equal(value, two[kept][name]) for name, value in one[kept].items())
    steps: int = one["step"]
    return steps
