"""Going on after a syntax error: what cannot be read is left out, and the rest is read again.

The smallest statement around an error is replaced by a hole, of which nothing is known, and the
text is parsed anew. So each statement has at most one error, and an error in one never makes
another. What holes and items left out name is not known either.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import takewhile
from typing import Any, NamedTuple, TypeAlias

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from archlang.diagnostic import Diagnostic
from archlang.source import Edit, Source, Span
from archlang.syntax.brackets import damage
from archlang.syntax.comments import apart, blanked
from archlang.syntax.letters import plain
from archlang.syntax.node import ANY, HOLE, Node
from archlang.syntax.outline import Statements, Stretch, Token, each_token, encloses, ended
from archlang.syntax.wording import explained

MOST = 20
"""How many syntax errors of one file are looked for."""
_WORD = re.compile(r"[^\W\d]\w*")
_ENDS = frozenset({"$END", "_SEP", "_RB", "_BAR"})
_START = re.compile(r"(input|let|require|aux|output|shared)\b\s*(\w+)?", re.ASCII)
_MAY_NAME = re.compile(r"(?:let\s*=\s*|[A-Za-z_]\w*[ \t]+(?=\w+\s*=(?!=)))([A-Za-z_]\w*)")
"""A `let` that lacks its name, or a word before what may be one: `le width = 8`."""
_GIVEN = re.compile(r"([A-Za-z_]\w*)\s*=(?!=)", re.ASCII)
_OTHER_LET = re.compile(r"(?<![A-Za-z_])let\b")
_BEGINS = re.compile(r"(?:block|model|use|let|archlang)\b")
_BRINGS = re.compile(r'\s*(?:use|(?:[A-Za-z_]\w*[ \t]+)?")')
"""What a damaged `use` begins with, or one with a slip in that word."""
_LEAST = 'use ""'
"""The shortest item: it stands for those that are not read again."""
_ITEM = re.compile(rf"(?:\s|#[^\n]*)*([^\s#].{{{len(_LEAST) - 1}}})", re.DOTALL)
_HEAD = re.compile(r'(block|model)\b[^{}"#]*(?=\{)')
_LABEL = re.compile(r"([A-Za-z_]\w*)\s*=(?!=)", re.ASCII)


Stretches: TypeAlias = list[tuple[int, int]]
"""Stretches of the original text, in order."""


class Hole(NamedTuple):
    """A stretch of the text, and what is read in its place."""

    start: int
    end: int
    text: str

    @property
    def unknown(self) -> bool:
        """Whether it is not known what is meant there: no word is read in its place."""
        return not self.text or HOLE in self.text


class Patched:
    """A text with its holes filled, and where each place of it stands in the original."""

    def __init__(self, original: str, holes: list[Hole]) -> None:
        self.holes = sorted(holes)
        out: list[str] = []
        self.starts, self.origins = [0], [0]
        at = length = 0
        for hole in self.holes:
            out += [original[at : hole.start], hole.text]
            length += hole.start - at
            self.mark(length, hole.start)
            length += len(hole.text)
            self.mark(length, hole.end)
            at = hole.end
        self.text = "".join([*out, original[at:]])

    def mark(self, here: int, there: int) -> None:
        self.starts.append(here)
        self.origins.append(there)

    def back(self, at: int) -> int:
        """Where a place of the patched text stands in the original."""
        number = bisect_right(self.starts, at) - 1
        there = self.origins[number] + at - self.starts[number]
        return min(there, self.origins[number + 1]) if number + 1 < len(self.origins) else there

    def forth(self, there: int) -> int:
        """Where a place of the original that is in no hole stands in the patched text."""
        number = bisect_right(self.origins, there) - 1
        return self.starts[number] + there - self.origins[number]

    def without(self, read: Stretches) -> str:
        """The text with blanks for some stretches of the original: all else is where it was."""
        out, at = [], 0
        for start, end in ((self.forth(a), self.forth(b)) for a, b in read):
            line = self.text.rfind("\n", start, end)
            lead = " " * (line - start) + "\n" if line >= 0 else ""
            indent = re.sub(r"\S", " ", self.text[start + len(lead) : end])
            out += [self.text[at:start], lead, indent]
            at = end
        text, item = "".join([*out, self.text[at:]]), _ITEM.match(self.text)
        if item is None or not read or item.end() > self.forth(read[0][1]):
            return text
        return text[: item.start(1)] + _LEAST + text[item.start(1) + len(_LEAST) :]


def recovered(
    source: Source, tree: Callable[[str], list[Any]]
) -> tuple[list[Any], frozenset[str], list[Diagnostic]]:
    """What ``tree`` reads of a text with syntax errors, the words of the rest, and the errors."""
    if others := list(apart(source)):  # nothing else is read of what they say
        rest = Source(source.name, blanked(source.text, others))
        tops, lost, found = _recovered(rest, tree)
        found = [moved(d, source, Patched(source.text, [])) for d in found]
        told = [other.finding for other in others[:MOST]]
        return tops, lost, sorted([*told, *found], key=lambda d: d.span.start)
    return _recovered(source, tree)


def _recovered(
    source: Source, tree: Callable[[str], list[Any]]
) -> tuple[list[Any], frozenset[str], list[Diagnostic]]:
    """The same for a text whose comments are all its own.

    What stands before an error in the bodies around it is right: for the next error it is not read
    again, so many errors take no longer than the text is long.
    """
    bad = damage(source, MOST)
    found = list(bad.found)
    holes = [Hole(start, end, "") for start, end in bad.items]
    holes += [Hole(*edit.span[1:], edit.text) for edit in bad.closed]
    for start, end, depth in bad.statements:
        head = None if depth else _head(source.text, start, end)
        holes = _with(holes, head or _hole(start, end, depth, source.text[start:end]))
    tops: list[Any] | None = None
    read: Stretches = []
    tried: set[tuple[bool, tuple[Hole, ...]]] = set()
    while tops is None:
        patched = Patched(source.text, holes)
        try:
            tops = tree(patched.without(read))
            tops, read = (None if read else tops), []
        except UnexpectedInput as error:
            now = bool(read), tuple(patched.holes)
            if len(found) >= MOST or now in tried:  # there is no going on
                tops = []
                break
            tried.add(now)
            hole, fresh, read = _around(source, patched, read, error)
            finding = moved(explained(Source("", patched.text), error), source, patched)
            if (fresh or not found) and finding not in found:
                found.append(finding)
            for one in _read_as(finding) or [_over(source.text, hole, finding, holes)]:
                holes = _with(holes, one)
    for top in tops:
        _relocate(top, patched, set())
    lost = [source.text[h.start : h.end] for h in holes]
    words = {plain(w) for text in lost for w in _WORD.findall(text)}
    if any(map(_BRINGS.match, lost)):
        words.add(ANY)  # what it would have brought in is not known
    found.sort(key=lambda d: d.span.start)
    if len(found) >= MOST:
        more = f"the first {MOST} syntax errors of a file are told; behind them there may be more"
        found[-1] = replace(found[-1], notes=(*found[-1].notes, more))
    return tops, frozenset(words), found


def _read_as(finding: Diagnostic) -> list[Hole]:
    """Words and marks of other alphabets, with what they are read as: nothing of it is lost."""
    edits = [e for f in finding.fixes[:1] for e in f.edits]
    own = any(e.span.text.isascii() or re.search(r'[\s"]', e.span.text + e.text) for e in edits)
    return [] if own else [Hole(*e.span[1:], e.text) for e in edits]


def _over(text: str, hole: Hole, finding: Diagnostic, others: list[Hole]) -> Hole:
    """A hole with all that the way out writes anew: a bar or brace before it there is none."""
    edits = [e.span for f in finding.fixes[:1] for e in f.edits]
    if not hole.text or len(edits) != 1 or edits[0].start >= hole.start or "\n" in edits[0].text:
        return hole
    start, end = edits[0].start, max(hole.end, edits[0].end)
    if any(other.end > start and other.start < hole.start for other in others):
        return hole
    if text[start : hole.start].strip() == "|":
        return Hole(start, end, f"; {HOLE}")
    return Hole(start, end, HOLE) if hole.end < edits[0].end else hole


def _with(holes: list[Hole], new: Hole) -> list[Hole]:
    """Holes with one more, in place of those inside of it."""
    return [*(h for h in holes if h.end <= new.start or new.end <= h.start), new]


def _hole(start: int, end: int, depth: int, stated: str) -> Hole:
    """What is read in place of what is ``stated``: something that names what it named."""
    if depth == 0:
        return Hole(start, end, "")
    if (match := _START.match(stated)) and not _LABEL.match(stated):
        word, name = match.groups()
        if word == "input":
            return Hole(start, end, f"input {name or HOLE}: [{HOLE}]")
        if word == "shared" and name:
            return Hole(start, end, f"shared {name} = {HOLE}")
        names = [(word == "let" and name) or HOLE]
        if _OTHER_LET.search(stated, match.end()):  # more than one statement cannot be told apart
            names += [n for n in _GIVEN.findall(stated, match.end()) if n not in names]
        return Hole(start, end, "; ".join(f"let {name} = {HOLE}" for name in names))
    if named := _MAY_NAME.match(stated):  # the name may have had another meaning before
        return Hole(start, end, f"let {named.group(1)} = {HOLE}; {HOLE}")
    label = _LABEL.match(stated)
    return Hole(start, end, f"{label.group(1)} = {HOLE}" if label else HOLE)


def _head(text: str, start: int, end: int) -> Hole | None:
    """What is read in place of an item's head, if the body behind it can be told from it."""
    head = _HEAD.match(text, start, end)
    if head is None or not encloses(text, head.end(), end):
        return None
    return Hole(start, head.end(), f"{head.group(1)} {HOLE} ")


def _around(
    source: Source, patched: Patched, read: Stretches, error: UnexpectedInput
) -> tuple[Hole, bool, Stretches]:
    """The hole for the statement around an error, whether the error is one by itself, and what is
    ``read`` with it. No more of the text is looked at than what was not, up to the statement's end.
    """
    at = _place(patched.text, error)
    there = patched.back(at)
    text = patched.without([] if any(a <= there < b for a, b in read) else read)
    words, outline = each_token(text), Statements(trust=True)

    def holds(stretch: Stretch) -> bool:
        """Whether a statement has the place in it, and no hole that is there already is it."""
        start, end = patched.back(stretch.start), patched.back(stretch.end)
        known = any(h.start <= start and end <= h.end for h in patched.holes)
        return stretch.end > at and not known

    stretch = ended(outline, words, at, holds)
    if stretch is None:
        return Hole(0, len(source.text), ""), False, []
    start, end = patched.back(stretch.start), patched.back(stretch.end)
    keeps = _shape(patched, stretch, at)
    inside = [h for h in patched.holes if start == h.start and h.end <= end and h.unknown]
    if stretch.depth == 0 and at == stretch.start:
        end = patched.back(_astray(text, outline, words, stretch))
    before = [(patched.back(a), patched.back(b)) for a, b in _before(stretch)]
    head = None if stretch.depth else _head(source.text, start, end)
    if head is not None and there < head.end and not any(h.start == start for h in patched.holes):
        return head, True, before
    stated = patched.text[stretch.start : stretch.end]
    return _hole(start, keeps or end, stretch.depth, stated), not inside, before


def _before(stretch: Stretch | None) -> Stretches:
    """What stands before a statement in its branch, and before each that it is in."""
    if stretch is None:
        return []
    body, bar = stretch.body, stretch.bar
    ends = [body, stretch.start] if bar is None else [body, bar, bar + 1, stretch.start]
    return [*_before(stretch.parent), *zip(ends[::2], ends[1::2], strict=True)]


def _astray(text: str, outline: Statements, words: Iterator[Token], first: Stretch) -> int:
    """Where the statements end that stand outside of any body, from the first of them on."""

    def item(stretch: Stretch) -> bool:
        own = text[stretch.start : stretch.end]
        return "{" in own or bool(_BEGINS.match(own))

    for word in words:
        outline.take(word)
        if item(outline.made[-1]):
            break
    lone = (s for s in outline.made if s.depth == 0 and s.start > first.start)
    ends = [s.end for s in takewhile(lambda s: not item(s), lone)]
    return max(ends, default=first.end)


def _shape(patched: Patched, stretch: Stretch, place: int) -> int | None:
    """Where the shape starts that a damaged chain states, if it is not what is damaged."""
    own = patched.text[stretch.start : stretch.end]
    stated = re.fullmatch(r":\s*\[[^\[\]{}]*\]", patched.text[stretch.colon : stretch.end])
    if stretch.depth == 0 or _START.match(own) or not stated or place >= stretch.colon:
        return None
    if any(h.start == patched.back(stretch.start) for h in patched.holes):
        return None
    return patched.back(stretch.colon)


def _place(text: str, error: UnexpectedInput) -> int:
    """The last place that belongs to what is wrong: what ends a statement is not in it."""
    at = min(error.pos_in_stream or 0, len(text))
    if isinstance(error, UnexpectedCharacters):
        return at
    assert isinstance(error, UnexpectedToken)
    lead = len(error.token) - len(error.token.lstrip())
    if error.token.type not in _ENDS:
        return at + lead
    before = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text[:at])
    return max(len(before.rstrip(" \t\r\n;")) - 1, 0)


def moved(diagnostic: Diagnostic, source: Source, patched: Patched) -> Diagnostic:
    """A finding about the patched text as one about the original."""

    def there(span: Span) -> Span:
        start, end = patched.back(span.start), patched.back(span.end)
        return Span(source, start, max(start, end))

    ways = diagnostic.fixes
    fixes = tuple(replace(f, edits=tuple(Edit(there(s), t) for s, t in f.edits)) for f in ways)
    related = tuple(replace(n, span=there(n.span)) for n in diagnostic.related)
    return replace(diagnostic, span=there(diagnostic.span), related=related, fixes=fixes)


def _relocate(item: Any, patched: Patched, seen: set[int]) -> None:
    """Let a tree's places be those of the original text."""
    if isinstance(item, list):
        for one in item:
            _relocate(one, patched, seen)
    elif isinstance(item, Node) and id(item) not in seen:
        seen.add(id(item))
        item.start, item.end = patched.back(item.start), patched.back(item.end)
        for part in fields(item):
            if part.name not in ("start", "end"):
                _relocate(getattr(item, part.name), patched, seen)
