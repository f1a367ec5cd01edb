"""Which place is to blame for a finding, where it is another than the one where it shows.

What fails in one way into the network and holds in others is likely right itself: the use of a
block, the item of a list or the model that is given other values on that way is to blame.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from archlang.analyses.heads import of_head
from archlang.analyses.rechecks import Look, again, key, read_again, words
from archlang.analyses.requirements import compared_at
from archlang.analyses.rounding import ROUNDINGS
from archlang.diagnostic import Diagnostic, Fix, Note, Turn
from archlang.elaborate import Program
from archlang.elaborate.findings import identity
from archlang.graph import Graph, RunAgain
from archlang.source import Edit, Span
from archlang.syntax import ast

Way: TypeAlias = tuple[tuple[Span, int | None], ...]
"""A way into a network: the uses and items of loops on it, the outermost first."""
CODES = frozenset(
    ["A105", "A108", "A201", "A202", "A203", "A204", "A205", "A207", "A208", "A209", "A211"]
)
"""The findings that what a place is given can be to blame for."""
_PLAIN = re.compile(r"[\w.]+|\"[^\"]*\"")
"""A value that is written as it is."""
_SHOWS = dict.fromkeys(("A201", "A205", "A209"), "does not hold here")
"""What is said where a finding shows, of those that have no words for it."""
EXACT = 10_000
"""A figure that is met from here on is met by nothing but what was meant: so many numbers there are
that could be wrong by one.
"""
OTHERS = 3
"""How many other models are worked out to tell what is to blame."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a model holds, and where it does not, by the ways into it."""

    ran: dict[Span, list[Way]]
    failed: dict[Span, list[Way]]
    items: dict[Span, list[Span]]
    """Where what stands on these ways is written."""


def verdict(graph: Graph | None, found: Iterable[Diagnostic]) -> Verdict:
    """What a model says of its places."""
    failed: dict[Span, list[Way]] = {}
    items: dict[Span, list[Span]] = {}
    for finding in found:
        ways = graph.failed.get(identity(finding)) if graph is not None else None
        failed.setdefault(finding.place, []).extend(map(_way, ways or [finding.turns]))
        items.setdefault(finding.place, []).extend(t.place for t in finding.turns)
    ran: dict[Span, list[Way]] = {}
    for one in graph.ran if graph is not None else ():
        for span, turns in one.each() if isinstance(one, RunAgain) else (one,):
            ran.setdefault(span, []).append(_way(turns))
    return Verdict(ran, failed, items)


def _way(turns: Iterable[Turn]) -> Way:
    return tuple((t.span, t.item) for t in turns)


def blamed(
    program: Program, name: str, graph: Graph | None, found: list[Diagnostic], look: Look
) -> list[Diagnostic]:
    """The findings about a model, each at the place that is to blame for it."""
    if not any(d.severity == "error" for d in found):
        return found
    blame = Blame(program, name, graph, found, look)
    out: list[Diagnostic] = []
    places: dict[Span, int] = {}
    gone: list[Diagnostic] = []
    for finding in found:
        if finding in gone:
            continue
        told = blame.told(finding)
        if told.span in places:
            first = places[told.span]
            out[first] = together(out[first], told)
            continue
        if told.shows:
            places[told.span] = len(out)
            more = blame.gone_with(told, finding)
            shows = (*told.shows, *(d.place for d in more))
            told = replace(told, shows=shows) if more else told
            gone += more
        out.append(told)
    return [d for d in out if d not in gone]


def explained(
    program: Program, name: str, told: Diagnostic, found: list[Diagnostic], look: Look
) -> list[Diagnostic]:
    """The errors among others that what is to blame for one explains: without it they are gone."""
    if not told.shows or not any(d.severity == "error" for d in found):
        return []
    fix = next((f for f in told.fixes if all(e.span.within(told.span) for e in f.edits)), None)
    left = _left(program, name, fix.edits, look) if fix else None
    if fix is None or left is None:
        return []
    lines = {(e.span.source.name, e.span.line) for e in fix.edits}

    def remains(finding: Diagnostic) -> bool:
        edited = (finding.place.source.name, finding.place.line) in lines
        same = words if edited else key
        return same(finding) in {same(d) for d in left}

    return [d for d in found if d.severity == "error" and not remains(d)]


def _left(
    program: Program, name: str, edits: tuple[Edit, ...], look: Look
) -> list[Diagnostic] | None:
    """What is found about a model with edits made; None where that is not known."""
    if name in program.mended.get(edits, {}):
        return program.mended[edits][name]
    made = read_again(program, program, edits)
    if made is None or made.diagnostics or name not in made.complete:
        return None
    return again(program, made, name, look)[1]


class Blame:
    """What is to blame for the findings about one model of a program."""

    def __init__(
        self, program: Program, name: str, graph: Graph | None, found: list[Diagnostic], look: Look
    ) -> None:
        self.program, self.name, self.look = program, name, look
        self.graph, self.own, self.found = graph, verdict(graph, found), found
        self.left = OTHERS
        self.explains: dict[Span, list[Diagnostic]] = {}

    def gone_with(self, told: Diagnostic, finding: Diagnostic) -> list[Diagnostic]:
        """The other errors that are gone with one, told where it is made."""
        if told.span not in self.explains:
            others = [d for d in self.found if d is not finding]
            self.explains[told.span] = explained(self.program, self.name, told, others, self.look)
        return self.explains[told.span]

    def told(self, finding: Diagnostic) -> Diagnostic:
        """The finding at the place that is to blame for it."""
        if finding.severity != "error" or finding.shows:
            return finding
        if found := of_head(self.program, self.name, finding, self.look):
            return moved(*found)
        if finding.code not in CODES:
            return finding
        return (
            self.of_value(finding, plain=True)
            or self.of_turn(finding, items=True)
            or self.of_model(finding)
            or self.of_fix(finding)
            or self.of_turn(finding, items=False)
            or self.of_value(finding, plain=False)
            or finding
        )

    def of_value(self, finding: Diagnostic, *, plain: bool) -> Diagnostic | None:
        """A value that is wrong whatever it is used for: a ``plain`` one, or one worked out."""
        at, last = finding.written, finding.turns[-1:]
        if plain and finding.code == "A108" and [t.span for t in last] == [finding.place]:
            return moved(finding, last[0].place, "this is the item", "used here")
        if at is None or at.source.standard or _meet(at, finding.place):
            return None
        if plain != bool(_PLAIN.fullmatch(at.text)):
            return None
        return moved(finding, at, "the value is from here", "used here")

    def of_fix(self, finding: Diagnostic) -> Diagnostic | None:
        """A number with which, were it another, all would hold; none at the place itself would do.

        Where what is stated could be the slip too, more must speak for it than for what comes out.
        """
        if finding.code == "A205" and "==" not in finding.place.text:
            return None  # a budget is met by smaller numbers everywhere
        line = finding.place.line
        elsewhere = [e for e in map(_slip, finding.fixes) if e is not None and e.span.line != line]
        here = any(e.span.line == line for f in finding.fixes for e in f.edits)
        lines = {e.span.line for e in elsewhere}
        if len(lines) != 1:
            return None
        to, text = elsewhere[0]
        told = moved(finding, to, f"likely wrong here: with `{text}` it holds")
        stated_right = self.graph is not None and self.graph.stated_right
        if here and not (stated_right or self.exact(finding) or self.gone_with(told, finding)):
            return None
        return told

    def exact(self, finding: Diagnostic) -> bool:
        """Whether a figure is stated to so many digits that no other slip could lead to it."""
        if finding.code != "A205" or self.graph is None:
            return False
        return any(
            c.operator == "==" and c.right == int(c.right) and min(c.left, c.right) >= EXACT
            for c in compared_at(self.graph, finding.place)
        )

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
        inside = [t.place for t in finding.turns if t.place.within(whole)]
        said = f"likely wrong here: `{right[0]}` is built the same way, and passes"
        return moved(finding, inside[-1] if inside else whole, said)

    def elsewhere(self, place: Span, item: Span) -> bool:
        """Whether another model fails at a place too, with another item."""
        found = (other.items.get(place) for _, other in self.others())
        return any(spots is not None and item not in spots for spots in found)

    def others(self) -> Iterator[tuple[str, Verdict]]:
        """The other models that are made of the same one: those known, else the nearest."""
        models, known = self.program.models, self.program.verdicts
        assert self.program.module is not None
        if not isinstance(self.program.module.models[self.name], ast.Alias):
            return
        names = list(models)
        at = names.index(self.name)
        same = [n for n in self.program.complete if models[n].body is models[self.name].body]
        asked = self.given(self.name)

        def order(n: str) -> tuple[bool, int, int]:
            return n not in known, len(asked ^ self.given(n)), abs(names.index(n) - at)

        for name in sorted(same, key=order):
            if name == self.name or (name not in known and not self.left):
                continue
            self.left -= name not in known
            if name not in known:
                known[name] = verdict(*self.look(self.program, name))
            yield name, known[name]

    def given(self, name: str) -> set[str]:
        """The parameters that a model gives values by their names."""
        assert self.program.module is not None
        node = self.program.module.models[name]
        args = node.args if isinstance(node, ast.Alias) else []
        return {a.name or str(i) for i, a in enumerate(args)}

    def of_turn(self, finding: Diagnostic, *, items: bool) -> Diagnostic | None:
        """The use of a block, or the item of a loop, where others hold beside it."""
        if not items and _lacks(finding):
            return None
        way = _way(finding.turns)
        fails = self.own.failed.get(finding.place) or [way]
        holds = list(_ways(self.own.ran, finding.place))
        for depth, turn in reversed(list(enumerate(finding.turns))):
            if items != (turn.item is not None) or turn.place.source.standard:
                continue
            if items and turn.place == turn.span:
                continue
            same = all(w[: depth + 1] == way[: depth + 1] for w in fails)
            beside = (w for w in holds if w[:depth] == way[:depth] and len(w) > depth)
            if (
                same
                and any(w[depth] != way[depth] for w in beside)
                and not (items and self.elsewhere(finding.place, turn.place))
            ):
                others = "the other items" if items else "other uses"
                return moved(finding, turn.place, f"likely wrong here: {others} pass")
        return None


def moved(finding: Diagnostic, to: Span, said: str, shows: str = "") -> Diagnostic:
    """A finding at another place, which is to blame; where it shows is told beside.

    Of a long place it is the number that a fix changes, where there is one in it.
    """
    inside = {e.span for e in map(_slip, finding.fixes) if e is not None and e.span.within(to)}
    to = inside.pop() if len(inside) == 1 else to
    shows = shows or finding.label or _SHOWS.get(finding.code, "fails here")
    note = Note(finding.place, shows)
    related = tuple(n for n in finding.related if not _meet(n.span, to))
    return replace(finding, span=to, label=said, related=(note, *related), shows=(finding.place,))


def _slip(fix: Fix) -> Edit | None:
    """The edit of a fix that is one value for another, or rounds one."""
    if len(fix.edits) != 1:
        return None
    edit = fix.edits[0]
    plain = _PLAIN.fullmatch(edit.span.text) and _PLAIN.fullmatch(edit.text)
    rounds = edit.text in [f"{name}({edit.span.text})" for name in ROUNDINGS]
    return edit if (plain or rounds) and not edit.span.source.standard else None


def together(first: Diagnostic, other: Diagnostic) -> Diagnostic:
    """Two findings that one place is to blame for."""
    own = (n for n in other.related if n.span.source == first.span.source)
    return replace(
        first,
        related=tuple(dict.fromkeys((*first.related, *own))),
        notes=tuple(dict.fromkeys((*first.notes, *other.notes))),
        shows=(*first.shows, *other.shows),
    )


def _holds(ran: dict[Span, list[Way]], place: Span) -> bool:
    return any(True for _ in _ways(ran, place))


def _ways(ran: dict[Span, list[Way]], place: Span) -> Iterator[Way]:
    """The ways on which the smallest stretch around a place holds."""
    around = [span for span in ran if place.within(span)]
    if around:
        yield from ran[min(around, key=lambda s: s.end - s.start)]


def _lacks(finding: Diagnostic) -> bool:
    """Whether something put in at a place that a finding points at mends it for every use."""
    places = {n.span.start for n in finding.related}
    return any(
        e.span.start == e.span.end and e.span.start in places
        for f in finding.fixes
        for e in f.edits
    )


def _meet(a: Span, b: Span) -> bool:
    return a.within(b) or b.within(a)
