"""What is alive at each moment of a step, by what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "parameters", "buffers", "ema", "state", "batch", "gradients", "kept", "working"
]
KINDS: tuple[Kind, ...] = (
    "parameters", "buffers", "ema", "state", "batch", "gradients", "kept", "working"
)  # fmt: skip
"""What memory is for. ``gradients`` are the parameters'; ``kept`` is what autograd saved;
``working`` is all else: activations in use, gradients on their way, temporaries."""
_SAID: dict[Kind, str] = {
    "ema": "mean of the weights", "state": "optimizer state", "batch": "inputs and labels",
    "kept": "kept for backward", "working": "at work",
}  # fmt: skip


def said(kind: Kind) -> str:
    """What a kind of memory is called."""
    return _SAID.get(kind, kind)


Phase: TypeAlias = Literal["forward", "backward", "recompute", "update"]
"""``recompute`` is the part of the backward pass that computes a block again."""


@dataclass(slots=True, eq=False)
class Block:
    """Memory of ``bytes``, alive from ``take`` to ``release``."""

    bytes: int
    kind: Kind
    number: int = 0


class Moment(NamedTuple):
    """The worst moment of one layer in one phase; ``live`` are the bytes of each kind then."""

    phase: Phase
    path: str
    layer: str
    total: int
    live: dict[Kind, int]


class Ledger:
    """All that is taken and released, in order; each block rounded up to ``unit`` bytes."""

    def __init__(self, unit: int = 1) -> None:
        self.unit = unit
        self.live: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self.total = 0
        self.moments: list[Moment] = []
        self.events: list[tuple[int, int]] = []
        """Each block's number with its bytes where it is taken, with 0 where it is released."""
        self._count = 0
        self._now: tuple[Phase, str, str] = ("forward", "", "")
        self._worst, self._worst_live = -1, self.live

    def rounded(self, size: int) -> int:
        """What a block of ``size`` bytes takes."""
        return -(-size // self.unit) * self.unit

    def take(self, bytes_: int, kind: Kind) -> Block:
        """A new block."""
        size = self.rounded(bytes_)
        self._count += 1
        self.live[kind] += size
        self.total += size
        self.events.append((self._count, size))
        if self.total > self._worst:
            self._worst, self._worst_live = self.total, dict(self.live)
        return Block(size, kind, self._count)

    def shift(self, bytes_: int) -> None:
        """Count so many bytes of work more, or less, than there are blocks for."""
        self.live["working"] += bytes_
        self.total += bytes_

    def release(self, block: Block) -> None:
        """Give a block back."""
        self.live[block.kind] -= block.bytes
        self.total -= block.bytes
        self.events.append((block.number, 0))

    def turn(self, block: Block, kind: Kind) -> None:
        """Say that a block is now for something else."""
        self.live[block.kind] -= block.bytes
        self.live[kind] += block.bytes
        block.kind = kind

    def begin(self, phase: Phase, path: str, layer: str) -> None:
        """Turn to the next layer, the one before being done."""
        self.close()
        self._now = (phase, path, layer)
        self._worst, self._worst_live = self.total, dict(self.live)

    def close(self) -> None:
        """Note the worst moment of the layer at hand."""
        if self._worst >= 0:
            self.moments.append(Moment(*self._now, self._worst, self._worst_live))
        self._worst = -1
