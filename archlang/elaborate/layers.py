"""Layers that were made already, and what they were asked: alike ones answer alike.

Most layers of a network, and of a family of them, have the arguments of another one and take
tensors of the same shape. What is known of these is not worked out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from archlang.elaborate.arguments import make_layer
from archlang.elaborate.unknown import Trial
from archlang.elaborate.values import Given, Key, UnlikeError, plain
from archlang.op import Op
from archlang.source import Span
from archlang.types import Condition, Heard, Shape, SymbolicDim, Tensor


class Answers(NamedTuple):
    """What a layer gives for some tensors, and the conditions on their sizes for it to do so."""

    output: Tensor
    params: dict[str, Shape]
    buffers: dict[str, Shape]
    conditions: tuple[Condition, ...]
    scalars: int
    """Of the largest of these tensors."""


class Layers:
    """The layers of a spec, by their arguments, and their answers, by the tensors they took."""

    def __init__(self) -> None:
        self._made: dict[Key, tuple[Op, tuple[str, ...]]] = {}
        self._answers: dict[Key, tuple[Op, Answers]] = {}

    def make(
        self, cls: type[Op], given: Sequence[Given], span: Span, trial: Trial
    ) -> tuple[Op, dict[str, Given]]:
        """As ``make_layer``; raises as it does."""
        try:
            key = None if cls.variadic else (cls, plain(given))
        except UnlikeError:
            key = None
        if key is None:
            return make_layer(cls, given, span, trial)
        if key in self._made:
            op, names = self._made[key]
            return op, dict(zip(names, given, strict=True))
        op, bound = make_layer(cls, given, span, trial)
        self._made[key] = op, tuple(bound)
        return op, bound

    def ask(self, op: Op, tensors: tuple[Tensor, ...]) -> Answers:
        """What comes out of a layer, and what it learns and keeps; raises ``LayerError``."""
        key = (id(op), *map(shape_key, tensors))
        if key not in self._answers:
            with Heard() as heard:
                output = op.infer(*tensors)
            params, buffers = op.params(*tensors), op.buffers(*tensors)
            most = max([prod(s) for s in (output.shape, *params.values())])
            made = Answers(output, params, buffers, tuple(heard.conditions), most)
            # The layer is kept too: another one may else get the id of one that is gone.
            self._answers[key] = op, made
        return self._answers[key][1]


def shape_key(x: Tensor) -> Key:
    """A shape to know it by: a size that depends on the input's is itself alone.

    Two of these may be equal by chance.
    """
    return tuple([(id(d), d) if type(d) is SymbolicDim else d for d in x.shape])
