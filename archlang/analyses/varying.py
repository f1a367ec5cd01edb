"""Which input sizes one module of a network takes, beside those that it was worked out at.

That is read off the legal sizes, which are exact: whatever would make other layers or weights of
another size is a condition among them. An export names each size that varies by itself, so that
what is looked for here is a box within the legal region, and along each side of it the sizes from
some least one on, in steps: the closest such steps that the default is one of, and from it as far
down as they are legal. Ranges that end, and conditions between sizes that are no union of boxes,
stay at the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from archlang.analyses.sizes import Asked, Legal, conditions, input_sizes, legal, stated
from archlang.graph import Graph
from archlang.sizes.regions import Region
from archlang.sizes.sets import EVERY, Set, TooLongError, within
from archlang.types import symbols

FIRST = ("weight", "built in", "decided", "compared", "required", "merge", "layer")
"""Why a size may not vary, what says most first."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of an input, the batch not counted.

    The module takes every size from ``least`` on that is ``size`` and a multiple of ``step``, each
    with all such sizes of the other axes; axes of one ``name`` have one size. A ``step`` of 0 says
    that the size may not vary, and ``reason`` says why. ``name`` is the size's in the spec, or "".
    """

    input: str
    axis: int
    name: str
    size: int
    step: int
    least: int
    reason: str = ""

    @property
    def smaller(self) -> list[int]:
        """Some of the sizes below its own, the largest first and the least last."""
        return self.down_to(self.least)

    def down_to(self, bound: int) -> list[int]:
        """The same for sizes from ``bound`` on: about a half, a quarter, … and the least."""
        if not self.step:
            return []
        targets = [max(self.least, bound), *(self.size >> n for n in range(self.size.bit_length()))]
        steps = (-(-(self.size - n) // self.step) for n in targets if n >= targets[0])
        found = {self.size - n * self.step for n in steps}
        last = self.size - (self.size - targets[0]) // self.step * self.step
        return sorted((n for n in {*found, last} if targets[0] <= n < self.size), reverse=True)


@dataclass(frozen=True, slots=True)
class _Steps:
    """The sizes from ``least`` on in steps; only ``least`` where ``step`` is 0."""

    step: int
    least: int
    reason: str = ""

    @property
    def sizes(self) -> Set:
        if not self.step:
            return within(self.least, self.least)
        return Set.of([False] * (self.least - 1), [True] + [False] * (self.step - 1))


def varying(graph: Graph) -> list[Axis]:
    """For each axis of each input whether its size may vary, and why not."""
    found = legal(graph)
    box = {name: _Steps(0, size) for name, size in input_sizes(graph).items()}
    for name in box:
        box[name] = _steps(graph, found, name, box)
    return [
        _axis(input_, axis, int(dim), "".join(symbols(dim)), box)
        for input_, node in graph.inputs.items()
        for axis, dim in enumerate(node.output.shape)
    ]


def _axis(input_: str, axis: int, size: int, name: str, box: Mapping[str, _Steps]) -> Axis:
    if not name:
        return Axis(input_, axis, "", size, 0, size, "the spec gives it no name")
    steps = box[name]
    return Axis(input_, axis, name, size, steps.step, steps.least, steps.reason)


def _steps(graph: Graph, found: Legal, name: str, box: Mapping[str, _Steps]) -> _Steps:
    """The sizes that one name may have with all that the others were given."""
    size = found.defaults[name]
    others = {n: s.sizes for n, s in box.items() if n != name}
    if reason := _unstated(graph, found, name):
        return _Steps(0, size, reason)
    try:
        steps = _progression(_along(found.region, name, others), size)
        return _Steps(*steps) if steps else _Steps(0, size, _reason(graph, found, name, others))
    except TooLongError as error:
        return _Steps(0, size, str(error))


def _unstated(graph: Graph, found: Legal, name: str) -> str:
    """Why not all legal sizes of a name are known; "" where they are."""
    for unstated in found.unstated:
        if not unstated.concerns or name in unstated.concerns:
            asked = (a for a in conditions(graph) if a.claim == unstated.claim)
            return next((_said(a, found) for a in asked), unstated.why)
    return ""


def _along(region: Region, name: str, others: Mapping[str, Set]) -> Set:
    """The sizes of one name that are in a region with whatever the others may have."""
    found = EVERY
    for outside in (Region((others,)) - region).boxes:
        found = found - outside.get(name, EVERY)
    return found


def _progression(sizes: Set, size: int) -> tuple[int, int] | None:
    """The closest steps that lead from ``size`` up within a set for ever, and how far down."""
    start, period = max(sizes.start, size), sizes.period
    good = {
        step
        for step in range(1, period + 1)
        if period % step == 0
        and all(start + i in sizes for i in range((size - start) % step, period, step))
    }
    for step in range(1, start - size + period + 1) if good else ():
        if gcd(step, period) in good and all(n in sizes for n in range(size, start, step)):
            least = size
            while least - step in sizes:
                least -= step
            return step, least
    return None


def _reason(graph: Graph, found: Legal, name: str, others: Mapping[str, Set]) -> str:
    """What keeps a size from varying by itself."""
    for asked in sorted(conditions(graph), key=lambda a: FIRST.index(a.why)):
        where, _ = stated(asked)
        if _progression(_along(where, name, others), found.defaults[name]) is None:
            return _said(asked, found)
    return f"legal is {found.words()} only"


def _said(asked: Asked, found: Legal) -> str:
    """A condition as the reason why a size stays."""
    text, path = asked.span.text, asked.node.path if asked.node else ""
    match asked.why:
        case "weight":
            return f"`{path}` is made for it"
        case "built in":
            return f"`{text}` is built in"
        case "decided" | "compared":
            return f"`{text}` decides what runs"
        case "required":
            said = f": {asked.said}" if asked.said else ""
            return f"another size is refused: the network requires `{text}`{said}"
    where = found.describe(stated(asked)[0])
    return f"`{path or text}` takes {where} only"
