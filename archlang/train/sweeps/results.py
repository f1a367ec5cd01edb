"""What came of a sweep: the runs of each combination, the best, and the front."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal, TypeAlias

from archlang.train.recipe import Recipe
from archlang.train.sweeps.ask import Ask
from archlang.train.sweeps.check import Point

State: TypeAlias = Literal["done", "failed", "open"]


@dataclass(frozen=True)
class Score:
    """What a finished run came to. ``value`` and ``test`` are shares, 0 to 1.

    ``name`` says what ``value`` is: where validation images choose, that of the best epoch on
    them, and ``test`` is the accuracy of the same weights on the test images; else that of the
    last epoch on the test images.
    """

    name: str
    value: float
    test: float
    seconds: float


@dataclass(frozen=True)
class OneRun:
    """A combination trained with one seed: in ``folder``, or why it failed."""

    seed: int
    folder: str
    state: State = "open"
    score: Score | None = None
    message: str = ""


@dataclass(frozen=True)
class Outcome:
    """A combination and its runs: none where it is left out."""

    point: Point
    runs: tuple[OneRun, ...] = ()

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Those of the runs that are done."""
        return tuple(run.score for run in self.runs if run.score is not None)

    @property
    def mean(self) -> float | None:
        """The mean of the seeds that are done."""
        return fmean(s.value for s in self.scores) if self.scores else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation over seeds, that of a sample; None of fewer than two."""
        return stdev(s.value for s in self.scores) if len(self.scores) > 1 else None

    @property
    def test(self) -> float | None:
        """The mean accuracy on the test images."""
        return fmean(s.test for s in self.scores) if self.scores else None

    @property
    def seconds(self) -> float | None:
        """What the training of a run took, on average."""
        return fmean(s.seconds for s in self.scores) if self.scores else None

    @property
    def failed(self) -> list[OneRun]:
        """The runs that came to no end."""
        return [run for run in self.runs if run.state == "failed"]


@dataclass(frozen=True)
class Sweep:
    """All combinations of a sweep, in order, and what came of each; ``folder`` has their runs."""

    ask: Ask = field(repr=False)
    data: str
    outcomes: tuple[Outcome, ...]
    folder: Path | None = None

    @cached_property
    def trained(self) -> list[Outcome]:
        """Those with a score."""
        return [o for o in self.outcomes if o.mean is not None]

    @property
    def kept(self) -> list[Outcome]:
        """Those that are not left out."""
        return [o for o in self.outcomes if o.point.left_out is None]

    @property
    def score(self) -> str:
        """What the scores are of: the accuracy on the test or the validation images."""
        return self.trained[0].scores[0].name if self.trained else "accuracy"

    @property
    def best(self) -> Outcome | None:
        """That with the highest mean, the cheapest of several; None where none is trained."""
        return max(self.trained, key=lambda o: (o.mean or 0, -self.cost(o)), default=None)

    @cached_property
    def front(self) -> list[Outcome]:
        """The Pareto front: each better than all that cost as much or less, by rising cost."""
        priced = [o for o in self.trained if self.ask.cost in o.point.figures]
        found: list[Outcome] = []
        for outcome in sorted(priced, key=lambda o: (self.cost(o), -(o.mean or 0))):
            if not found or (outcome.mean or 0) > (found[-1].mean or 0):
                found.append(outcome)
        return found

    def cost(self, outcome: Outcome) -> float:
        """What a combination costs, by the figure that was chosen for it."""
        return outcome.point.figures.get(self.ask.cost, float("inf"))

    def words(self, outcome: Outcome) -> str:
        """What tells a combination from the others."""
        names = self.ask.grid.varying
        combination = outcome.point.combination
        return combination.words(names) or combination.model

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        ask = self.ask
        return {
            "models": list(ask.grid.models),
            "data": self.data,
            "axes": {axis.name: list(axis.texts) for axis in ask.grid.axes},
            "require": [r.text for r in ask.require],
            "seeds": ask.seeds,
            "drawn": ask.draw,
            "cost": ask.cost,
            "score": self.score if self.trained else None,
            "combinations": [self._plain(o) for o in self.outcomes],
        }

    def _plain(self, outcome: Outcome) -> dict[str, Any]:
        combination, left_out = outcome.point.combination, outcome.point.left_out
        return {
            "model": combination.model,
            "settings": dict(combination.texts),
            "figures": dict(outcome.point.figures),
            "left_out": None if left_out is None else left_out.to_json(),
            "mean": outcome.mean,
            "deviation": outcome.deviation,
            "test_accuracy": outcome.test,
            "seconds": outcome.seconds,
            "front": any(o is outcome for o in self.front),
            "runs": [asdict(run) for run in outcome.runs],
        }


def score_in(folder: Path, wanted: Mapping[str, Any]) -> Score | None:
    """The score of a finished run; None where there is none, or it is not the one ``wanted``.

    ``wanted`` is a part of what ``run.json`` says of a run.
    """
    try:
        about = json.loads((folder / "run.json").read_text("utf-8"))
        lines = (folder / "history.jsonl").read_text("utf-8").splitlines()
        results, history = about["results"], [json.loads(line) for line in lines]
        about["recipe"] = Recipe.recorded(about["recipe"])
        if not _within(wanted, about):
            return None
        return _score(results, history)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _within(wanted: Any, there: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        return all(name in there and _within(value, there[name]) for name, value in wanted.items())
    return bool(wanted == there)


def _score(results: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Score:
    on = history[-1]["on"]
    chosen = history[-1]
    if on != "test":
        chosen = next(e for e in history if e["epoch"] == results["best_epoch"])
    kind = "iou" if "iou" in chosen else "accuracy"
    test = results["accuracy"] if on == "test" else results["test_accuracy"]
    name = f"{on} {'IoU' if kind == 'iou' else kind}"
    return Score(name, float(chosen[kind]), float(test), float(results["seconds"]))


def share(value: float | None) -> str:
    """A share for people."""
    return "" if value is None else f"{value:.2%}"


def spread(outcome: Outcome) -> str:
    """A mean for people, with its deviation where there is one: ``98.61% ± 0.12``."""
    if outcome.deviation is None:
        return share(outcome.mean)
    return f"{share(outcome.mean)} ± {100 * outcome.deviation:.2f}"


def columns(sweep: Sweep) -> list[str]:
    """The names of what varies, `model` among them; the model's where nothing does."""
    return list(sweep.ask.grid.varying) or ["model"]


def cells(sweep: Sweep, outcome: Outcome) -> Iterator[str]:
    """What stands below ``columns`` for a combination."""
    combination = outcome.point.combination
    for name in columns(sweep):
        yield combination.texts.get(name, combination.model)
