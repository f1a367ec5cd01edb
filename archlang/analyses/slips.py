"""Numbers of the text that may be slips: with another in its place, everything holds.

Whatever a number is for, as an argument of a layer, of a block where it is used, a default, an item
of a table or a stated size, it is put otherwise in the tree, and the model worked out again until
something is found that was not found before. What gets through is likely meant; it is still to be
written into the text, and that checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

from archlang.analyses.numerals import (
    Numeral,
    Pair,
    by_distance,
    next_to,
    numerals,
    roundness,
    solved,
)
from archlang.analyses.proofs import prove
from archlang.analyses.reached import reached
from archlang.analyses.rechecks import key
from archlang.analyses.requirements import Compared, check_requirements, compared_at
from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.elaborate.problem import Stop
from archlang.elaborate.unknown import Trial
from archlang.graph import Graph, Node
from archlang.limits import current, using
from archlang.source import Edit, Span
from archlang.syntax import ast

WORK, WORK_OF_ALL = 3_000, 4_000
"""How much is worked out again for all findings of a model, and of all of a spec, in layers."""
OVERHEAD, REQUIREMENT = 12, 2
"""What one trial costs besides its layers, and what a requirement does, in layers."""
SMALL, LARGER = 1_000, 4
"""No number is a slip that makes more layers than these, and so many times as many."""
ENOUGH = 3
"""How many numbers that would do are looked for."""
CODES = frozenset({"A201", "A203", "A204", "A205", "A208", "A209", "A210", "A211"})
"""The findings that a wrong number may lead to anywhere."""
REFUSALS = frozenset({"A202", "A206", "A207"})
"""Those about a layer that cannot take what arrives: it is the layer's number, or one for it."""
SHOWN = 40
"""The longest text that a number is said to be in."""
ANCHORS = 60
"""How many places on the way to a finding are looked at first."""


class Slip(NamedTuple):
    """Another number that would do; ``left`` is how many findings there still are with it."""

    numeral: Numeral
    text: str
    left: int

    @property
    def order(self) -> tuple[Any, ...]:
        """The likelier, the less: what leaves nothing, makes what is stated, and is rounder."""
        n = self.numeral
        return self.left, n.arrives, n.stated is not None, _roundness(n.span.text, self.text)

    @property
    def fix(self) -> Fix:
        """What to write, in words: where it stands is told by what it is in."""
        span, now = self.numeral.span, self.text
        edit = (Edit(span, now),)
        if self.numeral.stated:
            return Fix(f"state `{now}` instead of `{span.text}`", edit)
        around = [w for w in self.numeral.within if "\n" not in w.text and w != span]
        said = f"`{now}` instead of `{span.text}`"
        if around and re.fullmatch(rf"\w+ *= *{re.escape(span.text)}", around[-1].text):
            said = f"`{around.pop().text.partition('=')[0].strip()}={now}`"
        place = next((w.text for w in around if len(w.text) <= SHOWN), "")
        return Fix(f"{said} in `{place}`" if place else said, edit)


def _roundness(was: str, now: str) -> int:
    """How much less round a number gets by a slip; a number far from it is none."""
    if not (was.isdigit() and now.isdigit()) or abs(int(was) - int(now)) > max(1, int(was) // 8):
        return 0
    return roundness(int(was)) - roundness(int(now))


class Slips:
    """The numbers of one model that may be slips; what is tried for its findings is counted."""

    def __init__(self, program: Program, name: str, graph: Graph, found: list[Diagnostic]) -> None:
        self.program, self.name, self.graph = program, name, graph
        self.known = {key(d) for d in found if d.severity == "error"}
        self.work = 0 if graph.solved else min(WORK, WORK_OF_ALL - program.spent["slips"])
        self.both: set[int] | None = None
        """The items that the number is in, where that is known."""
        self.room = min(current().layers, max(SMALL, LARGER * len(graph.nodes)))
        self._numerals: list[Numeral] | None = None

    def fixes(self, finding: Diagnostic, shared: str | None = None) -> Iterator[Fix]:
        """Numbers with which a finding would be gone, the likeliest first.

        ``shared`` is another model that has it: what the two are made with is wrong.
        """
        self.both = None if shared is None else {id(w.item) for w in reached(self.program, shared)}
        if self.work > 0 and finding.code in CODES | REFUSALS:
            found = list(islice(self.slips(finding), ENOUGH))
            found.sort(key=lambda slip: slip.order)
            meant = [slip for slip in found if not slip.numeral.arrives]
            yield from (slip.fix for slip in meant or found)

    @property
    def numerals(self) -> list[Numeral]:
        """The numbers that the model is made with, those that may be wrong."""
        if self._numerals is None:
            self._numerals = numerals(self.program, self.name)
        return self._numerals

    def slips(self, finding: Diagnostic) -> Iterator[Slip]:
        """The same as they are found. What leaves another requirement unmet is not meant."""
        found: set[int] = set()
        for numeral, text in self._candidates(finding):
            if self.work <= 0:
                return
            if id(numeral) in found:
                continue
            left = self.with_number(numeral, text, finding)
            if left == 0 or (left is not None and finding.code != "A205"):
                found.add(id(numeral))
                yield Slip(numeral, text, left)

    def _candidates(self, finding: Diagnostic) -> Iterator[tuple[Numeral, str]]:
        """Numbers, each with another: those that are the sizes first."""
        pairs = list(dict.fromkeys(self._pairs(finding)))
        ordered = self._ordered(finding)
        for numeral in ordered:
            for want, have in pairs:
                if numeral.value == (want if numeral.stated else have):
                    yield from (
                        (numeral, text) for text in islice(solved(numeral, [(want, have)]), 1)
                    )
        for numeral in ordered:
            if finding.code != "A205":
                yield from ((numeral, text) for text in solved(numeral, pairs))
            yield from ((numeral, text) for text in next_to(numeral))

    def _ordered(self, finding: Diagnostic) -> list[Numeral]:
        places = [finding.span, *(n.span for n in finding.related)]
        # An item after the first one: it has held for those before.
        items = [turn.place for turn in reversed(finding.turns) if turn.item]
        spans = [*items, *places, *finding.uses]
        way = dict.fromkeys(n.span for n in self._way(finding))
        equal = [c.span for c in self._comparisons(finding) if c.operator == "=="]

        def may(numeral: Numeral) -> bool:
            if self.both is not None and id(numeral.item) not in self.both:
                return False
            if numeral.stated is None:
                return not (numeral.arrives and finding.code in REFUSALS)
            if finding.code == "A205":
                return any(numeral.span.within(span) for span in equal)
            return any(span.within(numeral.stated) for span in places)

        return by_distance(list(filter(may, self.numerals)), [*spans, *islice(way, ANCHORS)])

    def _comparisons(self, finding: Diagnostic, graph: Graph | None = None) -> list[Compared]:
        """The comparisons of figures that a requirement fails by: in an ``or``, all of them."""
        return compared_at(graph or self.graph, finding.span) if finding.code == "A205" else []

    # What a finding is about

    def _ends(self, finding: Diagnostic) -> list[Node]:
        """The tensors that a finding is about."""
        graph, span = self.graph, finding.span
        for refused in graph.refused:
            if span.within(refused.span):
                return list(refused.inputs)
        for clash in graph.clashes:
            if span.within(clash.span):
                return list(clash.inputs)
        for unmet in graph.unmet:
            if span.within(unmet.span):
                return [unmet.node]
        said = [w for w in graph.written if span.within(Span(w.source, w.shape.start, w.shape.end))]
        return [said[-1].node] if said else []

    def _way(self, finding: Diagnostic) -> Iterator[Node]:
        """The layers on the way to what a finding is about, the last first."""
        ends = self._ends(finding)
        if not ends:
            return
        reached = self.graph.reaching(ends)
        for node in reversed(self.graph.nodes):
            if node.index in reached:
                yield node

    def _pairs(self, finding: Diagnostic) -> Iterator[Pair]:
        """Sizes that are wanted, each with the one there is."""
        for unmet in self.graph.unmet:
            shape = unmet.node.output.shape
            if finding.span.within(unmet.span) and len(shape) == len(unmet.sizes):
                for said, size in zip(unmet.sizes, shape, strict=True):
                    if said is not None and said != int(size):
                        yield Fraction(said), Fraction(int(size))
        for clash in self.graph.clashes:
            first, *rest = (n.output.shape for n in clash.inputs)
            for shape in rest if finding.span.within(clash.span) else ():
                for a, b in zip(first, shape, strict=False):
                    if int(a) != int(b):
                        yield Fraction(int(a)), Fraction(int(b))
                        yield Fraction(int(b)), Fraction(int(a))
        if finding.code == "A205":
            for _, operator, left, right in self._comparisons(finding):
                if operator == "==":
                    yield Fraction(left), Fraction(right)
                    yield Fraction(right), Fraction(left)

    # Trying a number

    def with_number(self, numeral: Numeral, text: str, finding: Diagnostic) -> int | None:
        """How many findings are left with another number; None where the one is, or a new one."""
        with numeral.as_text(text) as fits:
            return self._left(numeral, finding) if fits else None

    def spend(self, layers: int) -> None:
        """Count what is worked out again."""
        self.work -= layers
        self.program.spent["slips"] += layers

    def _left(self, numeral: Numeral, finding: Diagnostic) -> int | None:
        program = self.program
        if isinstance(numeral.item, ast.Let):
            program = program.again()
        gone = key(finding)
        trial = Trial(
            stop=lambda d: key(d) == gone or key(d) not in self.known, changed=numeral.item
        )
        if program.diagnostics or self.name not in program.complete:
            self.spend(OVERHEAD)
            return None
        before, graph = program.spent["work"], None
        with suppress(Stop), using(layers=self.room):
            graph, found = program.work_out(self.name, trial=trial)
        asked = 0 if graph is None else len(graph.requirements)
        self.spend(OVERHEAD + program.spent["work"] - before + REQUIREMENT * asked)
        if graph is None or trial.ended or trial.open is not None:
            return None
        if graph.whole:
            found = [*found, *check_requirements(graph), *prove(graph)]
        elif finding.code == "A205" or not found:
            return None
        if self._comparisons(finding, graph):
            return None  # met by what it makes an exception of
        left = {key(d) for d in found if d.severity == "error"}
        return len(left) if gone not in left and left <= self.known else None
