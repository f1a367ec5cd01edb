"""The schedules of the learning rate, told apart by ``name``: a new one is one class here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, inf, pi
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from archlang.train.part import NotNegative, Part, Positive
from archlang.train.recipe.part import Count, Share


@dataclass(frozen=True)
class Moment:
    """Where a run is: ``step``, counted from 0, of ``steps`` in all; ``history`` has its epochs."""

    step: int
    steps: int
    per_epoch: int
    history: Sequence[Mapping[str, Any]] = ()


class Schedule(Part):
    """The share of the learning rate at each step: a function of the step, and the history."""

    warmup: Share = 0.05
    """The share of the run in which the rate rises in a straight line."""
    warmup_epochs: NotNegative | None = None
    """The same in epochs, in place of `warmup`."""

    def factor(self, now: Moment) -> float:
        """The share of the learning rate at ``now``."""
        warm = int(self.warmup * now.steps)
        if self.warmup_epochs is not None:
            warm = min(int(self.warmup_epochs * now.per_epoch), now.steps)
        if now.step < warm:
            return (now.step + 1) / warm
        return self.warmed(now, warm)

    def warmed(self, now: Moment, warm: int) -> float:
        """The share once the first ``warm`` steps are over."""
        raise NotImplementedError


class Constant(Schedule):
    """The same rate throughout."""

    name: Literal["constant"] = "constant"

    def warmed(self, now: Moment, warm: int) -> float:
        return 1.0


class Cosine(Schedule):
    """Half a cosine from 1 down to ``end``; Loshchilov and Hutter 2017, SGDR."""

    name: Literal["cosine"] = "cosine"
    end: Share = 0.0
    """The share of the rate that is left at the end."""

    def warmed(self, now: Moment, warm: int) -> float:
        share = 0.5 * (1 + cos(pi * (now.step - warm) / max(1, now.steps - warm)))
        return self.end + (1 - self.end) * share


class Polynomial(Schedule):
    """``(1 - share of the run) ** power``; as Chen et al. 2017, DeepLab."""

    name: Literal["polynomial"] = "polynomial"
    power: Positive = 0.9
    """1 is a straight line."""

    def warmed(self, now: Moment, warm: int) -> float:
        return float((1 - (now.step - warm) / max(1, now.steps - warm)) ** self.power)


class Step(Schedule):
    """Times ``gamma`` after every ``every`` epochs, or at the epochs in ``at``."""

    name: Literal["step"] = "step"
    every: Count = 30
    """Epochs between two drops."""
    at: tuple[Count, ...] = ()
    """The epochs after which the rate drops, in place of `every`."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What the rate is multiplied by."""

    def warmed(self, now: Moment, warm: int) -> float:
        epoch = now.step // now.per_epoch
        drops = sum(epoch >= e for e in self.at) if self.at else epoch // self.every
        return float(self.gamma**drops)


class Plateau(Schedule):
    """Times ``gamma`` when the loss on the images that judge a run has not become lower.

    As AlexNet, VGG and ResNet were trained; by the rule of PyTorch's ``ReduceLROnPlateau``.
    """

    name: Literal["plateau"] = "plateau"
    patience: Annotated[int, Field(ge=0)] = 5
    """Epochs without a lower loss that are borne; the next one drops the rate."""
    threshold: Share = 1e-4
    """The share by which a loss must be lower to count."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What the rate is multiplied by."""

    def warmed(self, now: Moment, warm: int) -> float:
        best, borne, drops = inf, 0, 0
        for entry in now.history:
            if entry["eval_loss"] < best * (1 - self.threshold):
                best, borne = entry["eval_loss"], 0
            else:
                borne += 1
            if borne > self.patience:
                drops, borne = drops + 1, 0
        return float(self.gamma**drops)


AnySchedule: TypeAlias = Annotated[
    Cosine | Step | Plateau | Polynomial | Constant, Field(discriminator="name")
]
