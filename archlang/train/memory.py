"""What a training step takes: predicted, measured, and what to do where it is too much."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from archlang.analyses.memory.account import Setting
from archlang.graph import Graph
from archlang.train.device import exhausted
from archlang.train.errors import TrainError
from archlang.train.network import Network, output_shapes
from archlang.train.recipe import Recipe
from archlang.train.setting import setting_of, unknown
from archlang.wording import bytes_text

Got = TypeVar("Got")


class Budget:
    """What a step of a recipe takes on a device, as the network's graph says.

    ``own`` are the outputs that have labels or masks of their own.
    """

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        device: torch.device,
        processes: int = 1,
        own: Collection[str] = (),
    ) -> None:
        self.own = own
        self.network, self.recipe, self.device = network, recipe, device
        self.processes = processes
        self.parts = recipe.accumulate * processes
        self.batch = -(-recipe.batch_size // self.parts)

    def setting(self) -> Setting | None:
        """How the account of memory speaks of the recipe; None where it does not know it."""
        if not hasattr(self.network, "memory"):
            return None
        return setting_of(self.recipe, self.device.type, self.graph, self.processes)

    @property
    def graph(self) -> Graph | None:
        """The network's graph; None where it is no spec's."""
        return getattr(self.network, "graph", None)

    @property
    def unknown(self) -> str:
        """What keeps a step from being predicted; "" where nothing does."""
        if not hasattr(self.network, "memory"):
            return "a network that is no spec"
        return unknown(self.recipe, self.device.type, self.processes)

    @property
    def predicted(self) -> int | None:
        """The bytes of the worst moment of a step; None where that is not known."""
        setting = self.setting()
        asked: Any = self.network
        if setting is None:
            return None
        # The account counts equal labels once, and all labels are there throughout.
        more = self._labels() * self.recipe.batch_size * torch.int64.itemsize
        return int(asked.memory(setting).step.total) + more

    def _labels(self) -> int:
        """How many numbers of a sample the outputs are held against, beside those accounted."""
        shapes = {name: shape[1:] for name, shape in output_shapes(self.network).items()}
        counted = {shapes[name] for name in self.network.outputs}
        there = [shapes[name] for name in self.own] if self.own else set(shapes.values())
        return sum(map(prod, there)) - sum(map(prod, counted))

    def largest_batch(self, limit: int) -> int | None:
        """The largest batch with which a step stays within ``limit`` bytes; None if unknown."""
        setting = self.setting()
        asked: Any = self.network
        found = None if setting is None else asked.fit(limit, setting).batch
        return None if found is None else int(found.size) * self.parts

    def remedy(self) -> str:
        """What to do where a step takes more than there is."""
        there = available(self.device)
        fits = self.largest_batch(there) if there else None
        if fits is None or fits >= self.recipe.batch_size:
            fits = self.recipe.batch_size // 2
        if fits < 1:
            return "use a smaller input, or a smaller network"
        return f"try --batch-size {fits}, or --set accumulate={2 * self.recipe.accumulate}"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Running out of memory inside becomes a ``TrainError`` that says what may fit."""
        try:
            yield
        except RuntimeError as error:
            if not exhausted(error):
                raise
            size = self.recipe.batch_size
            raise TrainError(f"out of memory with a batch of {size}", self.remedy()) from None

    def warning(self) -> str | None:
        """What to say where a step will take more than the device has left."""
        there, wanted = available(self.device), self.predicted
        if there is None or wanted is None or wanted <= there:
            return None
        return (
            f"a step takes {bytes_text(wanted)}, and {bytes_text(there)} are free; {self.remedy()}"
        )


def available(device: torch.device) -> int | None:
    """The bytes that are free on a device; None where that cannot be known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if "MemAvailable" in line)
    except (OSError, StopIteration):
        return None


class _Change(NamedTuple):
    """One allocation (or, negative, release), and the operators around it."""

    bytes: int
    pointer: int
    around: tuple[str, ...]


def measured(
    work: Callable[[], Got], held: Iterable[Tensor], device: torch.device
) -> tuple[Got, int]:
    """What ``work`` returns, and the most bytes alive at once in it; ``held`` is there before.

    On the CPU every allocation of one step is looked at, but for what libraries take for
    themselves inside a convolution or a product, which the prediction leaves out too.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return work(), torch.cuda.max_memory_allocated(device)
    live = sum({t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in held}.values())
    # Its library would tell of itself on stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        done = work()
    changes = _changes(found)
    skipped, peak = _of_libraries(changes), live
    for number, change in enumerate(changes):
        if number not in skipped:
            live += change.bytes
            peak = max(peak, live)
    return done, peak


def _changes(found: Any) -> list[_Change]:
    """Allocations and releases, in order."""
    events: list[tuple[int, _Change]] = []

    def visit(event: Any, around: tuple[str, ...]) -> None:
        if event.tag.name == "Allocation":
            fields = event.extra_fields
            change = _Change(fields.alloc_size, fields.ptr, around)
            events.append((event.start_time_ns, change))
        else:
            around = (*around, event.name)
        for child in event.children:
            visit(child, around)

    for root in found.profiler.kineto_results.experimental_event_tree():
        visit(root, ())
    return [change for _, change in sorted(events, key=lambda e: e[0])]


_CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")
_COPIES = {"aten::contiguous", "aten::clone", "aten::to"}
_PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")


def _of_libraries(changes: list[_Change]) -> set[int]:
    """The numbers of the changes that are a library's own buffers."""
    found: set[int] = set()
    made: dict[int, int] = {}
    for number, change in enumerate(changes):
        if change.bytes > 0:
            made[change.pointer] = number
        elif (start := made.pop(change.pointer, None)) is not None and _inside(
            changes[start].around, change.around
        ):
            found |= {start, number}
    return found


def _inside(made: tuple[str, ...], released: tuple[str, ...]) -> bool:
    """Whether what is made and released within these operators is a library's own."""
    if made == released and made and made[-1] in _PRODUCTS:
        return True
    for depth, name in enumerate(made, 1):
        if name in _CONVOLUTIONS:
            return released[:depth] == made[:depth] and not _COPIES & set(made[depth:])
    return False
