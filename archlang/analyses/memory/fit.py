"""The account of memory read backwards: what fits into a limit.

The limit is held against the worst moment of a training step, or of an inference: on CUDA that is
what is allocated, of which the allocator reserves more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

from archlang.analyses.cost import total
from archlang.analyses.memory.account import Memory, Setting
from archlang.analyses.memory.ledger import Kind, Moment
from archlang.analyses.memory.search import Largest, Search
from archlang.analyses.sizes import Legal, legal
from archlang.graph import Graph
from archlang.sizes.sets import EVERY, Set

Use: TypeAlias = Literal["step", "inference"]
FIXED: tuple[Kind, ...] = ("parameters", "buffers", "ema", "state", "gradients")
"""What a smaller batch, or a smaller input, does not change."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What it brings to compute ``blocks`` again, at one batch; sizes in bytes.

    ``macs`` are those done again for a sample, ``share`` their share of the forward pass.
    """

    blocks: tuple[str, ...]
    kept: int
    peak: int
    saved: int
    macs: int
    share: float
    batch: int | None
    """The largest batch that then fits."""


class Fit:
    """What of a network fits into ``limit`` bytes; ``setting.batch`` is the batch of sizes.

    ``at`` gives the network's graph where the input's sizes have other values.
    """

    def __init__(
        self,
        graph: Graph,
        limit: int,
        setting: Setting,
        at: Callable[[Mapping[str, int]], Graph],
    ) -> None:
        self.graph, self.limit, self.setting, self.at = graph, limit, setting, at

    @cached_property
    def legal(self) -> Legal:
        """The sizes that the input may have in training."""
        return legal(self.graph, training=True)

    @cached_property
    def batch(self) -> Largest | None:
        """The largest batch of a training step; None where one sample does not fit."""
        return self.largest_batch("step")

    @cached_property
    def inference_batch(self) -> Largest | None:
        """The largest batch of an inference; None where one sample does not fit."""
        return self.largest_batch("inference")

    def largest_batch(self, use: Use, recompute: tuple[str, ...] = ()) -> Largest | None:
        """The largest batch with some blocks computed again."""
        setting = replace(self.setting, recompute=recompute)

        def peak(batch: int) -> int:
            return _moment(self.graph, replace(setting, batch=batch), use).total

        return Search(peak, self.limit, EVERY).largest()

    def least(self, use: Use) -> Moment:
        """The worst moment with one sample."""
        return _moment(self.graph, replace(self.setting, batch=1), use)

    def legal_sizes(self, name: str | None = None) -> Set:
        """The legal sizes of one name, the others at their defaults; or of all at once."""
        return self.legal.square if name is None else self.legal.along(name)

    def largest_size(self, use: Use, name: str | None = None) -> Largest | None:
        """The largest legal size of one name, the others at their defaults; or of all at once.

        None where the least legal size does not fit, or there is no legal one. Raises
        ``ValueError`` where the input names no size, or not that one.
        """
        names = self.legal.names
        if not names:
            raise ValueError(f"the input of {self.graph.name} names no size")
        if name is not None and name not in names:
            raise ValueError(f"the input has no size {name}; it has {', '.join(names)}")

        def peak(size: int) -> int:
            point = dict.fromkeys(names, size)
            if name is not None:
                point = {**self.legal.defaults, name: size}
            return _moment(self.at(point), self.setting, use).total

        return Search(peak, self.limit, self.legal_sizes(name)).largest()

    def choices(self, blocks: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """What may be computed again: nothing, each block alone, all of them.

        Left out are blocks that are no module of their own.
        """
        yield ()
        some = [b for b in blocks if self._memory(1, (b,)).blocks.every]
        yield from ((b,) for b in some)
        if len(some) > 1:
            yield tuple(some)

    def recomputed(self, blocks: Sequence[str], batch: int) -> list[Recomputed]:
        """What activation checkpointing of each of ``choices`` brings at a batch."""
        plain = self._memory(batch, ()).step.total
        forward = total(self.graph).macs
        found = []
        for chosen in self.choices(blocks):
            memory = self._memory(batch, chosen)
            peak, macs = memory.step.total, memory.recomputed
            largest = self.largest_batch("step", chosen) if chosen else self.batch
            found.append(
                Recomputed(
                    chosen, memory.kept, peak, plain - peak, macs,
                    macs / forward if forward else 0.0, None if largest is None else largest.size,
                )
            )  # fmt: skip
        return found

    def _memory(self, batch: int, recompute: tuple[str, ...]) -> Memory:
        return Memory(self.graph, replace(self.setting, batch=batch, recompute=recompute))

    def to_json(self, blocks: Sequence[str], batch: int, name: str | None) -> dict[str, Any]:
        """As plain data, all sizes in bytes; sizes are searched for where the input names any."""
        uses: tuple[Use, ...] = ("step", "inference") if self.legal.names else ()
        sizes = {use: _data(self.largest_size(use, name)) for use in uses}
        names = list(self.legal.names) if name is None else [name]
        return {
            "memory": self.limit,
            "setting": asdict(self.setting),
            "batch": {"step": _data(self.batch), "inference": _data(self.inference_batch)},
            "sizes": {"names": names, **sizes} if sizes else None,
            "recompute": {
                "batch": batch,
                "blocks": [asdict(row) for row in self.recomputed(blocks, batch)],
            },
        }


def _data(found: Largest | None) -> dict[str, Any] | None:
    return None if found is None else found._asdict()


def _moment(graph: Graph, setting: Setting, use: Use) -> Moment:
    memory = Memory(graph, setting)
    return memory.step if use == "step" else memory.inference
