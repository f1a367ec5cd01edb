"""The findings about a spec's definitions: ways out that hold, and what they bring to light.

Text that cannot be read hides what else is wrong in it. Where it is mended so that it can be read,
what is then found is mended too, or told beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from operator import eq

from archlang.analyses import rechecks
from archlang.analyses.rechecks import Look, key, said, unchanged
from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.elaborate.findings import may_follow
from archlang.source import Edit, Source, Span, edited
from archlang.syntax.recovery import Hole, Patched, moved
from archlang.wording import listed

_WORD = re.compile(r"[A-Za-z_]\w*")
PROPOSALS = 20
"""For how many findings what they propose is tried."""
STEPS = 8
"""How many mistakes, each met where the one before it is mended, are mended by one fix."""
HIDDEN = 5
"""How many findings are told that a syntax error hides: more of them are hardly slips."""
SYNTAX = frozenset({"A101", "A102"})
"""The findings about text that cannot be read."""
WORDS = frozenset({"A101", "A103", "A104", "A105"})
"""The findings about how something is written."""


def defined(program: Program, look: Look) -> list[Diagnostic]:
    """The findings about a spec's definitions, with the ways out that hold.

    A way holds where its finding is gone, and nothing new is found in the definitions or in a
    model. What could not be read before may be wrong in itself: that is told as well.
    """
    out: list[Diagnostic] = []
    more: list[Diagnostic] = []
    proposed = PROPOSALS
    for finding in program.diagnostics:
        ways: tuple[Fix, ...] = ()
        if finding.fixes and proposed:
            proposed -= 1
            made = [rechecks.read_again(program, program, f.edits) for f in finding.fixes]
            tried = [
                _defining(program, finding, *w, look) for w in zip(finding.fixes, made, strict=True)
            ]
            ways = _distinct(way for way in tried if way)
            if not ways and finding.code in SYNTAX and finding.fixes[0].safe:
                hidden = _hidden(program, finding, made[0], look)
                ways = finding.fixes[:1] if hidden else ()
                more += (d for d in hidden if d not in more)
        out.append(replace(finding, fixes=ways, help="" if ways else finding.help))
    return sorted([*out, *more], key=lambda d: (d.span.source.name, d.span.start))


def _distinct(ways: Iterable[Fix]) -> tuple[Fix, ...]:
    """The ways that come to different texts, the first of each."""
    made: dict[tuple[str, ...], Fix] = {}
    for way in ways:
        sources = dict.fromkeys(e.span.source for e in way.edits)
        made.setdefault(tuple(edited(s, way.edits).text for s in sources), way)
    return tuple(made.values())


def _hidden(
    program: Program, finding: Diagnostic, made: Program | None, look: Look
) -> list[Diagnostic]:
    """What is found where a syntax error is mended, if that is of how something is written.

    What is told of shapes could come of where a brace was put: then nobody knows.
    """
    source, edits = program.source, finding.fixes[0].edits
    if made is None or finding.span.source != source or rechecks.words(finding) in said(made):
        return []
    fresh: list[Diagnostic] = []
    for one in _fresh(program, made, look):
        if one.code not in WORDS or one.span.source != made.source or len(fresh) == HIDDEN:
            return []
        fresh += [one] * (one not in fresh)
    back = Patched(source.text, [Hole(*e.span[1:], e.text) for e in edits])
    was = {word for e in edits for word in _WORD.findall(e.span.text)}
    if any(_made_by(one, edits) or may_follow(one, was) for one in fresh):
        return []
    if len({one.message for one in fresh}) < len(fresh):
        return []  # one thing said of several places: it comes of what was written there
    told = []
    for one in fresh:
        ways = tuple(f for f in one.fixes if _helps(program, made, one, f, fresh, look))
        near = tuple(n for n in one.related if n.span.source == made.source)
        notes = tuple(n for n in one.notes if ", used at " not in n)
        one = replace(one, fixes=ways, help="" if ways else one.help, related=near, notes=notes)
        one = replace(one, uses=(), turns=(), shows=(), written=None)
        told.append(moved(one, source, back))
    return told


def _made_by(finding: Diagnostic, edits: tuple[Edit, ...]) -> bool:
    """Whether text cannot be read that edits have written: then something else was meant there."""
    shift = 0
    for edit in sorted(edits, key=lambda e: e.span.start):
        start = edit.span.start + shift
        if finding.code in SYNTAX and start <= finding.span.start < start + len(edit.text):
            return True
        shift += len(edit.text) - (edit.span.end - edit.span.start)
    return False


def _helps(
    program: Program,
    made: Program,
    finding: Diagnostic,
    fix: Fix,
    fresh: list[Diagnostic],
    look: Look,
) -> bool:
    """Whether an edit of an edited form leaves no more there than the findings beside it."""
    then = rechecks.read_again(program, made, fix.edits)
    if then is None:
        return False
    others = {rechecks.words(d) for d in fresh} - {rechecks.words(finding)}
    left = {rechecks.words(d) for d in _fresh(program, then, look)}
    return left <= others


def _defining(
    program: Program, finding: Diagnostic, fix: Fix, made: Program | None, look: Look
) -> Fix | None:
    """A way that holds, with what must then be written otherwise on its line; None for none.

    What could not be read before may have other mistakes, as `nn.Conv2d(3, 64, 3)` has.
    """
    ways, at = [fix], finding.span
    while made is not None and len(ways) <= STEPS:
        first = next(_fresh(program, made, look), None)
        if first is None:
            if not said(made) < said(program):
                return None
            return fix if len(ways) == 1 else joined(program.source, made, ways)
        same = (first.place.line, first.place.source.name) == (at.line, at.source.name)
        if not same or first.code not in WORDS or not first.fixes:
            return None
        ways.append(first.fixes[0])
        made = rechecks.read_again(program, made, first.fixes[0].edits)
    return None


def _fresh(program: Program, made: Program, look: Look) -> Iterator[Diagnostic]:
    """What is found in an edited form of a program that was not there before."""
    before = said(program)
    yield from (d for d in made.diagnostics if rechecks.words(d) not in before)
    known = {key(d)[:2] for n in program.complete for d in look(program, n)[1]}
    for name in made.complete:
        if not unchanged(program, made, name):
            found = rechecks.again(program, made, name, look)[1]
            yield from (d for d in found if key(d)[:2] not in known)


def joined(source: Source, made: Program, ways: list[Fix]) -> Fix:
    """Several edits, each of the text that the ones before it made, as one of the first text."""
    written = [f.text.removeprefix("write ") for f in ways if f.text.startswith("write ")]
    written = [w for w in written if w.strip("`") in made.source.text] or written
    words = written or [f.text for f in ways]
    safe = all(f.safe for f in ways)
    text = f"{'write ' if written else ''}{listed(words)}"
    return Fix(text, difference(source, made), safe=safe)


def difference(source: Source, program: Program) -> tuple[Edit, ...]:
    """The edits that make one text of another: the lines that differ, and of those what differs."""
    from difflib import SequenceMatcher

    old, new = source.text.splitlines(True), program.source.text.splitlines(True)
    edits = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            before, after = "".join(old[a:b]), "".join(new[c:d])
            first = _alike(before, after)
            last = _alike(before[first:][::-1], after[first:][::-1])
            start = sum(map(len, old[:a])) + first
            end = start + len(before) - first - last
            edits.append(Edit(Span(source, start, end), after[first : len(after) - last]))
    return tuple(edits)


def _alike(a: str, b: str) -> int:
    """How many characters two texts begin with alike."""
    return sum(takewhile(bool, map(eq, a, b)))
