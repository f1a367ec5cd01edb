"""Batches of several images each, or with several targets: one stream of each, side by side.

A stream of batches is a function of the seed, so those of several inputs see the same samples
in the same order, whichever of them lie in memory and whichever are read from files.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor

from archlang.train.augment import Augment, Mixing
from archlang.train.batch import Many
from archlang.train.data import Columns, FileSamples, Samples
from archlang.train.data.maps import Middle
from archlang.train.data.samples import ONLY
from archlang.train.draws import seed_of
from archlang.train.errors import UsageError
from archlang.train.loader import CPU, Batches, EvaluationBatches
from archlang.train.preparations import AnyPreparation, each_of
from archlang.train.prepare import Preparation
from archlang.train.sampling import Sampler
from archlang.train.views import mixed

Pair = tuple[Many, Many]
"""Images and targets, by input and by output where there are several."""
Middles = Mapping[str, Middle | None]
"""What of a mask each output learns; None for all of it."""


class JointBatches:
    """Training batches of samples with several columns; as ``Batches``.

    ``own`` has the number of classes of each output that has labels or masks of its own,
    ``classes`` that of all others; ``middles`` what of masks each output learns.
    """

    def __init__(
        self,
        samples: Samples,
        prepare: AnyPreparation,
        augment: Augment | None = None,
        *,
        batch_size: int,
        seed: int = 0,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        device: torch.device = CPU,
        classes: int = 0,
        own: Mapping[str, int] | None = None,
        middles: Middles | None = None,
    ) -> None:
        augment = augment or Augment()
        inputs = _inputs(samples, prepare)
        check(augment, samples, inputs)
        self.mixing, self.seed, self.classes = augment.mixing, seed, classes
        self.own = own or {}
        self._targets = _Targets(samples, tuple(self.own), middles or {}, device)
        plain = augment.model_copy(update={"mixing": Mixing()})
        shared: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "rank": rank}
        shared |= {"world": world, "device": device}
        self.each = {
            name: Batches(
                columns,
                one,
                plain.of_input(name, columns.channels) if len(inputs) > 1 else plain,
                workers=_share(workers, len(inputs)),
                draws=draws_of(augment, seed, name),
                **shared,
            )
            for name, (columns, one) in inputs.items()
        }
        self.per_epoch = self._first.per_epoch
        # A second one, for streams that are ahead of this would make it shuffle again.
        self._order = Sampler(len(samples), batch_size, seed, CPU)

    @property
    def _first(self) -> Batches:
        return next(iter(self.each.values()))

    def indices(self, step: int) -> Tensor:
        """The samples of ``step`` that this process sees, int64 [n]."""
        whole, world = self._order.indices(step), self._first.world
        return whole if world == 1 else whole.tensor_split(world)[self._first.rank]

    def start(self, step: int = 0) -> Iterator[Pair]:
        """Batches from ``step`` on, counted from 0 through all epochs, without end."""
        streams = [stream.start(step) for stream in self.each.values()]
        with _ended(streams):
            for at, batch in zip(count(step), zip(*streams, strict=True)):
                images = [x for x, _ in batch]
                targets = self._targets.of(batch[0][1], self.indices(at))
                if self.mixing:
                    images, targets = self._mixed(images, targets, at)
                yield _named(self.each, images), targets.get(ONLY, targets)

    def _mixed(
        self, images: list[Tensor], targets: dict[str, Tensor], step: int
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """All images of a sample mixed with those of one other, by one share; and its labels."""

        def mix(x: Tensor, name: str) -> tuple[Tensor, Tensor]:
            classes = self.own.get(name, self.classes)
            return mixed(self.mixing, x, targets[name], classes=classes, seed=self.seed, step=step)

        first, *others = targets
        pairs = [mix(x, first) for x in images]
        # What is drawn depends on no more of the images than their height and width.
        shares = {first: pairs[0][1], **{name: mix(images[0][:, :1], name)[1] for name in others}}
        return [x for x, _ in pairs], shares


class JointEvaluation:
    """Every sample once, in order, of several columns; as ``EvaluationBatches``."""

    def __init__(
        self,
        samples: Samples,
        prepare: AnyPreparation,
        *,
        batch_size: int,
        workers: int = 0,
        device: torch.device = CPU,
        own: Mapping[str, int] | None = None,
        middles: Middles | None = None,
        **how: Any,
    ) -> None:
        inputs = _inputs(samples, prepare)
        self.batch_size = batch_size
        self._targets = _Targets(samples, tuple(own or ()), middles or {}, device)
        self.each = {
            name: EvaluationBatches(
                columns,
                one,
                batch_size=batch_size,
                workers=_share(workers, len(inputs)),
                device=device,
                **how,
            )
            for name, (columns, one) in inputs.items()
        }

    def __iter__(self) -> Iterator[Pair]:
        """Images of at least one sample, and targets of those that are to be counted."""
        first = next(iter(self.each.values()))
        streams = [iter(stream) for stream in self.each.values()]
        with _ended(streams):
            for number, batch in enumerate(zip(*streams, strict=True)):
                targets = self._targets.of(batch[0][1], first.indices(number))
                yield _named(self.each, [x for x, _ in batch]), targets.get(ONLY, targets)


def _inputs(samples: Samples, prepare: AnyPreparation) -> dict[str, tuple[Samples, Preparation]]:
    """The images of each input and how they are prepared, in the network's order."""
    given = samples.inputs
    prepares = each_of(prepare, tuple(given))
    return {name: (given[name], one) for name, one in prepares.items()}


class _Targets:
    """What each output learns: labels or masks of its own, or those that all share.

    These are under ``ONLY``, unless outputs learn other parts of the masks.
    """

    def __init__(
        self, samples: Samples, own: tuple[str, ...], middles: Middles, device: torch.device
    ) -> None:
        self.labels = {name: samples.answers[name] for name in own if name in samples.answers}
        self.masks, self.own, self.device = samples.masks, own, device
        self.middles = middles

    def of(self, shared: Tensor, here: Tensor) -> dict[str, Tensor]:
        """Those of the samples ``here``, by output; ``shared`` come with the first input."""
        if self.own:
            return {name: self._own(name, shared, here) for name in self.own}
        if shared.ndim < 3 or not self.middles:
            return {ONLY: shared}
        parts = dict.fromkeys(self.middles.values())
        cut = {
            middle: shared if middle is None else middle.of(shared).contiguous() for middle in parts
        }
        if len(cut) == 1:
            return {ONLY: next(iter(cut.values()))}
        return {name: cut[middle] for name, middle in self.middles.items()}

    def _own(self, name: str, shared: Tensor, here: Tensor) -> Tensor:
        if name in self.labels:
            return self.labels[name][here].to(self.device)
        masks = shared[:, self.masks.index(name)] if shared.ndim == 4 else shared
        middle = self.middles.get(name)
        return (masks if middle is None else middle.of(masks)).contiguous()


@contextmanager
def _ended(streams: Sequence[Iterator[tuple[Tensor, Tensor]]]) -> Iterator[None]:
    """Afterwards all streams are at their end, and so are the workers that read for them.

    Where one fails the others would wait for a collector.
    """
    try:
        yield
    finally:
        for stream in streams:
            if isinstance(stream, Generator):
                stream.close()


def draws_of(augment: Augment, seed: int, name: str) -> int:
    """What the changes of an input's images are drawn from: for all the same, or for each its own.

    That of a network's only input is ``seed``.
    """
    alone = name == ONLY or augment.inputs == "together"
    return seed if alone else seed_of("input", seed, name)


def _share(workers: int, inputs: int) -> int:
    """The processes that read one input's images: all together as many as are asked for."""
    return -(-workers // inputs)


def _named(names: Mapping[str, object], images: list[Tensor]) -> Many:
    """Images by input; those of an only input as they are."""
    return images[0] if len(images) == 1 else dict(zip(names, images, strict=True))


def check(
    augment: Augment, samples: Samples, inputs: Mapping[str, tuple[Samples, Preparation]]
) -> None:
    """Raise ``UsageError`` for what images of several inputs cannot have done to them."""
    if len(inputs) == 1:
        augment.check(samples.channels, samples.task)
        return
    named = ", ".join(inputs)
    for name in augment.colours or ():
        if name not in inputs:
            raise UsageError(f"`augment.colours` names `{name}`, and the inputs are {named}")
    if augment.colours is not None and augment.rand_augment:
        raise UsageError(
            "`rand_augment` moves images as well as changing their colours, so it cannot be done "
            "to some inputs alone",
            "use `rotation`, `shift` and `color_jitter`",
        )
    of_each = {n: augment.of_input(n, s.channels) for n, (s, _) in inputs.items()}
    for name, (images, _) in inputs.items():
        of_each[name].check(images.channels, samples.task)
    if augment.pca_noise and not any(each.pca_noise for each in of_each.values()):
        raise UsageError("`pca_noise` moves colours, and all images are grey", "leave it out")
    if augment.inputs == "apart" and samples.task == "segmentation":
        raise UsageError(
            '`augment.inputs = "apart"` changes each input by itself, and there is one mask for '
            "all",
            "leave it out: they are then changed together",
        )
    _check_sizes(augment, inputs)


def _check_sizes(augment: Augment, inputs: Mapping[str, tuple[Samples, Preparation]]) -> None:
    """Raise ``UsageError`` where the same draws would mean other places in each image."""
    sizes = {name: one.shape[1:] for name, (_, one) in inputs.items()}
    if augment.mixing.cutmix and len(set(sizes.values())) > 1:
        raise UsageError(
            f"`cutmix` cuts one rectangle out of all inputs, and they differ in size: {_by(sizes)}",
            "use `mixup`",
        )
    if augment.random_resized_crop is None or augment.inputs == "apart":
        return
    (first, (here, _)), *others = inputs.items()
    for name, (there, _) in others:
        for index, (a, b) in enumerate(zip(_sizes(here), _sizes(there), strict=True)):
            if a != b:
                raise UsageError(
                    f"`random_resized_crop` takes the same part of all inputs, and "
                    f"{here.name(index)} for `{first}` has another size than "
                    f"{there.name(index)} for `{name}`",
                    'make them of one size, or let `augment.inputs = "apart"` crop each by itself',
                )


def _sizes(samples: Samples) -> list[tuple[int, int] | None]:
    """The heights and widths of the stored images."""
    if isinstance(samples, FileSamples) and samples.sizes:
        return list(samples.sizes)
    return [samples.size] * len(samples)


def _by(sizes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {h}x{w}" for name, (h, w) in sizes.items())


Feed = Batches | JointBatches
Judge = EvaluationBatches | JointEvaluation


def feed_of(samples: Samples, prepare: AnyPreparation, augment: Augment, **how: Any) -> Feed:
    """Training batches of samples of any kind; ``own`` and ``middles`` as for ``JointBatches``."""
    if (alone := _alone(samples, prepare, how)) is None:
        return JointBatches(samples, prepare, augment, **how)
    return Batches(samples, alone, augment, **how)


def judge_of(samples: Samples, prepare: AnyPreparation, **how: Any) -> Judge:
    """Every sample once, of samples of any kind."""
    if (alone := _alone(samples, prepare, how)) is None:
        return JointEvaluation(samples, prepare, **how)
    return EvaluationBatches(samples, alone, **how)


def _alone(samples: Samples, prepare: AnyPreparation, how: dict[str, Any]) -> Preparation | None:
    """The one preparation, with ``how`` as ``Batches`` has it; None where there are columns."""
    parts = set(how.get("middles", {}).values())
    if isinstance(samples, Columns) or not isinstance(prepare, Preparation) or len(parts) > 1:
        return None
    how.pop("own", None)
    how.pop("middles", None)
    how["middle"] = next(iter(parts), None)
    return prepare
