"""What is learned: the loss, the shape of an output, and how good an output is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.batch import Many, one_of
from archlang.train.data import IGNORE, Data
from archlang.train.data.samples import ONLY
from archlang.train.errors import TrainError
from archlang.train.loader import IGNORED

Outputs = Many
Merit = Fraction | float


class Meter(ABC):
    """Sums over samples, so that those of several processes can be added up."""

    sums: Tensor
    """Float64, on the device."""

    @abstractmethod
    def add(self, logits: Tensor, targets: Tensor) -> None:
        """Count a batch."""

    @abstractmethod
    def score(self) -> dict[str, Any]:
        """What the sums say: ``eval_loss`` in nats, ``accuracy``, ``correct`` of ``count``."""


@dataclass(frozen=True)
class Task(ABC):
    """How a network's outputs are held against the targets of ``classes``.

    Outputs in ``own`` have labels or masks of their own, each with its task. ``weights`` are those
    of outputs in the loss, where they are not 1.
    """

    classes: tuple[str, ...]
    own: Mapping[str, Task] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def of(self, output: str) -> Task:
        """The task of one output; that without a name, of a network in use, is the first."""
        first = next(iter(self.own.values()), self)
        return self.own.get(output, first)

    @abstractmethod
    def shape(self, targets: Tensor) -> tuple[int, ...]:
        """The shape that an output has for a batch with these ``targets``."""

    @abstractmethod
    def meter(self, device: torch.device) -> Meter:
        """Nothing counted yet."""

    @abstractmethod
    def _merit(self, score: Mapping[str, Any]) -> Merit:
        """How good a score is, from 0 to 1."""

    def merit(self, entry: Mapping[str, Any]) -> Merit:
        """How good an epoch was: the best has most of it. Several outputs count alike."""
        scores: Mapping[str, Mapping[str, Any]] = entry.get("outputs", {"": entry})
        each = [self.of(name)._merit(score) for name, score in scores.items()]
        # Of labels alone exact, so that of equals the earliest is the best.
        return sum(each, Fraction(0))

    def loss(
        self,
        outputs: Outputs,
        targets: Many,
        aux: Mapping[str, float],
        smoothing: float = 0.0,
        factors: Mapping[str, float] | None = None,
    ) -> Tensor:
        """Cross-entropy of every output, ``weight`` times that of an auxiliary one; a mean.

        ``targets`` are int64 classes, or shares of all classes; ``factors`` are those of a part
        of a batch. Heads as in Szegedy et al. 2015, Going deeper with convolutions. Computed in
        float32.
        """
        counted = factors or {}

        def entropy(name: str, logits: Tensor) -> Tensor:
            held = one_of(targets, name)
            factor = counted.get(name, counted.get(ONLY, 1.0))
            loss = F.cross_entropy(logits.float(), held, label_smoothing=smoothing)
            if held.ndim > 2:
                # The mean of no pixels is no number.
                loss = torch.where((held != IGNORED).any(), loss, 0.0)
            weight = factor * aux.get(name, self.weights.get(name, 1.0))
            return loss if weight == 1 else weight * loss

        if isinstance(outputs, Tensor):
            return entropy("", outputs)
        loss, *others = (
            entropy(name, outputs[name]) for name in (*(n for n in outputs if n not in aux), *aux)
        )
        for value in others:
            loss = loss + value
        return loss


def main_outputs(outputs: Outputs, aux: Mapping[str, float]) -> dict[str, Tensor]:
    """The logits among what a network returns, by name: all outputs that are not ``aux``."""
    if isinstance(outputs, Tensor):
        return {"output": outputs}
    return {name: value for name, value in outputs.items() if name not in aux}


def main_output(outputs: Outputs, aux: Mapping[str, float]) -> Tensor:
    """The first of them."""
    return next(iter(main_outputs(outputs, aux).values()))


def summed(logits: Tensor, targets: Tensor) -> Tensor:
    """The cross-entropy of all samples, or pixels, in nats; float64, so that batches add up."""
    each = F.cross_entropy(logits, targets, reduction="none", ignore_index=IGNORED)
    return each.sum(dtype=torch.float64)


class Classification(Task):
    """One class for each sample: outputs are [N, classes]."""

    def shape(self, targets: Tensor) -> tuple[int, ...]:
        return len(targets), len(self.classes)

    def meter(self, device: torch.device) -> Meter:
        return _Classes(device)

    def _merit(self, score: Mapping[str, Any]) -> Merit:
        return Fraction(score["correct"], score["count"])


class _Classes(Meter):
    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)

    def add(self, logits: Tensor, targets: Tensor) -> None:
        loss = summed(logits, targets)
        correct = (logits.argmax(1) == targets).sum()
        count = torch.tensor(len(targets), device=logits.device)
        self.sums += torch.stack([loss, correct.double(), count.double()])

    def score(self) -> dict[str, Any]:
        loss, correct, count = self.sums.tolist()
        return {
            "eval_loss": loss / count,
            "accuracy": correct / count,
            "correct": int(correct),
            "count": int(count),
        }


class Segmentation(Task):
    """One class for each pixel: outputs are [N, classes, H, W]."""

    def shape(self, targets: Tensor) -> tuple[int, ...]:
        return len(targets), len(self.classes), *targets.shape[1:]

    def meter(self, device: torch.device) -> Meter:
        return _Pixels(len(self.classes), device)

    def _merit(self, score: Mapping[str, Any]) -> Merit:
        return float(score["iou"])


class _Pixels(Meter):
    """The loss, and how often each class was taken for each: rows are what it was."""

    def __init__(self, classes: int, device: torch.device) -> None:
        self.classes = classes
        self.sums = torch.zeros(1 + classes * classes, dtype=torch.float64, device=device)

    def add(self, logits: Tensor, targets: Tensor) -> None:
        counted = targets != IGNORED
        pairs = targets[counted] * self.classes + logits.argmax(1)[counted]
        self.sums[0] += summed(logits, targets)
        self.sums[1:] += torch.bincount(pairs, minlength=self.classes**2).double()

    def score(self) -> dict[str, Any]:
        table = self.sums[1:].view(self.classes, self.classes)
        right, count = table.diag(), float(table.sum())
        if not count:
            raise TrainError(
                f"no pixel has a class: all are {IGNORE}", "masks count classes from 0"
            )
        union = table.sum(0) + table.sum(1) - right
        present = union > 0
        correct = float(right.sum())
        return {
            "eval_loss": float(self.sums[0]) / count,
            "accuracy": correct / count,
            "correct": int(correct),
            "count": int(count),
            "iou": float((right[present] / union[present]).mean()),
        }


TASKS: Mapping[str, type[Task]] = {
    "classification": Classification,
    "segmentation": Segmentation,
}
"""By the names that data sets have for them."""


def task_of(data: Data, own: Mapping[str, tuple[str, ...]], weights: Mapping[str, float]) -> Task:
    """What is learned from ``data`` by outputs of which those in ``own`` have its own targets."""
    each = {name: TASKS[data.task_of(name)](classes) for name, classes in own.items()}
    return TASKS[data.task](data.classes, each, weights)
