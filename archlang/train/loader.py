"""Batches: which samples a step sees, and how they come to be what a network takes.

A sample's pixels follow from the seed, the epoch and its number, so neither the number of
worker processes, nor where a run goes on, nor how many processes share a batch changes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from archlang.train.augment import Augment
from archlang.train.colours import recoloured
from archlang.train.data import IGNORE, IN_MEMORY, Samples
from archlang.train.data.maps import Middle
from archlang.train.draws import drawing_from
from archlang.train.errors import TrainError, UsageError
from archlang.train.prepare import Preparation
from archlang.train.sampling import Sampler
from archlang.train.views import Changes, Views, mixed, views
from archlang.train.workers import loaded

Key = tuple[int, int]
"""A sample in an epoch."""
AHEAD = 4096
"""Of about so many samples it is drawn at once what becomes of them."""
CPU = torch.device("cpu")
IGNORED = -100
"""What ``IGNORE`` becomes in a batch: the default ``ignore_index`` of PyTorch's losses."""


class Wanted(NamedTuple):
    """A batch to come: its samples int64 [n] in an epoch, and what becomes of them."""

    epoch: int
    samples: Tensor
    changes: Changes


class Batches:
    """Training batches, prepared and augmented, on ``device``.

    ``batch_size`` is that of all ``world`` processes together; this one, ``rank``, yields its
    share. ``workers`` processes decode and augment where the images are not simply in memory.
    ``classes`` is needed for ``augment.mixing``, which pairs images of one process. ``middle``
    is the part of masks that the network tells the classes of; all of it if None. Changes are
    drawn from ``draws``, or else from ``seed``. Raises ``TrainError``.
    """

    def __init__(
        self,
        samples: Samples,
        prepare: Preparation,
        augment: Augment | None = None,
        *,
        batch_size: int,
        seed: int = 0,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        device: torch.device = CPU,
        classes: int = 0,
        middle: Middle | None = None,
        draws: int | None = None,
    ) -> None:
        self.samples, self.prepare, self.augment = samples, prepare, augment or Augment()
        self.seed, self.rank, self.world, self.classes = seed, rank, world, classes
        self.middle, self.draws = middle, seed if draws is None else draws
        self.augment.check(samples.channels, samples.task)
        if self.augment.mixing and not classes:
            raise UsageError("mixing needs to know how many classes there are", "pass `classes`")
        self._order = Sampler(len(samples), batch_size, seed, CPU)
        self.per_epoch = self._order.per_epoch
        _check_shares(len(samples), batch_size, self.per_epoch, world)
        self._source = _source(samples, prepare, self.augment, self.draws, workers, device)
        self._fill = prepare.fill

    @property
    def fast(self) -> bool:
        """Whether images come from memory on the device, with nothing done image by image."""
        return isinstance(self._source, _Held)

    def indices(self, step: int) -> Tensor:
        """The samples of ``step`` that this process sees, int64 [n]."""
        whole = self._order.indices(step)
        return whole if self.world == 1 else whole.tensor_split(self.world)[self.rank]

    def start(self, step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches from ``step`` on, counted from 0 through all epochs, without end.

        Images are float32 [n, *shape]; targets are labels int64 [n], masks int64 [n, (M,) H, W], or
        with mixing shares float32 [n, classes].
        """
        found = self._source.batches(self._wanted(step))
        for at, (wanted, images, targets) in zip(count(step), found):
            images, targets = self._changed(wanted, images, targets)
            x, y = self.prepare.normalised(images), learned(targets, self.middle)
            if mixing := self.augment.mixing:
                x, y = mixed(mixing, x, y, classes=self.classes, seed=self.seed, step=at)
            yield x, y

    def _wanted(self, step: int) -> Iterator[Wanted]:
        """The batches from ``step`` on. Their changes are drawn for several batches at once."""
        size = self.prepare.shape[1], self.prepare.shape[2]
        ahead = max(1, AHEAD // self._order.size)
        while True:
            epoch, at = divmod(step, self.per_epoch)
            steps = range(step, step + min(ahead, self.per_epoch - at))
            parts = [self.indices(one) for one in steps]
            changes = Changes.drawn(
                self.augment, size, torch.cat(parts), seed=self.draws, epoch=epoch
            )
            for samples, change in zip(parts, changes.split([*map(len, parts)]), strict=True):
                yield Wanted(epoch, samples, change)
            step = steps.stop

    def _changed(self, wanted: Wanted, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What is done to a batch of uint8 [n, c, H, W] at once; masks go along."""
        axes, drawn = self.prepare.colours, {"seed": self.draws, "epoch": wanted.epoch}
        images = recoloured(self.augment, images, wanted.samples, axes, **drawn)
        masks = targets if targets.ndim > 1 else None
        images, masks = wanted.changes.of(images, masks, self._fill)
        return images, targets if masks is None else masks


class EvaluationBatches:
    """Every sample once, in order, shared by ``world`` processes; nothing is augmented.

    All processes yield equally many batches, for those that share a network's weights must
    run it equally often. One that is left without a sample in the last batch gets an image to
    run on and no target: count ``outputs[: len(targets)]``.
    """

    def __init__(
        self,
        samples: Samples,
        prepare: Preparation,
        *,
        batch_size: int,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        device: torch.device = CPU,
        middle: Middle | None = None,
    ) -> None:
        self.samples, self.prepare, self.middle = samples, prepare, middle
        self.batch_size, self.rank, self.world = batch_size, rank, world
        self._source = _source(samples, prepare, Augment(), 0, workers, device)

    def __len__(self) -> int:
        return -(-len(self.samples) // self.batch_size)

    def indices(self, batch: int) -> Tensor:
        """The samples of a batch that this process counts, int64 [n]."""
        start = batch * self.batch_size
        whole = torch.arange(start, min(start + self.batch_size, len(self.samples)))
        return whole.tensor_split(self.world)[self.rank]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images float32 [max(n, 1), *shape] and targets int64 [n] or [n, (M,) H, W]."""

        def wanted() -> Iterator[Wanted]:
            for batch in range(len(self)):
                mine = self.indices(batch)
                mine = mine if len(mine) else torch.zeros(1, dtype=torch.int64)
                yield Wanted(0, mine, Changes(Augment(), None, None))

        for batch, (_, images, targets) in enumerate(self._source.batches(wanted())):
            counted = len(self.indices(batch))
            yield self.prepare.normalised(images), learned(targets[:counted], self.middle)


def learned(targets: Tensor, middle: Middle | None = None) -> Tensor:
    """Targets as PyTorch's losses take them: int64, with ``IGNORED`` where masks say nothing.

    Of masks the ``middle`` is left.
    """
    if targets.ndim < 3:
        return targets.long()
    seen = targets if middle is None else middle.of(targets)
    return seen.long().masked_fill_(seen == IGNORE, IGNORED)


def _check_shares(samples: int, batch_size: int, per_epoch: int, world: int) -> None:
    """Raise ``UsageError`` where a batch has fewer samples than there are processes."""
    last = samples - (per_epoch - 1) * batch_size
    if min(last, batch_size) >= world:
        return
    if batch_size < world:
        raise UsageError(
            f"a batch of {batch_size} cannot be shared by {world} processes",
            f"--batch-size {world} or more",
        )
    able = (s for s in range(batch_size + 1, samples + world) if (samples - 1) % s + 1 >= world)
    raise UsageError(
        f"the last batch of an epoch has {last} of {samples:,} images, "
        f"too few for {world} processes",
        f"--batch-size {next(able)}" if samples >= world else "use fewer processes",
    )


Batch = tuple[Wanted, Tensor, Tensor]


class _Held:
    """All images at the network's size, uint8, on the device."""

    def __init__(self, images: Tensor, targets: Tensor, device: torch.device) -> None:
        self.images, self.targets, self.device = images.to(device), targets.to(device), device

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        for one in wanted:
            here = one.samples.to(self.device, non_blocking=True)
            yield one, self.images.index_select(0, here), self.targets.index_select(0, here)


@dataclass
class Each(Dataset[Any]):
    """Images one by one: decoded, changed as the epoch says, and brought to the size."""

    samples: Samples
    prepare: Preparation
    augment: Augment
    seed: int
    _view: list[Views | None] = field(default_factory=list, repr=False)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor] | TrainError:
        try:
            return self.seen(*key)
        except TrainError as error:
            # Handed over, not raised: a worker's exceptions reach the loop as a long text.
            return error

    def seen(self, epoch: int, index: int) -> tuple[Tensor, Tensor]:
        """The image uint8 [c, H, W] and its label, or its mask uint8 [(M,) H, W]."""
        if not self._view:
            self._view.append(views(self.augment, self.prepare.shape[1:]))
        view, crops = self._view[0], self.augment.random_resized_crop is not None
        image, target = self.samples[index]
        mask = target if isinstance(target, Tensor) else None
        if not crops:
            image, mask = sized(self.prepare, image, mask)
        if view is not None:
            with drawing_from("views", self.seed, epoch, index):
                image, mask = view(image, mask)
        return image, torch.tensor(target) if mask is None else mask

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_view": []}


def sized(prepare: Preparation, image: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """One image [c, h, w] and its mask [(M,) h, w] at the network's size."""
    image = prepare.sized(image[None])[0]
    return image, mask if mask is None else _sized_masks(prepare, mask[None])[0]


def _sized_masks(prepare: Preparation, masks: Tensor) -> Tensor:
    """Masks [n, (M,) h, w] at the network's size."""
    if masks.ndim == 4:
        return prepare.sized(masks, masks=True)
    return prepare.sized(masks[:, None], masks=True)[:, 0]


class _Read:
    """Images that are made one by one, here or in worker processes."""

    def __init__(self, each: Each, workers: int, device: torch.device) -> None:
        self.each, self.workers, self.device = each, workers, device

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        # Workers are asked for batches long before they yield them.
        asked: deque[Wanted] = deque()

        def keys() -> Iterator[list[Key]]:
            for one in wanted:
                asked.append(one)
                yield [(one.epoch, i) for i in one.samples.tolist()]

        for batch in self._started(keys()) if self.workers else self._here(keys()):
            if isinstance(batch, TrainError):
                raise batch
            images, targets = batch
            yield (
                asked.popleft(),
                images.to(self.device, non_blocking=True),
                targets.to(self.device, non_blocking=True),
            )

    def _here(self, wanted: Iterable[list[Key]]) -> Iterator[Any]:
        for batch in wanted:
            yield _stacked([self.each[key] for key in batch])

    def _started(self, wanted: Iterable[list[Key]]) -> Iterator[Any]:
        """Batches of worker processes, which end when this does, for whatever reason."""
        pinned = self.device.type == "cuda"
        options: dict[str, Any] = {"batch_sampler": wanted, "collate_fn": _stacked}
        return loaded(self.each, self.workers, pin_memory=pinned, **options)


def _stacked(items: list[Any]) -> Any:
    """Images and targets of a batch, or the first error among them."""
    for item in items:
        if isinstance(item, TrainError):
            return item
    images, targets = zip(*items, strict=True)
    return torch.stack(images), torch.stack(targets)


def _source(
    samples: Samples,
    prepare: Preparation,
    augment: Augment,
    seed: int,
    workers: int,
    device: torch.device,
) -> _Held | _Read:
    """Where images come from: memory if they fit and need nothing done one by one."""
    bytes_ = len(samples) * samples.channels * prepare.shape[1] * prepare.shape[2]
    held = samples.tensors(workers) if bytes_ <= IN_MEMORY and not augment.per_image else None
    if held is None:
        return _Read(Each(samples, prepare, augment, seed), workers, device)
    images, targets = held
    # On the CPU, so that the pixels are the same on every device.
    at_size = torch.cat([prepare.sized(part) for part in torch.split(images.cpu(), 512)])
    if targets.ndim > 1:
        targets = torch.cat([_sized_masks(prepare, part) for part in torch.split(targets, 512)])
    return _Held(at_size, targets, device)
