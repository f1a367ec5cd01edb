"""Random numbers as functions of what they are for, and of nothing that went before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch
from torch import Tensor


def seed_of(*what: str | int) -> int:
    """A seed, 0 to 2**63 - 1, for a purpose and the numbers it depends on."""
    text = ":".join(map(str, what))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


@contextmanager
def drawing_from(*what: str | int) -> Iterator[None]:
    """Inside, PyTorch's CPU generator follows from ``what``; afterwards it is as before.

    Only the CPU's: ``torch.manual_seed`` would change an accelerator's too, and with it dropout.
    """
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed_of(*what))
    try:
        yield
    finally:
        torch.default_generator.set_state(before)


def uniform(seed: int, samples: Tensor, count: int) -> Tensor:
    """``count`` numbers in [0, 1) for each of ``samples`` int64 [N]: float64 [N, count].

    Those of a sample depend on ``seed`` and its number alone. SplitMix64; Steele, Lea and
    Flood 2014, Fast splittable pseudorandom number generators.
    """
    stream = _mixed(samples.cpu() * _GOLDEN + seed)
    bits = _mixed(stream[:, None] + torch.arange(1, count + 1) * _GOLDEN)
    return _shifted(bits, 11).double() / 2**53


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST, _SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """A shift to the right that moves in zeros: int64's own repeats the sign."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def _mixed(bits: Tensor) -> Tensor:
    bits = (bits ^ _shifted(bits, 30)) * _FIRST
    bits = (bits ^ _shifted(bits, 27)) * _SECOND
    return bits ^ _shifted(bits, 31)
