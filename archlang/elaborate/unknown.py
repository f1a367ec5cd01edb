"""``?`` as an argument: what stands for it while values are tried, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from archlang.diagnostic import Diagnostic
from archlang.elaborate.problem import Stop, fail
from archlang.graph import Node
from archlang.op import LayerError, Op
from archlang.sizes.claims import Claim
from archlang.sizes.regions import EVERYWHERE
from archlang.sizes.sets import TooLongError
from archlang.source import Span
from archlang.types import SymbolicDim, SymbolicRatio, Tensor

if TYPE_CHECKING:
    from archlang.elaborate.values import Given
    from archlang.syntax import ast


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a ``?``: it is known by where it stands, so each ``?`` has one value."""

    span: Span


class Landing(NamedTuple):
    """The parameter of a layer that a ``?`` is the value of."""

    op: type[Op]
    field: str


Key: TypeAlias = tuple[Span, int, int]
"""A size that is compared: where, along which axis, and the how manieth time."""


class Met(NamedTuple):
    """Something that a trial met: two sizes that are to be equal, or a finding."""

    key: Key
    said: Any
    inferred: Any
    uses: tuple[str, ...]
    finding: Diagnostic | None = None
    growth: bool = False
    """Whether these are not the sizes, but by how much they grow with the input's."""
    branches: bool = False
    """Whether these are the sizes of two branches."""

    @property
    def sign(self) -> int:
        """Which way the size is off; 0 where it is not, and of a finding."""
        return 0 if self.finding else (self.inferred > self.said) - (self.inferred < self.said)

    @property
    def wrong(self) -> bool:
        return self.finding is not None or self.inferred != self.said


@dataclass(slots=True, eq=False)
class Trial:
    """Values for the ``?`` of a spec, and what working it out with them met.

    Without ``tracing`` the values are taken as if they were written, and nothing is recorded.
    """

    values: Mapping[Span, Any] = field(default_factory=dict)
    tracing: bool = False
    open: Unknown | None = None
    """The first ``?`` without a value: nothing behind it is worked out."""
    landed: dict[Span, Landing | None] = field(default_factory=dict)
    """The parameter that each is the value of; None where arithmetic or a condition has it."""
    took: dict[Span, tuple[Op, str, tuple[Tensor, ...]]] = field(default_factory=dict)
    """The layer that each went into first, its parameter there, and the tensors it was given."""
    used: dict[Span, Any] = field(default_factory=dict)
    """The values that were asked for."""
    met: list[Met] = field(default_factory=list)
    until: Callable[[Met], bool] | None = None
    """What is wrong enough to end it."""
    stop: Callable[[Diagnostic], bool] | None = None
    """What finding ends it, where that alone is asked: whether there is one."""
    changed: ast.Item | None = None
    """The item in whose tree a number stands otherwise than in the text."""
    ended: bool = False
    layers: int = 0
    fixed: bool = False
    """Whether a weight's shape, or a condition, leaves few sizes to the input."""
    uses: Sequence[tuple[str, Span]] = ()
    _count: dict[tuple[Span, int], int] = field(default_factory=dict)

    def value(self, unknown: Unknown, op: type[Op] | None = None, field: str = "") -> Any:
        """The value of a ``?``, for a parameter of ``op`` or in an expression."""
        span = unknown.span
        self.landed.setdefault(span, Landing(op, field) if op is not None else None)
        if span not in self.values:
            self.open = self.open or unknown
            raise Stop(Diagnostic("A212", "this `?` has no value yet", span))
        self.used[span] = self.values[span]
        return self.values[span]

    def compare(
        self, span: Span, axis: int, said: Any, inferred: Any, branches: bool = False
    ) -> None:
        """Two sizes are to be equal; for every size of the input, where one is stated so."""
        if not self.tracing:
            return
        rates = rate(said), rate(inferred)
        if isinstance(said, (SymbolicDim, SymbolicRatio)) and None not in rates:
            self._meet(Met(self._key(span, axis), *rates, self._where(), growth=True))
        key = self._key(span, axis)
        self._meet(Met(key, said, inferred, self._where(), branches=branches))

    def refuse(self, finding: Diagnostic) -> None:
        """Something is wrong."""
        if self.stop is not None and not self.ended and self.stop(finding):
            self.ended = True
            raise Stop(finding)
        if self.tracing and not self.ended:
            self._meet(Met(self._key(finding.span, -1), 0, 0, self._where(), finding))

    def _meet(self, met: Met) -> None:
        self.met.append(met)
        if met.wrong and self.until is not None and self.until(met):
            self.ended = True
            raise Stop(met.finding or Diagnostic("A213", "a size is not met", met.key[0]))

    def merge(self, op: Op, nodes: Sequence[Node], span: Span) -> None:
        """Branches come together: the sizes that have to be equal are compared."""
        first = nodes[0].output
        if not self.tracing or any(n.output.rank != first.rank for n in nodes):
            return
        for node in nodes[1:]:
            for axis, (a, b) in enumerate(zip(node.output.shape, first.shape, strict=True)):
                other = int(a) if int(a) != int(b) else int(a) + 1
                if not takes(op, (first, first.with_axis(axis, other))):
                    self.compare(span, axis, b, a, branches=True)

    def _key(self, span: Span, axis: int) -> Key:
        count = self._count[span, axis] = self._count.get((span, axis), 0) + 1
        return span, axis, count

    def _where(self) -> tuple[str, ...]:
        return tuple(f"`{what}`, used at {span}" for what, span in reversed(self.uses))


class Within:
    """Inside, what is worked out is a part of ``what``.

    A class, not a generator: the shapes of each block are worked out inside one.
    """

    __slots__ = ("outer", "run", "what")

    def __init__(self, run: Settles, what: str) -> None:
        self.run, self.what = run, what

    def __enter__(self) -> None:
        self.outer, self.run.inside = self.run.inside, self.what

    def __exit__(self, *error: object) -> None:
        self.run.inside = self.outer


class Settles:
    """What gives a ``?`` its value; without a ``trial``, as outside of a model, it has none."""

    inside = ""
    """What is worked out: a ``shape``, a ``require``, or any other value."""

    trial: Trial | None

    def within(self, what: str) -> Within:
        """Inside, it is a part of that which is worked out."""
        return Within(self, what)

    def settled(self, value: Any) -> Any:
        """A ``?`` as its value, unless values are being tried."""
        return value if self.trial is None or self.trial.tracing else self.solved(value)

    def settled_argument(self, given: Given) -> Given:
        """An argument with a ``?`` as its value, unless values are being tried."""
        if type(given.value) is not Unknown:
            return given
        return replace(given, value=self.settled(given.value))

    def solved(self, value: Any) -> Any:
        """A ``?`` as its value."""
        if not isinstance(value, Unknown):
            return value
        if self.trial is None:
            message = "outside of a model, a `?` is for an argument of a layer or block"
            fail("A105", message, value.span)
        return self.trial.value(value)


def rate(size: Any) -> Fraction | None:
    """By how much a size grows with the input's, in the long run; None where it is not known."""
    if not isinstance(size, (SymbolicDim, SymbolicRatio)):
        return Fraction(0)
    try:
        made = None if size.form is None else size.form.function()
    except TooLongError:
        return None
    if made is None:
        return None
    period, step, _ = made[1].law
    return Fraction(step, period * made[2])


def bounded(claims: Sequence[Claim]) -> bool:
    """Whether what is claimed of the input's sizes leaves but a few, as far as can be said."""
    where = EVERYWHERE
    try:
        for region in (c.region() for c in claims):
            if region is None:
                return True
            where = where & region
    except TooLongError:
        return True
    return not any(not any(s.bounded for s in box.values()) for box in where.boxes)


def takes(op: Op, tensors: tuple[Tensor, ...]) -> bool:
    """Whether a layer takes tensors."""
    try:
        return all(d >= 1 for d in op.infer(*tensors).shape)
    except LayerError:
        return False
