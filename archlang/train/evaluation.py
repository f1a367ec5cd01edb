"""How good a trained network is, class by class: every sample counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archlang.train.data import (
    IGNORE,
    READERS,
    Data,
    FileSamples,
    Samples,
    TensorSamples,
    check_fit,
    load,
)
from archlang.train.data.samples import Task
from archlang.train.device import fitting
from archlang.train.errors import TrainError, UsageError
from archlang.train.inputs import Split
from archlang.train.loader import IGNORED, EvaluationBatches
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
    found = _data_of(one, data)
    _check_classes(one, found)
    samples = _samples(found, part)
    samples = _in_channels(one, samples, found.name)
    check_fit(one.network, replace(found, train=samples, test=samples, valid=None))
    batches = EvaluationBatches(
        samples,
        one.prepare,
        batch_size=batch_size or one.recipe["batch_size"],
        workers=workers,
        device=one.device,
    )
    tallies = _tallied(one, batches, found.task)
    scores = [_scored(one, found, part, name, tally) for name, tally in tallies.items()]
    if len(scores) == 1:
        return replace(scores[0], output="")
    return replace(scores[0], outputs=tuple(scores))


def _tallied(one: Trained, batches: EvaluationBatches, task: Task) -> dict[str, _Tally]:
    """What is counted of each output."""
    tallies: dict[str, _Tally] = {}
    with fitting(batches.batch_size):
        for images, targets in batches:
            for name, logits in one.outputs(images).items():
                if name not in tallies:
                    tallies[name] = _Tally(len(one.classes), task == "classification", one.device)
                tallies[name].add(logits, targets)
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
        data.task,
        one.classes,
        loss,
        tally.top5,
        tally.table.cpu(),
        tuple(_notes(one, data, part)),
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


def _data_of(run: Trained, data: str | Data | None) -> Data:
    if isinstance(data, Data):
        return data
    if data is None:
        data = _own(run)
    return load(data, split=Split.of(run.recipe.get("split", {})))


def _own(run: Trained) -> str:
    """Where the run's own data is; raises ``UsageError`` where it is not known, or moved."""
    name, said = str(run.identity["data"]["name"]), str(run.source.get("data", ""))
    kind, _, path = said.partition(":")
    if not said:
        if name in READERS:
            return name
        raise UsageError(
            f"{run.path} was trained on {name}, and does not say where that was read",
            "say where it is, as in --data folder:PATH",
        )
    if not path:
        return said
    # Where it was comes first: the same words may mean another folder here.
    places = Path(str(run.source.get("path", path))), Path(path).expanduser()
    for place in places:
        if place.exists():
            return f"{kind}:{place}"
    raise UsageError(
        f"{run.path} was trained on {said}, and {places[0]} is no longer there",
        f"say where it is now: --data {kind}:PATH",
    )


def _check_classes(run: Trained, data: Data) -> None:
    """Raise ``UsageError`` where labels mean something else than in training."""
    if run.classes == data.classes:
        return
    if len(run.classes) != len(data.classes):
        raise UsageError(
            f"{run.path} tells {len(run.classes)} classes apart, but {data.name} has "
            f"{len(data.classes)}",
            f"it was trained on {run.identity['data']['name']}: {_some(run.classes)}",
        )
    pairs = enumerate(zip(run.classes, data.classes, strict=True))
    i, (mine, theirs) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    raise UsageError(
        f"class {i} is {mine} in {run.path}, but {theirs} in {data.name}",
        f"name and order the classes as in training: {_some(run.classes)}",
    )


def _samples(data: Data, part: str) -> Samples:
    name = nearest_part(part)
    if name not in data.parts:
        raise UsageError(
            f"{data.name} has no {part} images", f"it has {', '.join(data.parts)} images"
        )
    return data.parts[name]


def nearest_part(part: str) -> str:
    """A part of a data set by any of its names."""
    return {"train": "training", "valid": "validation", "val": "validation"}.get(part, part)


def _in_channels(run: Trained, samples: Samples, name: str) -> Samples:
    """The samples with the channels that the run was trained on: grey and colour are made so."""
    wanted = len(run.prepare.mean)
    if samples.channels == wanted:
        return samples
    if {samples.channels, wanted} == {1, 3}:
        if isinstance(samples, FileSamples):
            return replace(samples, channels_=wanted)
        if isinstance(samples, TensorSamples) and wanted == 3:
            return replace(samples, images=samples.images.expand(-1, 3, -1, -1))
    raise UsageError(
        f"`{run.network.name}` was trained on images of {wanted} channels, but {name}'s have "
        f"{samples.channels}"
    )


def _notes(run: Trained, data: Data, part: str) -> list[str]:
    """What one should know about the numbers."""
    before = run.identity["data"]
    name = nearest_part(part)
    if before["name"] != data.name:
        return [f"it was trained on {before['name']}"]
    now, then = len(data.parts[name]), before.get(name)
    if then is not None and then != now:
        return [f"the run had {then:,} {name} images, and here are {now:,}"]
    return []


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan
