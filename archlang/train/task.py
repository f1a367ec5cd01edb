"""What is learned: the loss, the shape of an output, and how good an output is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang.train.batch import Many, one_of
from archlang.train.loader import IGNORED

Outputs = Many


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

    Outputs in ``own`` have labels, and classes, of their own. ``weights`` are those of outputs in
    the loss, where they are not 1.
    """

    classes: tuple[str, ...]
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def of(self, output: str) -> Self:
        """The task of one output; that without a name, of a network in use, is the first."""
        first = next(iter(self.own.values()), self.classes)
        return replace(self, classes=self.own.get(output, first), own={})

    @abstractmethod
    def shape(self, targets: Tensor) -> tuple[int, ...]:
        """The shape that an output has for a batch with these ``targets``."""

    @abstractmethod
    def meter(self, device: torch.device) -> Meter:
        """Nothing counted yet."""

    @abstractmethod
    def _merit(self, score: Mapping[str, Any]) -> float:
        """How good a score is."""

    def merit(self, entry: Mapping[str, Any]) -> float:
        """How good an epoch was: the best has most of it. Several outputs count alike."""
        return sum(self._merit(score) for score in entry.get("outputs", {"": entry}).values())

    def loss(
        self, outputs: Outputs, targets: Many, aux: Mapping[str, float], smoothing: float = 0.0
    ) -> Tensor:
        """Cross-entropy of every output, ``weight`` times that of an auxiliary one; a mean.

        ``targets`` are int64 classes, or shares of all classes. Heads as in Szegedy et al. 2015,
        Going deeper with convolutions. Computed in float32.
        """

        def entropy(name: str, logits: Tensor) -> Tensor:
            held = one_of(targets, name)
            loss = F.cross_entropy(logits.float(), held, label_smoothing=smoothing)
            weight = aux.get(name, self.weights.get(name, 1.0))
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

    def _merit(self, score: Mapping[str, Any]) -> float:
        return float(score["correct"])


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

    def _merit(self, score: Mapping[str, Any]) -> float:
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
