"""A spec checked again with its text edited: no more of it than the edit can have changed.

What was found is compared with what is found then. A model that is made from the same text as
before is the same, and is not worked out again; the search ends at the first model that has
something new to find.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from archlang.analyses.reached import having
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.elaborate.problem import Stop
from archlang.elaborate.unknown import Trial
from archlang.graph import Graph
from archlang.source import Edit

LAYERS = 4_000
"""How much is worked out again for all that is found in a spec, in layers; then the search ends."""
CHARACTERS = 20
"""How many characters of a text are read in the time that a layer takes."""

OF_WHOLE = frozenset({"A205", "A211"})
"""The findings about a network that is whole: none of them ends working it out."""

_KIND = re.compile(r"[^`\[\d]*")
"""What a message says whatever it is about."""

Key: TypeAlias = tuple[str, str, str]
Look: TypeAlias = Callable[[Program, str], tuple[Graph | None, list[Diagnostic]]]
"""Works out a model of a program: what there is of its graph, and all that is found about it."""


class Rechecks:
    """The checks of edited forms of ``program``, for the sake of its model ``name``.

    ``finding`` is to be gone; ``others`` are those about the model beside it.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        look: Look,
        finding: Diagnostic,
        others: list[Diagnostic],
    ) -> None:
        self.program, self.name, self.look = program, name, look
        self.finding, self.others = finding, others
        self.then: dict[str, list[Diagnostic]] = {}
        """What is found about each model that was worked out again for the last edit."""

    def holds(self, edits: tuple[Edit, ...]) -> bool:
        """Whether edits leave no error in the model but the others, and nothing new elsewhere.

        What they are to mend must be gone from the other models as well.
        """
        made = self.edited(self.program, edits)
        if made is None or self.left(made)[1] or not self.elsewhere(made) or self.remains(made):
            return False
        self.program.mended[edits] = self.then
        return True

    def remains(self, made: Program) -> bool:
        """Whether the finding is still there in another model."""
        others = (n for n in having(self.program, self.finding.span) if n != self.name)
        return any(
            self.has(self.program if unchanged(self.program, made, n) else made, n) for n in others
        )

    def has(self, program: Program, name: str) -> bool:
        """Whether the finding is there in a model of some form of the program."""
        return name in program.complete and key(self.finding) in self.known(program, name)

    def edited(self, program: Program, edits: tuple[Edit, ...]) -> Program | None:
        """A program with its text edited; None where new is found about its definitions.

        None too where enough was worked out again: it is counted, not timed, so that the same
        spec has the same ways out on any machine.
        """
        made = read_again(self.program, program, edits)
        return None if made is None or not said(made) <= said(program) else made

    def left(self, made: Program) -> tuple[Graph | None, list[Diagnostic]]:
        """The graph, and what is found beside what was found before at other places."""
        if self.name not in made.complete:
            return None, [self.finding]
        graph, found = again(self.program, made, self.name, self.look)
        self.then = {self.name: found}
        return graph, _beside([d for d in found if d.severity == "error"], self.others)

    def elsewhere(self, made: Program) -> bool:
        """Whether an edit leaves the other models of the file as they were, but for their names."""
        before, after = self.program.complete, made.complete
        if self.name not in after or len(after) < len(before):
            return False
        for name in after:
            if name != self.name and not (name in before and unchanged(self.program, made, name)):
                self.then[name] = again(self.program, made, name, self.look)[1]
                found = set(map(key, self.then[name]))
                if found and (name not in before or not found <= self.known(self.program, name)):
                    return False
        return True

    def known(self, program: Program, name: str) -> set[Key]:
        """What is found about a model of some form of the program."""
        return {key(d) for d in self.look(program, name)[1]}


def repeats(program: Program, name: str, known: Sequence[Diagnostic]) -> bool:
    """Whether a model has a finding that is known, and a fix of that leaves nothing else in it.

    Then it need not be worked out any further than to that finding.
    """
    for finding in known:
        if finding.code in OF_WHOLE:
            continue
        if any(program.mended.get(fix.edits, {}).get(name) == [] for fix in finding.fixes):
            return _first(program, name) == key(finding)
    return False


def _first(program: Program, name: str) -> Key | None:
    """The first error that is met in a model."""
    met: list[Key] = []

    def wrong(finding: Diagnostic) -> bool:
        if finding.severity == "error":
            met.append(key(finding))
        return bool(met)

    with suppress(Stop):
        program.work_out(name, trial=Trial(stop=wrong))
    return met[0] if met else None


def read_again(first: Program, program: Program, edits: tuple[Edit, ...]) -> Program | None:
    """A program with its text edited; None where enough was worked out again for the ``first``."""
    cost = len(program.source.text) // CHARACTERS
    if first.rechecked >= LAYERS or (first.rechecked and first.rechecked + cost > LAYERS):
        return None
    first.rechecked += cost
    return program.edited(edits)


def again(
    program: Program, made: Program, name: str, look: Look
) -> tuple[Graph | None, list[Diagnostic]]:
    """Work out a model of an edited form of a program, and count its layers."""
    before = made.spent["work"]
    graph, found = look(made, name)
    program.rechecked += 1 + made.spent["work"] - before
    return graph, found


def unchanged(program: Program, made: Program, model: str) -> bool:
    """Whether a model is made from the same text in both: the same is found about it then."""
    footprint = program.footprint(model)
    return footprint is not None and footprint == made.footprint(model)


def said(program: Program) -> Counter[Key]:
    """What is found about a program's definitions, wherever it stands, and how often."""
    return Counter(map(words, program.diagnostics))


def _beside(found: list[Diagnostic], known: list[Diagnostic]) -> list[Diagnostic]:
    """What is found that was not known: by its line, or by its words where that was edited."""
    for same in (key, words):
        left: list[Diagnostic] = []
        for finding in found:
            twin = next((d for d in known if same(d) == same(finding)), None)
            if twin is None:
                left.append(finding)
            else:
                known = [d for d in known if d is not twin]
        found = left
    return found


def words(finding: Diagnostic) -> Key:
    """The same where the line is edited itself."""
    return finding.code, finding.place.source.name, finding.message


def key(finding: Diagnostic) -> Key:
    """What makes two findings one, before an edit and after it."""
    span, kind = finding.place, _KIND.match(finding.message)
    said = f"{finding.code} {kind.group() if kind else ''}"
    return said, span.source.name, span.source.line(span.line).strip()
