"""Counts, bytes and shapes as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from archlang.types import Shape, Tensor


def si(value: int) -> str:
    """A count for people: three figures and K, M or G, powers of 1000."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if value >= size:
            scaled = value / size
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{scaled:.{digits}f} {unit}"
    return str(value)


def count(number: int, noun: str) -> str:
    """``1 axis``, ``2 axes``."""
    plural = f"{noun[:-2]}es" if noun.endswith("is") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; what is there twice is said once."""
    *others, last = dict.fromkeys(words)
    return " and ".join(filter(None, (", ".join(others), last)))


def shape_text(shape: Shape | None) -> str:
    """``[64, 56, 56]``."""
    return "" if shape is None else str(Tensor(shape))


def bytes_text(value: float) -> str:
    """Bytes in the units of the language, powers of 1000."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if value >= size:
            return f"{value / size:,.4g} {unit}"
    return f"{value:,.0f} bytes"


def memory_text(size: int) -> str:
    """Bytes as a machine's memory is told, with powers of 1024."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.{2 if unit == 'GiB' else 1}f} {unit}"
    return f"{size} B"
