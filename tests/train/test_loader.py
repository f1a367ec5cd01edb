"""Batches: the same pixels however many workers, wherever a run goes on, whoever shares them."""

from __future__ import annotations

import multiprocessing
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from archlang.train import TrainError, load
from archlang.train.augment import Augment
from archlang.train.data import IGNORE, Samples, TensorSamples
from archlang.train.inputs import Split
from archlang.train.loader import IGNORED, Batches, Each, EvaluationBatches, _Read
from archlang.train.prepare import Preparation
from archlang.train.workers import crowded
from tests.train.data.files import classes, picture

CHEAP = {
    "horizontal_flip": 0.5,
    "vertical_flip": 0.3,
    "shift": 0.2,
    "pad_crop": 1,
    "random_erasing": True,
}
DEAR = {
    **CHEAP,
    "random_resized_crop": True,
    "rotation": 30,
    "lens_distortion": 0.3,
    "rand_augment": True,
    "color_jitter": {"brightness": 0.4, "hue": 0.1},
}
MASKED = {**CHEAP, "rotation": 30, "lens_distortion": 0.3, "random_resized_crop": True}


def images(count: int = 23, channels: int = 3, size: int = 12) -> Tensor:
    random = torch.Generator().manual_seed(5)
    shape = (count, channels, size, size)
    return torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)


def labelled(count: int = 23, channels: int = 3) -> TensorSamples:
    return TensorSamples(images(count, channels), torch.arange(count) % 4)


def masked(count: int = 23) -> TensorSamples:
    """Each mask is its image, so that whether they went along can be seen."""
    pixels = images(count, 1).clamp(max=2)
    return TensorSamples(pixels, pixels[:, 0].clone())


def prepare(size: int = 12, channels: int = 3) -> Preparation:
    return Preparation((channels, size, size), (0.5,) * channels, (0.25,) * channels)


def batches(samples: Samples, augment: dict[str, Any], size: int = 12, **options: Any) -> Batches:
    options = {"batch_size": 5, "seed": 3, **options}
    return Batches(samples, prepare(size, samples.channels), Augment.of(augment), **options)


def take(feed: Batches, count: int, step: int = 0) -> list[tuple[Tensor, Tensor]]:
    iterator = feed.start(step)
    try:
        return list(islice(iterator, count))
    finally:
        iterator.close()  # type: ignore[attr-defined]


def same(a: list[tuple[Tensor, Tensor]], b: list[tuple[Tensor, Tensor]]) -> bool:
    return len(a) == len(b) and all(
        torch.equal(x, u) and torch.equal(y, v) for (x, y), (u, v) in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("augment", [{}, CHEAP, DEAR], ids=["none", "cheap", "dear"])
def test_every_step_is_a_function_of_its_number(augment: dict[str, Any]) -> None:
    whole = take(batches(labelled(), augment), 12)
    assert all(x.isfinite().all() for x, _ in whole)
    for step in (0, 1, 4, 5, 7):
        torch.rand(3)
        assert same(take(batches(labelled(), augment), 12 - step, step), whole[step:])
    if augment:
        assert not same(take(batches(labelled(), augment, seed=4), 12), whole)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers: int) -> None:
    whole = take(batches(labelled(), DEAR), 8)
    feed = batches(labelled(), DEAR, workers=workers)
    before = torch.get_rng_state()
    assert same(take(feed, 8), whole)
    assert same(take(feed, 5, 3), whole[3:])
    assert torch.equal(before, torch.get_rng_state())


def test_drawing_leaves_the_generator_alone() -> None:
    before = torch.get_rng_state()
    take(batches(labelled(), {**DEAR, "mixing": {"mixup": 0.2}}, classes=4), 6)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("size", [12, 17, 8])
def test_memory_and_one_by_one_give_the_same_pixels(size: int) -> None:
    fast = batches(labelled(), CHEAP, size)
    slow = batches(labelled(), CHEAP, size)
    slow._source = _Read(
        Each(labelled(), prepare(size), Augment.of(CHEAP), 3), 0, torch.device("cpu")
    )
    assert fast.fast
    assert not slow.fast
    assert same(take(fast, 10), take(slow, 10))


@pytest.mark.parametrize("augment", [{}, CHEAP, DEAR], ids=["none", "cheap", "dear"])
def test_processes_share_a_batch(augment: dict[str, Any]) -> None:
    whole = take(batches(labelled(), augment), 10)
    shares = [take(batches(labelled(), augment, rank=r, world=3), 10) for r in range(3)]
    for step, (x, y) in enumerate(whole):
        assert torch.equal(x, torch.cat([share[step][0] for share in shares]))
        assert torch.equal(y, torch.cat([share[step][1] for share in shares]))
        counts = [len(share[step][1]) for share in shares]
        assert max(counts) - min(counts) <= 1


def test_every_epoch_differs_and_sees_every_sample_once() -> None:
    samples = TensorSamples(images(), torch.arange(23))
    feed = batches(samples, CHEAP)
    one, two = take(feed, feed.per_epoch), take(feed, feed.per_epoch, feed.per_epoch)
    for epoch in (one, two):
        assert torch.cat([y for _, y in epoch]).sort().values.tolist() == list(range(23))
    first, second = (torch.cat([x for x, _ in e]) for e in (one, two))
    order = [torch.cat([y for _, y in e]).argsort() for e in (one, two)]
    assert not torch.equal(first[order[0]], second[order[1]])


@pytest.mark.parametrize("name", ["rotation", "shift"])
def test_samples_and_epochs_draw_differently(name: str) -> None:
    alike = images(1).repeat(12, 1, 1, 1)
    feed = batches(TensorSamples(alike, torch.arange(12)), {name: 0.4 if name == "shift" else 40})
    epochs = [take(feed, feed.per_epoch, feed.per_epoch * epoch) for epoch in range(2)]
    seen = [torch.cat([x for x, _ in e])[torch.cat([y for _, y in e]).argsort()] for e in epochs]
    assert len(seen[0].flatten(1).unique(dim=0)) > 8
    assert sum(torch.equal(a, b) for a, b in zip(*seen, strict=True)) < 4


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(TrainError, match="a batch of 2 cannot be shared by 4 processes"):
        batches(labelled(), {}, batch_size=2, world=4)
    with pytest.raises(TrainError, match="last batch of an epoch has 3 of 23 images") as caught:
        batches(labelled(), {}, batch_size=5, world=4)
    suggested = int(caught.value.hint.split()[-1])
    batches(labelled(), {}, batch_size=suggested, world=4)
    with pytest.raises(TrainError) as caught:
        batches(labelled(3), {}, batch_size=5, world=4)
    assert caught.value.hint == "use fewer processes"


@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize(("count", "size"), [(23, 5), (20, 5), (21, 5), (3, 8)])
def test_evaluation_sees_every_sample_once(count: int, size: int, world: int) -> None:
    check_evaluation(count, size, world, 0)


def test_evaluation_with_workers() -> None:
    check_evaluation(21, 5, 2, 1)


def check_evaluation(count: int, size: int, world: int, workers: int) -> None:
    samples = TensorSamples(images(count), torch.arange(count))
    seen: list[int] = []
    lengths = set()
    for rank in range(world):
        feed = EvaluationBatches(
            samples, prepare(), batch_size=size, rank=rank, world=world, workers=workers
        )
        if workers:
            each = Each(samples, prepare(), Augment(), 0)
            feed._source = _Read(each, workers, torch.device("cpu"))
        found = list(feed)
        assert len(found) == len(feed)
        lengths.add(len(found))
        for x, y in found:
            assert len(x) == max(len(y), 1)
            assert torch.equal(x[: len(y)], prepare()(samples.images[y]))
            seen += y.tolist()
    assert sorted(seen) == list(range(count))
    assert len(lengths) == 1


@pytest.mark.parametrize("augment", [CHEAP, MASKED], ids=["cheap", "dear"])
def test_masks_go_along(augment: dict[str, Any]) -> None:
    plain = {**augment, "random_erasing": False}
    moved = 0
    for x, y in take(batches(masked(), plain), 5):
        shown = (x[:, 0] * 0.25 + 0.5) * 255
        counted = y != IGNORED
        assert y.dtype == torch.int64
        assert set(y.unique().tolist()) <= {0, 1, 2, IGNORED}
        if augment is CHEAP:
            assert torch.allclose(shown[counted], y[counted].float(), atol=1e-3)
            assert bool((shown[~counted].abs() < 1e-3).all())
        else:  # images are read between pixels, masks are not
            assert float((shown - y)[counted].abs().mean()) < 0.5
        moved += int((~counted).sum())
    assert moved > 0


def test_masks_that_say_nothing_are_ignored() -> None:
    samples = masked()
    samples.targets[:, 0] = IGNORE
    ((_, y),) = take(batches(samples, {}), 1)
    assert bool((y[:, 0] == IGNORED).all())
    assert not bool((y[:, 1:] == IGNORED).any())


def test_a_bad_image_in_a_worker_is_named() -> None:
    class Broken(TensorSamples):
        def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
            if index == 7:
                raise TrainError("cats/7.png cannot be decoded", "take it out")
            return super().__getitem__(index)

    for workers in (0, 1):
        feed = batches(Broken(images(), torch.zeros(23)), {"rotation": 5}, workers=workers)
        with pytest.raises(TrainError, match=r"^cats/7.png cannot be decoded") as caught:
            take(feed, feed.per_epoch)
        assert caught.value.hint == "take it out"


def test_workers_end_with_an_error_of_any_kind() -> None:
    class Broken(TensorSamples):
        def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
            raise ValueError("odd")

    feed = batches(Broken(images(), torch.zeros(23)), {"rotation": 5}, workers=2)
    with pytest.raises(ValueError, match="odd") as caught:
        next(feed.start(0))
    assert caught.tb is not None
    assert not multiprocessing.active_children()


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    folder = classes(tmp_path, size=(40, 40))
    victim = folder / "dog" / "3.png"
    victim.write_bytes(victim.read_bytes()[:300])
    picture(folder / "cat" / "large.png", size=(50, 50))
    data = load(f"folder:{folder}", split=Split(test=0.1))
    for workers in (0, 2):
        feed = batches(data.train, {}, workers=workers, batch_size=4)
        with pytest.raises(TrainError, match=r"dog/3.png cannot be decoded as an image"):
            take(feed, feed.per_epoch)


def test_more_workers_than_cores_are_told_by_us_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch._utils.cpu_count", lambda: 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        loader = DataLoader(Each(labelled(), prepare(), Augment(), 0), num_workers=2)
        assert [str(w.message)[:26] for w in told] == ["This DataLoader will creat"]
        del loader, told[:]
        next(batches(labelled(), DEAR, workers=2).start(0))
        assert not told
    assert crowded(2) == "2 workers for 1 core: more than 1 help only where they wait for a disk"
    assert crowded(1) == crowded(0) == ""


def test_workers_end_with_the_iterator() -> None:
    iterator = batches(labelled(), DEAR, workers=2).start(0)
    next(iterator)
    assert len(multiprocessing.active_children()) == 2
    iterator.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
