"""Predictions: images in, probabilities of classes out; by one network or by several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from archlang.train.device import fitting, random_kept, seed_everything
from archlang.train.errors import TrainError, UsageError
from archlang.train.given import Batch, Images, prepared, read
from archlang.train.heap import heap_kept
from archlang.train.saved import Run, Trained, trained
from archlang.train.uncertainty import Spread, dropout_alone, dropping_modules


@dataclass(frozen=True)
class Predictions:
    """What N images show, by ``names``: their files, or numbers.

    ``spread`` has the probabilities of the K ``classes``, and how far the draws agree:
    ``members`` networks, each run ``passes`` times. ``output`` is the one looked at of
    ``outputs``.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    spread: Spread = field(repr=False)
    members: int = 1
    passes: int = 1
    output: str = "output"
    outputs: tuple[str, ...] = ("output",)

    @property
    def probabilities(self) -> Tensor:
        """Float64 [N, K]: the mean over all draws."""
        return self.spread.mean

    @property
    def labels(self) -> tuple[str, ...]:
        """The most probable class of each image, the first of equals."""
        return tuple(best[0][0] for best in self.top(1))

    def top(self, k: int = 5) -> list[list[tuple[str, float]]]:
        """For each image its ``k`` most probable classes with their probabilities."""
        return [
            [(self.classes[i], float(row[i])) for i in ranks]
            for row, ranks in zip(self.probabilities, self.ranks(k).tolist(), strict=True)
        ]

    def ranks(self, k: int) -> Tensor:
        """The indices of the ``k`` most probable classes, int64 [N, min(k, K)]."""
        return self.probabilities.argsort(dim=1, descending=True, stable=True)[:, :k]


def predict(
    run: Run,
    images: Images,
    *,
    output: str | None = None,
    device: str = "auto",
    batch_size: int = 64,
) -> Predictions:
    """What ``images`` show, by the network of a run; see ``trained`` for what a run can be.

    Images are brought to the network as in training: grey becomes colour and colour grey as the
    network was trained. A network with several inputs takes a table, or the images of each by
    its name. ``output`` names one of several outputs; without it the first that tells a class for
    an image is taken.
    Raises ``TrainError``: for what is no run, for a folder without images, for a file that
    cannot be decoded, and for a network that tells classes of pixels: see ``segment``.
    """
    draw = Draws.of([run], None, output=output, device=device)
    return _predicted(draw, images, batch_size)


def mc_dropout(
    run: Run,
    images: Images,
    passes: int = 30,
    *,
    seed: int = 0,
    output: str | None = None,
    device: str = "auto",
    batch_size: int = 64,
) -> Predictions:
    """The same of ``passes`` passes with dropout turned on, and it alone.

    The probabilities are the mean; ``spread`` has variance, entropy and mutual information.
    The masks follow from ``seed``. Raises ``TrainError`` also where the network drops nothing.
    """
    how: dict[str, Any] = {"output": output, "device": device, "batch_size": batch_size}
    return ensemble([run], images, passes, seed=seed, **how)


def ensemble(
    runs: Sequence[Run],
    images: Images,
    passes: int | None = None,
    *,
    seed: int = 0,
    output: str | None = None,
    device: str = "auto",
    batch_size: int = 64,
) -> Predictions:
    """The mean of the probabilities of several networks; ``spread`` says how they disagree.

    Each prepares the images in its own way. With ``passes``, each is run so often with dropout,
    as in ``mc_dropout``. Raises ``TrainError`` also where their classes differ.
    """
    draw = Draws.of(runs, passes, seed=seed, output=output, device=device)
    return _predicted(draw, images, batch_size)


@heap_kept()
def _predicted(draws: Draws, images: Images, batch_size: int) -> Predictions:
    first = draws.members[0]
    if first.per_pixel(draws.output):
        raise UsageError(
            f"`{draws.asked}` tells a class for each pixel, and this names that of an image",
            "archlang.train.segment gives its masks",
        )
    names, batches = read(images, batch_size, first)
    parts: list[Spread] = []
    with random_kept(first.device), fitting(batch_size):
        for number, batch in enumerate(batches):
            draw = torch.stack([p.cpu() for p in draws.probabilities(batch, number)])
            check_finite(draw, names[sum(len(part.mean) for part in parts) :])
            parts.append(Spread.of(draw))
    spread = Spread.joined(parts)
    made, passes = len(draws.members), draws.passes
    classes = first.classes_of(draws.output)
    return Predictions(names, classes, spread, made, passes, draws.output, draws.outputs)


@dataclass(frozen=True)
class Draws:
    """What is asked for each batch of images: ``passes`` passes of each of the ``members``.

    With ``dropping``, dropout is on in them, its masks following from ``seed``.
    """

    members: Sequence[Trained]
    passes: int
    dropping: bool
    seed: int
    output: str
    outputs: tuple[str, ...]

    @classmethod
    def of(
        cls,
        runs: Sequence[Run],
        passes: int | None,
        *,
        seed: int = 0,
        output: str | None = None,
        device: str = "auto",
        pixels: bool = False,
    ) -> Draws:
        """Of ``output``, or of the first that tells classes of ``pixels``, or of images.

        Raises ``TrainError`` where the networks are not there, or do not go together.
        """
        if not runs:
            raise UsageError("an ensemble wants at least one network")
        if passes is not None and passes < 1:
            raise UsageError(f"{passes} passes are none", "30 are usual")
        members = [trained(run, device=device) for run in runs]
        outputs = members[0].output_names
        able = (name for name in outputs if members[0].per_pixel(name) == pixels)
        chosen = output or next(able, outputs[0])
        for other in members[1:]:
            _check_same_inputs(members[0], other)
            _check_same_classes(members[0], other, chosen)
        for member in members:
            if member is members[0] or len(member.output_names) > 1:
                _check_output(member, chosen)
            if member.per_pixel(chosen) != members[0].per_pixel(chosen):
                raise UsageError(
                    f"{member.path} and {members[0].path} do not go together: "
                    "one tells classes of pixels, the other those of images"
                )
            if passes is not None and not dropping_modules(member.module):
                raise UsageError(
                    f"`{member.network.name}` has no dropout, so every pass would be the same",
                    "train it with `dropout(0.5)` before a linear layer, or leave the passes out",
                )
        dropping = passes is not None
        return cls(members, passes or 1, dropping, seed, chosen, outputs)

    @property
    def asked(self) -> str:
        """The first network, or which of its several outputs it is, for people."""
        name = self.members[0].network.name
        return name if len(self.outputs) == 1 else f"{name}.{self.output}"

    @property
    def count(self) -> int:
        """How many draws there are of each image."""
        return len(self.members) * self.passes

    def probabilities(self, batch: Batch, number: int) -> Iterator[Tensor]:
        """Draw by draw for batch ``number``, float64 [n, K] or [n, K, H, W], on the device."""
        made = 0
        for member in self.members:
            output = self.output if len(member.output_names) > 1 else None
            x = prepared(member, batch)
            with dropout_alone(member.module) if self.dropping else nullcontext():
                for _ in range(self.passes):
                    seed_everything(member.device, self.seed, number, made)
                    yield member.logits(x, output).double().softmax(1)
                    made += 1


def check_finite(probabilities: Tensor, names: Sequence[str]) -> None:
    """Raise ``TrainError`` for the first image whose [draws, n, …] are not all finite."""
    broken = ~probabilities.isfinite().flatten(2).all(-1).all(0)
    if bool(broken.any()):
        raise TrainError(
            f"the network gives numbers that are not finite for {names[int(broken.nonzero()[0])]}",
            "its weights are broken: take another checkpoint",
        )


def _check_output(member: Trained, output: str) -> None:
    names = member.output_names
    if output not in names:
        what = f"the outputs {', '.join(names)}" if len(names) > 1 else "one output"
        raise UsageError(f"`{member.network.name}` has no output `{output}`", f"it has {what}")


def _check_same_inputs(one: Trained, other: Trained) -> None:
    mine, theirs = tuple(one.prepares), tuple(other.prepares)
    if len(mine) == len(theirs) == 1 or mine == theirs:
        return
    raise UsageError(
        f"{one.path} takes {', '.join(mine)}, but {other.path} {', '.join(theirs)}",
        "an ensemble shares its inputs",
    )


def _check_same_classes(one: Trained, other: Trained, output: str) -> None:
    mine, theirs = one.classes_of(output), other.classes_of(output)
    if mine == theirs:
        return
    if len(mine) != len(theirs):
        what = f"{len(mine)} classes, but {other.path} {len(theirs)}"
        raise UsageError(f"{one.path} tells apart {what}", "an ensemble shares its classes")
    pairs = enumerate(zip(mine, theirs, strict=True))
    i, (a, b) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    raise UsageError(
        f"class {i} is {a} in {one.path}, but {b} in {other.path}", "an ensemble shares its classes"
    )
