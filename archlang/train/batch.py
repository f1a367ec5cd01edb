"""Batches as a network takes them: one tensor, or several by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from torch import Tensor, nn

Many: TypeAlias = Tensor | Mapping[str, Tensor]
"""A tensor, or several by the names of inputs or outputs, all with as many samples."""


def tensors(value: Many) -> list[Tensor]:
    """Those of ``value``, in order."""
    return [value] if isinstance(value, Tensor) else list(value.values())


def each(value: Many, change: Callable[[Tensor], Tensor]) -> Many:
    """``value`` with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    return {name: change(tensor) for name, tensor in value.items()}


def count(value: Many) -> int:
    """How many samples there are."""
    return len(tensors(value)[0])


def first(value: Many, most: int) -> Many:
    """The first of the samples."""
    return each(value, lambda tensor: tensor[:most])


def chunks(value: Many, parts: int) -> Iterator[Many]:
    """The samples in so many parts, as ``Tensor.chunk`` has them."""
    if isinstance(value, Tensor):
        yield from value.chunk(parts)
        return
    cut = zip(*(tensor.chunk(parts) for tensor in value.values()), strict=True)
    yield from (dict(zip(value, part, strict=True)) for part in cut)


def called(module: Callable[..., Any] | nn.Module, images: Many) -> Any:
    """What a network makes of its inputs, which are in its order."""
    return module(*tensors(images))


def one_of(targets: Many, output: str) -> Tensor:
    """The targets of one output: its own, or those that all share.

    The only output of a network in use has no name: its targets are the first.
    """
    if isinstance(targets, Tensor):
        return targets
    return targets[output] if output in targets else next(iter(targets.values()))
