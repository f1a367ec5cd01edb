from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from archlang.train.sweeps.check import check
from archlang.train.sweeps.results import OneRun, Outcome, Score, Sweep, score_in, spread
from tests.train.sweeps.specs import asked


def swept(values: list[list[float]], **options: Any) -> Sweep:
    """A sweep whose combinations came to these shares, seed by seed; dearer and dearer."""
    ask = asked({"width": f"2:{1 + len(values)}"}, seeds=3, **options)
    outcomes = []
    for point, shares in zip(check(ask), values, strict=True):
        scores = [Score("test accuracy", share, share, 1.0) for share in shares]
        runs = [OneRun(n, f"{n}", "done", score) for n, score in enumerate(scores)]
        outcomes.append(Outcome(point, tuple(runs)))
    return Sweep(ask, "stripes", tuple(outcomes), Path("there"))


def widths(found: list[Outcome]) -> list[int]:
    return [int(o.point.combination.texts["width"]) for o in found]


@pytest.mark.parametrize("cost", ["params", "macs", "memory"])
def test_the_front_is_what_nothing_is_better_than(cost: Any) -> None:
    drawn = Random(1)
    for _ in range(20):
        sweep = swept([[drawn.choice((0.5, 0.6, 0.7, 0.8, 0.9))] for _ in range(6)], cost=cost)
        dominated = [
            any(
                (o.mean or 0) >= (one.mean or 0)
                and sweep.cost(o) <= sweep.cost(one)
                and (o.mean, sweep.cost(o)) != (one.mean, sweep.cost(one))
                for o in sweep.outcomes
            )
            for one in sweep.outcomes
        ]
        expected = [o for o, beaten in zip(sweep.outcomes, dominated, strict=True) if not beaten]
        assert widths(sweep.front) == widths(expected)
        assert all(a.mean < b.mean for a, b in pairwise(sweep.front) if a.mean and b.mean)


def test_the_best_is_the_cheapest_of_the_best() -> None:
    sweep = swept([[0.5], [0.9], [0.9], [0.7]])
    assert sweep.best is sweep.outcomes[1]
    assert widths(sweep.front) == [2, 3]


def test_means_and_deviations() -> None:
    sweep = swept([[0.9, 0.92, 0.97], [0.5], []])
    first, second, third = sweep.outcomes
    assert first.mean == pytest.approx(0.93)
    assert first.deviation == pytest.approx(0.0360555)  # of 0.03, 0.01, 0.04 over two
    assert spread(first) == "93.00% ± 3.61"
    assert (second.deviation, spread(second)) == (None, "50.00%")
    assert (third.mean, spread(third)) == (None, "")
    assert sweep.trained == [first, second]


def test_nothing_trained() -> None:
    sweep = swept([[], []])
    assert (sweep.best, sweep.front, sweep.score) == (None, [], "accuracy")
    assert json.loads(json.dumps(sweep.to_json()))["score"] is None


HISTORY = [
    {"epoch": 1, "on": "validation", "accuracy": 0.8, "correct": 8},
    {"epoch": 2, "on": "validation", "accuracy": 0.7, "correct": 7},
]
RESULTS = {"accuracy": 0.6, "test_accuracy": 0.75, "best_epoch": 1, "seconds": 2.0}


def written(folder: Path, history: list[dict[str, Any]], **about: Any) -> Path:
    (folder / "history.jsonl").write_text("".join(f"{json.dumps(e)}\n" for e in history))
    (folder / "run.json").write_text(json.dumps({"model": "net", "recipe": {"seed": 1}, **about}))
    return folder


def test_the_score_of_a_run(tmp_path: Path) -> None:
    folder = written(tmp_path, HISTORY, results=RESULTS)
    assert score_in(folder, {}) == Score("validation accuracy", 0.8, 0.75, 2.0)
    on_test = [{**entry, "on": "test"} for entry in HISTORY]
    written(tmp_path, on_test, results={**RESULTS, "accuracy": 0.7})
    assert score_in(folder, {}) == Score("test accuracy", 0.7, 0.7, 2.0)
    masks = [{**entry, "iou": 0.4} for entry in on_test]
    written(tmp_path, masks, results={**RESULTS, "accuracy": 0.7})
    assert score_in(folder, {}) == Score("test IoU", 0.4, 0.7, 2.0)


def test_a_run_that_is_not_done_or_another_has_none(tmp_path: Path) -> None:
    assert score_in(tmp_path, {}) is None
    written(tmp_path, HISTORY)
    assert score_in(tmp_path, {}) is None
    written(tmp_path, HISTORY, results=RESULTS)
    assert score_in(tmp_path, {"recipe": {"seed": 1}}) is not None
    assert score_in(tmp_path, {"recipe": {"seed": 2}}) is None
    # what an older version had no field for is at its default
    assert score_in(tmp_path, {"recipe": {"seed": 1, "layer_decay": 1.0}}) is not None
    assert score_in(tmp_path, {"recipe": {"seed": 1, "layer_decay": 0.5}}) is None
    assert score_in(tmp_path, {"files": {}}) is None
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "on"')
    assert score_in(tmp_path, {}) is None
