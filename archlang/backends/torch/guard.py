"""What refuses an input that a compiled network does not take, before PyTorch stretches it."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from torch import Tensor

from archlang.analyses.taken import Taken

SHAPE = attrgetter("shape")
MOST_SEEN = 4096
"""How many shapes are remembered before they are forgotten."""


class Guard:
    """Raises ``ValueError`` for inputs whose shapes a network does not take.

    The first call of a module's ``forward``. Shapes that were found good are remembered, so that
    this is a look into a set from the second time on. What has no plain shape is let through: what
    traces a module, and sizes that are symbols.
    """

    __slots__ = ("evaluation", "seen", "training")

    def __init__(self, evaluation: Taken, training: Taken) -> None:
        self.evaluation, self.training = evaluation, training
        one: set[Any] = set()
        self.seen: tuple[set[Any], set[Any]] = (one, one if training is evaluation else set())

    def __call__(self, training: bool, *inputs: Tensor) -> None:
        """Let inputs pass, or raise ``ValueError`` with a message that says what is taken."""
        try:
            shapes = inputs[0].shape if len(inputs) == 1 else tuple(map(SHAPE, inputs))
            if shapes in self.seen[training]:
                return
        except (AttributeError, TypeError):  # no tensor, or a size that is a symbol
            return
        self.look(training, inputs, shapes)

    def look(self, training: bool, inputs: tuple[Tensor, ...], shapes: Any) -> None:
        """The same for shapes that were not seen yet."""
        plain = [tuple(x.shape) for x in inputs if isinstance(x, Tensor)]
        sizes = {type(n) for shape in plain for n in shape}
        if len(plain) < len(inputs) or sizes - {int}:
            return
        message = (self.training if training else self.evaluation).refusal(plain)
        if message is not None:
            raise ValueError(message)
        seen = self.seen[training]
        if len(seen) >= MOST_SEEN:
            seen.clear()
        seen.add(shapes)

    def __deepcopy__(self, memo: dict[int, Any]) -> Guard:
        return self  # it does not change but for what it remembers

    def __reduce__(self) -> tuple[Any, ...]:
        return Guard, (self.evaluation, self.training)
