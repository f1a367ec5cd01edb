"""What fits: the batches and sizes that it names, measured; and the search for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import archlang
from archlang.analyses.memory.account import Setting
from archlang.analyses.memory.search import Largest, Search
from archlang.sizes.sets import EVERY, Set
from tests.memory.networks import batch_of, load
from tests.memory.test_recompute import network_of
from tests.memory.tracker import measure_inference, measure_step

MB = 10**6
LIMITS = {
    "lenet5": 1.9,
    "resnet20": 17,
    "shufflenet_v2_x0_5": 31.5,
    "small vit": 5,
    "mobilenet_v3_small": 47,
    "squeezenet1_1": 31,
}
"""A network of a spec, and a limit in 10^6 bytes."""
LONG = {
    "convnextv2_atto": 83,
    "googlenet": 177,
    "voxnet": 31,
    "densenet121": 180,
    "resnet18": 158,
    "mobilenet_v2": 140,
}
"""As ``LIMITS``: the rest."""


def check_batch(name: str, limit: int, recompute: tuple[str, ...] = ()) -> None:
    """One sample more than the batch it names does not fit."""
    network = network_of(name)
    found = network.fit(limit, Setting(optimizer="momentum")).largest_batch("step", recompute)
    assert found is not None
    assert 2 <= found.size <= 20
    assert found.next == found.size + 1

    def measured(batch: int) -> int:
        module = network.to_torch(recompute=recompute)
        return measure_step(module, *batch_of(network, batch), aux=network.aux).peak()

    peak, over = measured(found.size), measured(found.next)
    assert peak <= limit < over, (found, peak, over)
    assert abs(found.peak / peak - 1) < 0.01


@pytest.mark.parametrize(("name", "megabytes"), LIMITS.items())
def test_the_largest_batch(name: str, megabytes: float) -> None:
    check_batch(name, int(megabytes * MB))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "megabytes"), LONG.items())
def test_the_larger_ones(name: str, megabytes: float) -> None:
    check_batch(name, int(megabytes * MB))


def test_the_largest_batch_with_blocks_computed_again() -> None:
    check_batch("resnet20", 10 * MB, ("basic_block",))


def test_the_largest_batch_of_an_inference() -> None:
    network, limit = load("squeezenet1_1"), 20 * MB
    found = network.fit(limit).inference_batch
    assert found is not None
    peaks = [
        measure_inference(network.to_torch(), batch_of(network, n)[0]).peak()
        for n in (found.size, found.size + 1)
    ]
    assert peaks[0] <= limit < peaks[1]


def test_the_largest_input() -> None:
    network, limit = load("unet_same"), 400 * MB
    found = network.fit(limit, Setting(2, "momentum")).largest_size("step")
    assert found is not None
    assert found.next == found.size + 16  # four times it is halved
    peaks = []
    for size in (found.size, found.next):
        there = network.at({"image": (1, size, size)})
        inputs, labels = batch_of(there, 2)
        peaks.append(measure_step(there.to_torch(), inputs, labels).peak())
    assert peaks[0] <= limit < peaks[1]


def test_one_size_of_two() -> None:
    text = (
        "model m { input x: [3, H=32, W=32]; conv(3x3, 8) -> relu -> global_avgpool -> linear(2) }"
    )
    network, limit = archlang.loads(text), MB
    fit = network.fit(limit)
    both, tall = fit.largest_size("step"), fit.largest_size("step", "H")
    assert both is not None
    assert tall is not None
    assert tall.size > both.size
    for size, fits in ((tall.size, True), (tall.size + 1, False)):
        assert (network.at({"x": (3, size, 32)}).memory().step.total <= limit) is fits
    with pytest.raises(ValueError, match="the input has no size D; it has H, W"):
        fit.largest_size("step", "D")


def test_weights_for_one_size() -> None:
    text = "model m { input x: [3, H=16, W=16]; conv(3x3, 4) -> flatten -> linear(2) }"
    found = archlang.loads(text).fit(10**9).largest_size("step")
    assert found is not None
    assert (found.size, found.next, found.over) == (16, None, None)


def test_an_input_without_names() -> None:
    with pytest.raises(ValueError, match="the input of lenet5 names no size"):
        load("lenet5").fit(10**9).largest_size("step")


def test_nothing_fits() -> None:
    fit = load("lenet5").fit(10_000)
    assert fit.batch is None
    assert fit.inference_batch is None
    least = fit.least("step")
    assert least.total == load("lenet5").memory().step.total > 10_000


def test_blocks_computed_again() -> None:
    network = load("resnet20")
    rows = network.fit(17 * MB, Setting(optimizer="momentum")).recomputed(network.blocks, 9)
    assert [row.blocks for row in rows] == [
        (), ("basic_block",), ("zero_pad",), ("basic_block", "zero_pad"),
    ]  # fmt: skip
    nothing, block = rows[:2]
    assert (nothing.saved, nothing.macs, nothing.batch) == (0, 0, 9)
    there = network.memory(Setting(9, "momentum", recompute=block.blocks))
    assert (block.kept, block.peak) == (there.kept, there.step.total)
    assert block.saved == nothing.peak - block.peak > 0
    assert block.macs == there.recomputed == round(block.share * network.totals.macs)
    assert block.batch is not None
    assert block.batch > 9


# The search


def evens() -> Set:
    return Set.of((), (False, True))


@pytest.mark.parametrize(
    "peak",
    [lambda n: n, lambda n: 7 * n + 100, lambda n: n * n, lambda n: 5 + n**3 // 100,
     lambda n: max(500, n * n // 3)],
)  # fmt: skip
@pytest.mark.parametrize("among", [EVERY, evens()], ids=["every", "even"])
@pytest.mark.parametrize("limit", [1, 99, 1000, 54321, 10**9])
def test_a_search_is_exact(peak: Callable[[int], int], among: Set, limit: int) -> None:
    calls = []

    def counted(size: int) -> int:
        calls.append(size)
        return peak(size)

    found = Search(counted, limit, among).largest()
    least = among.least or 0
    if peak(least) > limit:
        assert found is None
        return
    assert found is not None
    assert found.size in among
    assert found.next == among.above(found.size + 1)
    assert found.peak == peak(found.size) <= limit < peak(found.next or 0) == found.over
    assert len(calls) < 60
    assert len(calls) == len(set(calls))


def test_a_search_ends_at_the_largest_size() -> None:
    among = Set.of((True, False, True), (False,))
    assert Search(lambda n: n, 10, among).largest() == Largest(3, 3, None, None)


def test_what_shrinks_is_looked_through() -> None:
    # 1, 2 and 3 fit, 4 does not; 5, which takes less, does
    peaks = {1: 1, 2: 5, 3: 6, 4: 11, 5: 4}
    found = Search(lambda n: peaks.get(n, 10 + n), 10, EVERY).largest()
    assert found == Largest(5, 4, 6, 16) or found == Largest(3, 6, 4, 11)
    down = {1: 9, 2: 8, 3: 7, 4: 11, 5: 4}
    assert Search(lambda n: down.get(n, 10 + n), 10, EVERY).largest() == Largest(5, 4, 6, 16)
