"""What PyTorch's CUDA allocator reserves from the device for what a program takes.

It rounds each block up to 512 bytes and cuts it from a segment: of 2 MiB for blocks of up to
1 MiB, of 20 MiB for those below 10 MiB, and for larger ones of its own size, in steps of 2 MiB.
A block released joins the free ones beside it, and the smallest that is large enough is cut
again. Segments are never given back. (``c10/cuda/CUDACachingAllocator.cpp``, default settings.)
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

KiB, MiB = 1 << 10, 1 << 20
UNIT = 512
SMALL = MiB


@dataclass(slots=True, eq=False)
class _Piece:
    size: int
    start: int
    before: _Piece | None = None
    after: _Piece | None = None
    free: bool = True


@dataclass(slots=True)
class _Pool:
    """The free pieces by size, then by place; the largest rest that is not worth cutting off."""

    uncut: int
    free: list[tuple[int, int]] = field(default_factory=list)
    pieces: dict[int, _Piece] = field(default_factory=dict)

    def add(self, piece: _Piece) -> None:
        insort(self.free, (piece.size, piece.start))
        self.pieces[piece.start] = piece

    def remove(self, piece: _Piece) -> None:
        del self.free[bisect_left(self.free, (piece.size, piece.start))]
        del self.pieces[piece.start]

    def find(self, size: int) -> _Piece | None:
        at = bisect_left(self.free, (size, 0))
        return self.pieces[self.free[at][1]] if at < len(self.free) else None


def reserved(events: Iterable[tuple[int, int]]) -> int:
    """Bytes of the segments for blocks that are taken and released in this order.

    An event is a block's number, with its bytes where it is taken and 0 where it is released.
    """
    pools = _Pool(uncut=UNIT - 1), _Pool(uncut=SMALL)
    taken: dict[int, tuple[_Piece, _Pool]] = {}
    total = 0
    for number, size in events:
        if size:
            size = -(-size // UNIT) * UNIT
            pool = pools[size > SMALL]
            piece = pool.find(size)
            if piece is None:
                piece = _Piece(_segment(size), total)
                total += piece.size
            else:
                pool.remove(piece)
            _cut(pool, piece, size)
            taken[number] = piece, pool
        elif number in taken:
            _give_back(*taken.pop(number))
    return total


def _segment(size: int) -> int:
    """Bytes of the segment that is reserved where no free piece is large enough."""
    if size <= SMALL:
        return 2 * MiB
    return 20 * MiB if size < 10 * MiB else -(-size // (2 * MiB)) * 2 * MiB


def _cut(pool: _Pool, piece: _Piece, size: int) -> None:
    """Take ``size`` bytes from the front of a piece; what is left, if enough, stays free."""
    piece.free = False
    if piece.size - size > pool.uncut:
        rest = _Piece(piece.size - size, piece.start + size, piece, piece.after)
        if piece.after is not None:
            piece.after.before = rest
        piece.after, piece.size = rest, size
        pool.add(rest)


def _give_back(piece: _Piece, pool: _Pool) -> None:
    """Free a piece, joined with the free ones on its sides."""
    for beside in (piece.before, piece.after):
        if beside is not None and beside.free:
            pool.remove(beside)
            first, second = (beside, piece) if beside is piece.before else (piece, beside)
            first.size += second.size
            first.after = second.after
            if second.after is not None:
                second.after.before = first
            piece = first
    piece.free = True
    pool.add(piece)
