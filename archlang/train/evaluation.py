"""How good a trained network is, class by class: every sample counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite, nan
from typing import Any

import torch
from torch import Tensor

from archlang.train.batch import one_of
from archlang.train.data import IGNORE, Data, check_fit
from archlang.train.data.fit import own_classes
from archlang.train.data.maps import middles
from archlang.train.data.samples import Task
from archlang.train.device import fitting
from archlang.train.errors import TrainError
from archlang.train.evaluated import check_classes, data_of, notes_on, samples_of
from archlang.train.heap import heap_kept
from archlang.train.joint import Judge, judge_of
from archlang.train.loader import IGNORED
from archlang.train.saved import Run, Trained, trained
from archlang.train.task import summed

TOP = 5


@dataclass(frozen=True)
class ClassScore:
    """A class: ``count`` samples or pixels are of it, ``taken`` were taken for it.

    ``accuracy`` is the share of those of it that were found (recall), ``precision`` that of
    those taken for it that are, ``iou`` found over all of either kind, ``dice`` twice found over
    the sum of both (F1); nan where there are none.
    """

    name: str
    count: int
    taken: int
    accuracy: float
    precision: float
    iou: float
    dice: float


@dataclass(frozen=True)
class Evaluation:
    """What a network makes of the ``part`` of a data set; shares are from 0 to 1.

    ``loss`` is the mean cross-entropy in nats, without label smoothing. ``table``, int64 [K, K],
    counts samples (pixels, for segmentation) by what they are, the row, and what they were taken
    for, the column. ``top5`` is the share whose class is among the five most probable; None
    for segmentation, and where there are five classes at most. ``source`` is where the data was
    read, as ``NAME:PATH``; ``notes`` are remarks. Of a network with several outputs this is the
    score of ``output``, and ``outputs`` has that of each, this one first; else it is empty.
    """

    model: str
    data: str
    part: str
    task: Task
    classes: tuple[str, ...]
    loss: float
    top5: float | None
    table: Tensor = field(repr=False)
    notes: tuple[str, ...] = ()
    source: str = ""
    output: str = ""
    outputs: tuple[Evaluation, ...] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """The samples, or pixels, counted."""
        return int(self.table.sum())

    @property
    def correct(self) -> int:
        """Those taken for what they are."""
        return int(self.table.trace())

    @property
    def accuracy(self) -> float:
        """Their share."""
        return self.correct / self.count

    @property
    def per_class(self) -> list[ClassScore]:
        """The score of each class."""
        found: list[ClassScore] = []
        for i, name in enumerate(self.classes):
            right = int(self.table[i, i])
            count, taken = int(self.table[i].sum()), int(self.table[:, i].sum())
            shares = [_share(right, n) for n in (count, taken, count + taken - right)]
            shares.append(_share(2 * right, count + taken))
            found.append(ClassScore(name, count, taken, *shares))
        return found

    @property
    def iou(self) -> float:
        """The mean intersection over union of the classes that are there or were seen."""
        return _mean([score.iou for score in self._there])

    @property
    def dice(self) -> float:
        """The mean Dice coefficient of the same classes."""
        return _mean([score.dice for score in self._there])

    @property
    def _there(self) -> list[ClassScore]:
        return [score for score in self.per_class if score.count or score.taken]

    def confusions(self, most: int = 10) -> list[tuple[str, str, int]]:
        """The most frequent errors: what it is, what it was taken for, how often."""
        wrong = self.table.clone().fill_diagonal_(0)
        order = wrong.flatten().argsort(descending=True, stable=True)[:most].tolist()
        pairs = (divmod(place, len(self.classes)) for place in order)
        named = ((self.classes[i], self.classes[j], int(wrong[i, j])) for i, j in pairs)
        return [error for error in named if error[2]]

    def plain(self) -> dict[str, Any]:
        """It as JSON has it; a share of nothing is null."""
        about = {"model": self.model, "data": self.data, "source": self.source, "part": self.part}
        return {**about, "task": self.task, **self._score(), "notes": list(self.notes)}

    def _score(self) -> dict[str, Any]:
        scores = [
            {k: None if v != v else v for k, v in asdict(score).items()} for score in self.per_class
        ]
        extra: dict[str, Any] = {"top5": self.top5}
        if self.task == "segmentation":
            extra = {"iou": self.iou, "dice": self.dice}
        if self.output:
            extra = {"output": self.output, **extra}
        if self.outputs:
            extra["outputs"] = {other.output: other._score() for other in self.outputs}
        return {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.accuracy,
            **extra,
            "loss": self.loss,
            "classes": scores,
            "confusion": self.table.tolist(),
        }


@heap_kept()
def evaluate(
    run: Run,
    data: str | Data | None = None,
    *,
    part: str = "test",
    batch_size: int | None = None,
    workers: int = 0,
    device: str = "auto",
) -> Evaluation:
    """Score a run's network on the ``part`` of a data set: test, validation or training.

    ``data`` is ``NAME`` or ``NAME:PATH``, or a ``Data``; without it the run's own, from where the
    run read it. It is split as it was for the training, and every sample counts once. Size,
    mean, deviation and classes are the checkpoint's. Raises ``TrainError`` where there is no run,
    and where the data has other classes or channels.
    """
    one = trained(run, device=device)
    found = data_of(one, data)
    check_classes(one, found)
    samples = samples_of(one, found, part)
    check_fit(one.network, replace(found, train=samples, test=samples, valid=None))
    batches = judge_of(
        samples,
        one.preparation,
        batch_size=batch_size or one.recipe["batch_size"],
        workers=workers,
        device=one.device,
        middles=middles(one.network),
        own={name: len(classes) for name, classes in own_classes(one.network, found).items()},
    )
    tallies = _tallied(one, batches)
    scores = [_scored(one, found, part, name, tally) for name, tally in tallies.items()]
    if len(scores) == 1:
        return replace(scores[0], output="")
    return replace(scores[0], outputs=tuple(scores))


def _tallied(one: Trained, batches: Judge) -> dict[str, _Tally]:
    """What is counted of each output."""
    tallies: dict[str, _Tally] = {}
    with fitting(batches.batch_size):
        for images, targets in batches:
            for name, logits in one.outputs(images).items():
                if name not in tallies:
                    classes, whole = len(one.classes_of(name)), not one.per_pixel(name)
                    tallies[name] = _Tally(classes, whole, one.device)
                tallies[name].add(logits, one_of(targets, name))
    return tallies


def _scored(one: Trained, data: Data, part: str, output: str, tally: _Tally) -> Evaluation:
    """What is counted, as a score; raises ``TrainError`` where there is none."""
    counted = int(tally.table.sum())
    if not counted:
        raise TrainError(
            f"no {part} pixel of {data.name} has a class: all are {IGNORE}",
            "masks count classes from 0",
        )
    loss = float(tally.loss) / counted
    if not isfinite(loss):
        raise TrainError(f"the loss is {loss}", f"{one.path} is broken: take another checkpoint")
    return Evaluation(
        one.network.name,
        data.name,
        part,
        data.task_of(output),
        one.classes_of(output),
        loss,
        tally.top5,
        tally.table.cpu(),
        tuple(notes_on(one, data, part)),
        data.source,
        output,
    )


class _Tally:
    """Sums over all samples, or over their pixels."""

    def __init__(self, classes: int, whole: bool, device: torch.device) -> None:
        self.classes, self.whole = classes, whole
        self.loss = torch.zeros((), dtype=torch.float64, device=device)
        self.table = torch.zeros(classes, classes, dtype=torch.int64, device=device)
        self.among = torch.zeros((), dtype=torch.int64, device=device)

    def add(self, logits: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        self.loss += summed(logits, targets)
        counted = targets != IGNORED
        pairs = targets[counted] * self.classes + logits.argmax(1)[counted]
        self.table += torch.bincount(pairs, minlength=self.classes**2).view_as(self.table)
        if self.whole:
            best = logits.topk(min(TOP, self.classes), dim=1).indices
            self.among += (best == targets[:, None]).sum()

    @property
    def top5(self) -> float | None:
        if not self.whole or self.classes <= TOP:
            return None
        return int(self.among) / int(self.table.sum())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan
