"""Which place is to blame for a finding, where it is another than the one where it shows.

What fails in one way into the network and holds in others is likely right itself: the use of a
block, the item of a list or the model that is given other values on that way is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from archlang.diagnostic import Diagnostic, Note, Turn
from archlang.elaborate import Program
from archlang.elaborate.findings import identity
from archlang.graph import Graph
from archlang.source import Span
from archlang.syntax import ast

Way: TypeAlias = tuple[tuple[Span, int], ...]
"""A way into a network: the uses and items of loops on it, the outermost first."""
Look: TypeAlias = Callable[[Program, str], tuple[Graph | None, list[Diagnostic]]]
CODES = frozenset(
    ["A105", "A108", "A201", "A202", "A203", "A204", "A205", "A207", "A208", "A209", "A211"]
)
"""The findings that what a place is given can be to blame for."""
OTHERS = 3
"""How many other models are worked out to tell what is to blame."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a model holds, and where it does not, by the ways into it."""

    ran: dict[Span, list[Way]]
    failed: dict[Span, list[Way]]


def verdict(graph: Graph | None, found: Iterable[Diagnostic]) -> Verdict:
    """What a model says of its places."""
    failed: dict[Span, list[Way]] = {}
    for finding in found:
        ways = graph.failed.get(identity(finding)) if graph is not None else None
        failed.setdefault(finding.place, []).extend(map(_way, ways or [finding.turns]))
    ran = graph.ran if graph is not None else {}
    return Verdict({span: [_way(w) for w in ways] for span, ways in ran.items()}, failed)


def _way(turns: Iterable[Turn]) -> Way:
    return tuple((t.span, t.item) for t in turns)


def blamed(
    program: Program, name: str, graph: Graph | None, found: list[Diagnostic], look: Look
) -> list[Diagnostic]:
    """The findings about a model, each at the place that is to blame for it."""
    if not any(d.code in CODES for d in found):
        return found
    blame = Blame(program, name, graph, found, look)
    return [blame.told(finding) for finding in found]


class Blame:
    """What is to blame for the findings about one model of a program."""

    def __init__(
        self, program: Program, name: str, graph: Graph | None, found: list[Diagnostic], look: Look
    ) -> None:
        self.program, self.name, self.look = program, name, look
        self.own = verdict(graph, found)

    def told(self, finding: Diagnostic) -> Diagnostic:
        """The finding at the place that is to blame for it."""
        if finding.code not in CODES or finding.severity != "error":
            return finding
        return self.of_model(finding) or self.of_turn(finding) or finding

    def of_model(self, finding: Diagnostic) -> Diagnostic | None:
        """A model that gives another one arguments, which holds with those of its neighbours."""
        assert self.program.module is not None
        alias = self.program.module.models[self.name]
        if not isinstance(alias, ast.Alias):
            return None
        whole = self.program.module.env.span(alias)
        right: list[str] = []
        for name, other in self.others():
            if any(_meet(finding.place, place) for place in other.failed):
                return None
            if _holds(other.ran, finding.place):
                right.append(name)
        if not right:
            return None
        inside = [t.place for t in finding.turns if _within(t.place, whole)]
        said = f"likely wrong here: `{right[0]}` is built the same way, and right there"
        return moved(finding, inside[-1] if inside else whole, said)

    def others(self) -> Iterator[tuple[str, Verdict]]:
        """The other models that are made of the same one: those known, else the nearest."""
        models, known = self.program.models, self.program.verdicts
        names = list(models)
        at = names.index(self.name)
        same = [n for n in self.program.complete if models[n].body is models[self.name].body]
        left = OTHERS
        for name in sorted(same, key=lambda n: (n not in known, abs(names.index(n) - at))):
            if name == self.name or (name not in known and not left):
                continue
            left -= name not in known
            if name not in known:
                known[name] = verdict(*self.look(self.program, name))
            yield name, known[name]

    def of_turn(self, finding: Diagnostic) -> Diagnostic | None:
        """The use of a block, or the item of a loop, where others hold beside it."""
        way = _way(finding.turns)
        fails = [w for ways in (self.own.failed.get(finding.place, []),) for w in ways] or [way]
        holds = list(_ways(self.own.ran, finding.place))
        for depth in range(len(way) - 1, -1, -1):
            same = all(w[: depth + 1] == way[: depth + 1] for w in fails)
            beside = any(
                w[:depth] == way[:depth] and len(w) > depth and w[depth] != way[depth]
                for w in holds
            )
            turn = finding.turns[depth]
            if same and beside and turn.place != finding.place:
                if turn.span == turn.place:
                    said = "likely wrong here: it holds for other uses"
                else:
                    said = "likely wrong here: it holds for other items"
                return moved(finding, turn.place, said)
        return None


def moved(finding: Diagnostic, to: Span, said: str) -> Diagnostic:
    """A finding at another place, which is to blame; where it shows is told beside."""
    shows = Note(finding.place, finding.label or "does not hold")
    related = tuple(n for n in finding.related if not _meet(n.span, to))
    return replace(
        finding, span=to, label=said, related=(shows, *related), shows=finding.place
    )


def _holds(ran: dict[Span, list[Way]], place: Span) -> bool:
    return any(True for _ in _ways(ran, place))


def _ways(ran: dict[Span, list[Way]], place: Span) -> Iterator[Way]:
    """The ways on which the smallest stretch around a place holds."""
    around = [span for span in ran if _within(place, span)]
    if around:
        yield from ran[min(around, key=lambda s: s.end - s.start)]


def _within(inner: Span, outer: Span) -> bool:
    return inner.source == outer.source and outer.start <= inner.start <= inner.end <= outer.end


def _meet(a: Span, b: Span) -> bool:
    return _within(a, b) or _within(b, a)
