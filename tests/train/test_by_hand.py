"""The networks and the recipe that the benchmark holds archlang against are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archlang.train.data import Data
from archlang.train.loader import Batches, EvaluationBatches
from archlang.train.loop import Course, Trainer
from archlang.train.prepare import Preparation
from archlang.train.recipe import Recipe, read_recipe, resolve
from archlang.train.task import Classification
from benchmarks import training
from benchmarks.plain import Loop, share
from benchmarks.training import CASES, FASHION, Case, recipe

CPU = torch.device("cpu")


def twins(case: Case) -> tuple[nn.Module, nn.Module]:
    """Ours, and the one by hand with the same weights."""
    ours, by_hand = case.network().to_torch(), case.by_hand()
    by_hand.load_state_dict(ours.state_dict())
    return ours, by_hand


@pytest.mark.parametrize("name", ["digits", "resnet"])
def test_the_networks_compute_the_same(name: str) -> None:
    torch.manual_seed(0)
    ours, by_hand = twins(CASES[name])
    x = torch.randn(4, 1, 28, 28)
    torch.testing.assert_close(ours(x), by_hand(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["lenet", "resnet"])
def test_the_plans_are_the_examples(name: str) -> None:
    """What the benchmark trains by is what the recipes of the example say."""
    theirs = resolve(read_recipe(str(FASHION / f"{name}.toml"))).recipe
    ours = Recipe.of(recipe(CASES[name].plan))
    left = {"device": "auto"}
    assert {**ours.model_dump(), **left} == {**theirs.model_dump(), **left}


@pytest.mark.parametrize("name", ["digits", "resnet"])
def test_the_loops_take_the_same_steps(name: str) -> None:
    """On images that nothing is done to and in one order, both learn the same."""
    torch.manual_seed(0)
    case = CASES[name]
    plan = replace(case.plan, epochs=3, batch=8, shift=0, flip=0.0, bf16=False)
    ours, by_hand = twins(case)
    learn = torch.randint(0, 256, (8, 1, 28, 28), dtype=torch.uint8), torch.arange(8)
    data = Data.held("noise", tuple("0123456789"), learn, learn)
    made, prepare = Recipe.of(recipe(plan)), Preparation.measured(data, (1, 28, 28))
    feed = Batches(data.train, prepare, made.augment, batch_size=8)
    judge = EvaluationBatches(data.test, prepare, batch_size=8)
    trainer = Trainer(ours, Course(Classification(data.classes), feed, judge, {}), made, CPU)
    loop = Loop(by_hand, learn, learn, plan)
    losses = [trainer.advance() for _ in range(3)]
    for _ in loop.steps():
        pass
    # The order of eight images in their one batch changes the last digits alone.
    assert loop.losses == pytest.approx(losses, rel=1e-3)
    assert loop.losses[-1] < loop.losses[0]


def test_the_rates_are_the_same() -> None:
    for case in CASES.values():
        made = Recipe.of(recipe(case.plan))
        steps = case.plan.epochs * 23
        for step in range(0, steps, 7):
            rate = case.plan.lr * share(step, steps, case.plan.warmup)
            assert made.lr(step, 23) == pytest.approx(rate)


def test_the_interval_of_a_median() -> None:
    """Of ten values, the second and the ninth: 98 %, for the third and the eighth have 89 %."""
    assert training.interval([float(n) for n in range(1, 11)]) == (2.0, 9.0)
    assert training.interval([1.0, 2.0]) == (1.0, 2.0)


@pytest.mark.slow
def test_the_benchmark_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    argv: list[Any] = ["training", "--quick", "--on", "digits", "--json", tmp_path / "rows.json"]
    monkeypatch.setattr("sys.argv", [str(a) for a in argv])
    training.main()
    assert "plain PyTorch" in capsys.readouterr().out
    assert "verdict" in (tmp_path / "rows.json").read_text()
    monkeypatch.setattr("sys.argv", ["training", "--quick", "--seeds", "2", "--on", "digits"])
    training.main()
    said = capsys.readouterr().out
    assert "over 2 seeds" in said
    assert "they differ by" in said


def test_the_benchmark_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archlang.train.data.builtin._DEBIAN_FASHION", Path("/nowhere"))
    monkeypatch.setattr("sys.argv", ["training", "--quick", "--seeds", "2", "--on", "lenet"])
    training.main()
    assert "left out: `fashion-mnist` is not installed" in capsys.readouterr().out
