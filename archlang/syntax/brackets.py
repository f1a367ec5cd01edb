"""Brackets and strings that are left open, or close nothing: one finding for one of them.

Where brackets do not match, indentation says which of them is missing: that is how its author saw
the text. Each item of the file is looked at by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.source import Edit, Source, Span
from archlang.syntax.indented import rounded
from archlang.syntax.outline import (
    CLOSES,
    OPENS,
    Token,
    balanced,
    innermost,
    matches,
    one_more,
    regions,
    statements,
    tokens,
)

EACH = 3
"""How many findings of brackets and strings are made for each that is told: one of a statement."""
PLACES = 50
"""How many places a string is tried to end at."""


@dataclass
class Damage:
    """What is wrong with the brackets of a text, and the stretches that cannot be read for it."""

    found: list[Diagnostic] = field(default_factory=list)
    statements: list[tuple[int, int, int]] = field(default_factory=list)
    """Each with its depth."""
    items: list[tuple[int, int]] = field(default_factory=list)


def damage(source: Source, most: int) -> Damage:
    """What is wrong with brackets and strings, up to so many findings; raises nothing."""
    out = Damage()
    for start, end in regions(source.text):
        if len(out.found) >= most:
            break
        found = _read(source.text, start, end)
        if not balanced(found, "{}"):
            out.found.append(_Braces(source, found).error())
            out.items.append((start, end))
        else:
            _in_statements(source, found, out, most)
    return out


def _read(text: str, start: int, end: int) -> list[Token]:
    """The words of an item; what stands behind a lone quote is text where that fits the braces."""
    found = tokens(text, start, end)
    if any(t.unclosed for t in found) and not balanced(found, "{}"):
        other = tokens(text, start, end, tail=True)
        return other if balanced(other, "{}") else found
    return found


def _in_statements(source: Source, found: list[Token], out: Damage, most: int) -> None:
    """Round and square brackets and strings, which end with their statement."""
    spans: set[int] = set()
    made = statements(found, trust=False)
    for diagnostic in islice(chain(_strings(source, found), _pairs(source, found)), EACH * most):
        stretch = innermost(made, diagnostic.span.start)
        if stretch is None or stretch.start not in spans:
            out.found.append(diagnostic)
        if stretch is not None:
            spans.add(stretch.start)
            out.statements.append((stretch.start, stretch.end, stretch.depth))
        if len(out.found) >= most:
            return


def _strings(source: Source, found: list[Token]) -> Iterator[Diagnostic]:
    lone = sum(t.unclosed for t in found) == 1
    for token in found:
        if token.unclosed:
            end = source.text.find("\n", token.start)
            span = Span(source, token.start, len(source.text) if end < 0 else end)
            message = "a string is not closed on its line"
            stop = token.start + len(span.text.rstrip())
            fixes = _quoted(source, found, token.start, stop, lone)
            yield Diagnostic("A102", message, span, "opened here", fixes=fixes)


def _quoted(
    source: Source, found: list[Token], start: int, end: int, lone: bool
) -> tuple[Fix, ...]:
    """The edits that close a string, at its line's end or where all brackets then match."""
    if end == start + 1:
        return _left_out(source, start, end)
    stops = re.finditer(r"\s*[])},]|\s*->", source.text[start:end])
    places = [end, *(start + m.start() for m in islice(stops, PLACES))] if lone else []
    first, last = found[0].start, max(found[-1].end, end)
    before = source.text[first:last]
    fits = (p for p in places if matches(f'{before[: p - first]}"{before[p - first :]}'))
    fit = list(islice(fits, 2))
    added = (fix for place in fit or [end] for fix in _added(source, place, '"'))
    ways = (replace(fix, safe=len(fit) < 2) for fix in added)
    return (*ways, *_left_out(source, start, start + 1))


def _pairs(source: Source, found: list[Token]) -> Iterator[Diagnostic]:
    opened: list[Token] = []
    before: Token | None = None
    count = Counter(t.text for t in found)
    for number, token in enumerate(found):
        ends = token.text in ("->", "{", "}", "|") or token.broken or token.parted
        if opened and (odd := _within(source, found, opened, number)):
            yield odd
            opened = opened if token.parted else []
        elif opened and ends:
            yield _left_open(source, found, opened, token, before)
            opened = []
        if token.text in "([":
            opened.append(token)
        elif token.text in (")", "]"):
            wanted = CLOSES[token.text]
            if _outdented(opened, token):
                yield _never_closed(source, opened.pop(), token)
            if opened and opened[-1].text == wanted:
                opened.pop()
            elif any(t.text == wanted for t in opened):
                last = max(n for n, t in enumerate(opened) if t.text == wanted)
                yield _left_open(source, found, opened[last + 1 :], token, before)
                del opened[last:]
            elif opened and one_more(count, token):
                yield _closes_nothing(source, token)
            elif opened:
                right = (Edit(Span(source, token.start, token.end), OPENS[opened[-1].text]),)
                fixes = (Fix(f"write `{right[0].text}`", right, safe=True),)
                yield replace(_never_closed(source, opened.pop(), token), fixes=fixes)
            else:
                yield _closes_nothing(source, token)
        before = token
    if opened:
        yield _left_open(source, found, opened, None, before)


def _within(
    source: Source, found: list[Token], opened: list[Token], number: int
) -> Diagnostic | None:
    """What is said of a word that cannot stand in brackets which are closed behind it."""
    token = found[number]
    if token.parted and number and _closed_later(islice(found, number, None), opened[-1]):
        return _semicolon(source, found[number - 1], token)
    body = [t.text for t in opened] == ["("] and (token.text == "->" or token.broken)
    return rounded(source, found, opened[0]) if body else None


def _outdented(opened: list[Token], token: Token) -> bool:
    """Whether what closes a bracket stands as far left as another one that is open around it."""
    if not token.first or not opened or opened[-1].text != CLOSES[token.text]:
        return False
    around = [t for t in opened[:-1] if t.text == opened[-1].text and t.last]
    return opened[-1].indent > token.indent and any(t.indent == token.indent for t in around)


def _closed_later(words: Iterable[Token], opener: Token) -> bool:
    """Whether what stands open is closed behind a word, the first of some, on its line."""
    for later in words:
        if later.broken or later.text in "{}":
            return False
        if later.text == OPENS[opener.text]:
            return True
    return False


def _semicolon(source: Source, before: Token, token: Token) -> Diagnostic:
    at = source.text.index(";", before.end, token.start)
    span = Span(source, at, at + 1)
    fixes = (Fix("write `,`", (Edit(span, ","),), safe=True),)
    return Diagnostic("A101", "`;` cannot stand in brackets", span, fixes=fixes)


def _left_open(
    source: Source,
    found: list[Token],
    opened: list[Token],
    noticed: Token | None,
    before: Token | None,
) -> Diagnostic:
    """Brackets without their other halves; these could stand behind the word ``before``."""
    finding = _never_closed(source, opened[-1], noticed)
    if before is None:
        return finding
    closing = "".join(OPENS[t.text] for t in reversed(opened))
    added = _added(source, before.end, closing)
    inside = [t for t in found if opened[0].start <= t.start <= before.start]
    safe = not any(map(_may_end, inside, inside[1:]))
    return replace(finding, fixes=_or_doubled(source, opened[-1], added, safe))


def _may_end(token: Token, after: Token) -> bool:
    """Whether brackets that are left open at a word could be meant to end before its neighbour."""
    return after.text in OPENS or bool(re.fullmatch(r"[-+*/%<>=!]=?|\*\*|//", after.text))


def _or_doubled(source: Source, opener: Token, added: tuple[Fix, ...], safe: bool) -> (
    tuple[Fix, ...]
):  # fmt: skip
    """The edits for what is left open: where it stands twice, one of the two may be too many."""
    around = source.text[max(opener.start - 1, 0) : opener.end + 1]
    if 2 * opener.text in around:
        return (
            *_left_out(source, opener.start, opener.end),
            *(replace(a, safe=False) for a in added),
        )
    return tuple(replace(fix, safe=fix.safe and safe) for fix in added)


def _added(source: Source, at: int, text: str) -> tuple[Fix, ...]:
    """The edit that adds what closes something."""
    return (Fix(f"add `{text.strip()}`", (Edit(Span(source, at, at), text),), safe=True),)


def _never_closed(
    source: Source, opener: Token, noticed: Token | None, last: Token | None = None
) -> Diagnostic:
    """An opening bracket without its other half, and where that is seen: before or behind what."""
    message = f"`{opener.text}` is never closed"
    span = Span(source, opener.start, opener.end)
    if noticed is None:
        text = f"`{OPENS[opener.text]}` is missing after this"
        end = last.end if last is not None and last is not opener else opener.end
        return _at_gap(opener, Diagnostic("A102", message, span, "opened here"), end, end, text)
    at = Span(source, noticed.start, noticed.end)
    if noticed.text in CLOSES and noticed.text != OPENS[opener.text]:
        message = f"`{opener.text}` is closed by `{noticed.text}`"
        return Diagnostic("A102", message, span, "opened here", (Note(at, "closed here"),))
    text = f"`{OPENS[opener.text]}` is missing before this"
    finding = Diagnostic("A102", message, span, "opened here")
    return _at_gap(opener, finding, at.start, at.end, text)


def _at_gap(opener: Token, finding: Diagnostic, start: int, end: int, text: str) -> Diagnostic:
    """A body that is left open, at the line that lacks its brace; a bracket where it stands.

    A brace that stands behind another is likely the one too many.
    """
    opened, gap = finding.span, Span(finding.span.source, start, end)
    beside = re.compile(r"\{[ \t]*\{").finditer(opened.source.text)
    double = any(m.start() <= opened.start < m.end() for m in beside)
    if opener.text != "{" or not opener.last or gap.line - opened.line < 2 or double:
        return replace(finding, related=(Note(gap, text),))
    return replace(finding, span=gap, label=text, related=(Note(opened, finding.label),))


def _closes_nothing(source: Source, token: Token) -> Diagnostic:
    """A closing bracket without its other half, which may be what is missing: not safe to drop."""
    message, span = f"`{token.text}` closes nothing", Span(source, token.start, token.end)
    fixes = _left_out(source, token.start, token.end)
    return Diagnostic("A102", message, span, fixes=fixes)


def _left_out(source: Source, start: int, end: int) -> tuple[Fix, ...]:
    """The edit that leaves a mark out, with its line where nothing else stands there."""
    text, mark = source.text, source.text[start:end]
    begin, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    stop = len(text) if stop < 0 else stop + 1
    before, behind = text[begin:start], text[end:stop]
    if not before.strip() and not behind.strip():
        start, end = begin, stop
    elif mark in CLOSES and before.strip():
        start = begin + len(before.rstrip())
    return (Fix(f"leave `{mark}` out", (Edit(Span(source, start, end), ""),)),)


class _Braces:
    """One item whose braces do not match."""

    def __init__(self, source: Source, found: list[Token]) -> None:
        self.source, self.found = source, found

    def error(self) -> Diagnostic:
        """The first brace that does not fit how its line is indented."""
        opened: list[Token] = []
        pending: Token | None = None  # a round or square bracket, open on this line
        for before, token in zip([None, *self.found], self.found, strict=False):
            if token.first and token.broken:
                pending = None
            if token.first and opened and self.falls_back(opened[-1], token):
                return self.left_open(opened[-1], None, before)
            if token.text in "([":
                pending = token
            elif token.text in (")", "]"):
                pending = None
            elif token.text == "{":
                opened.append(token)
            elif token.text == "}":
                finding = self.closing(opened, token, pending)
                if finding is not None:
                    return finding
                opened.pop()
        if not opened:  # indentation has no word on it
            return self.by_count()
        return self.left_open(opened[-1], None, self.found[-1])

    def falls_back(self, opener: Token, token: Token) -> bool:
        """Whether a line stands as far left as the one that opened the body it is in."""
        leaves = token.text in ("->", "else") or (token.broken and token.text != "|")
        return opener.last and leaves and token.indent <= opener.indent

    def left_open(self, opener: Token, noticed: Token | None, last: Token | None) -> Diagnostic:
        """A brace that is never closed, and the edit that closes it behind the word ``last``.

        One on a line of its own closes what was opened at the end of a line.
        """
        finding = _never_closed(self.source, opener, noticed, last)
        text = self.source.text
        if last is None or last is opener:
            return finding
        if opener.last:
            begin = text.rfind("\n", 0, opener.start) + 1
            blank = re.match(r"[ \t]*", text[begin : opener.start])[0]  # type: ignore[index]
            end = text.find("\n", last.end)
            at, added = len(text) if end < 0 else end, f"\n{blank}}}"
            ways = _added(self.source, at, added)
            return replace(finding, fixes=_or_doubled(self.source, opener, ways, True))
        line = [t for t in self.found if self.line(t) == self.line(opener)]
        fixes = _added(self.source, line[-1].end, " }")
        after = next((t for t in self.found if t.start > line[-1].start), None)
        deeper = after is not None and after.indent > opener.indent
        inside = [t.text for t in line if t.start > opener.start]
        safe = not deeper and not {"{", "}", "->", ":"}.intersection(inside)
        return replace(finding, fixes=_or_doubled(self.source, opener, fixes, safe))

    def closing(
        self, opened: list[Token], token: Token, pending: Token | None
    ) -> Diagnostic | None:
        """What is wrong with a closing brace, if anything."""
        if not opened:
            return self.missing_before(token)
        top = opened[-1]
        if token.first:
            if token.indent < top.indent and any(t.indent == token.indent for t in opened[:-1]):
                before = self.found[self.found.index(token) - 1]
                return self.left_open(top, token, before)
            if token.indent > top.indent and top.last:
                return self.missing_before(token)
            return None
        if top.last and self.line(top) != self.line(token):
            if pending is not None:
                return _never_closed(self.source, pending, token)
            return self.missing_before(token)
        return None

    def line(self, token: Token) -> int:
        return self.source.position(token.start)[0]

    def missing_before(self, token: Token) -> Diagnostic:
        """A brace that closes nothing: the line that should have opened one, where one looks so."""
        header = self.header(token) if token.first else None
        if header is None:
            return _closes_nothing(self.source, token)
        at = Span(self.source, header.start, header.end)
        note = Note(Span(self.source, token.start, token.end), "this closes nothing otherwise")
        fixes = _added(self.source, header.end, " {")
        message = "`{` is missing at the end of this line"
        return Diagnostic("A102", message, at, "", (note,), fixes=fixes)

    def header(self, closer: Token) -> Token | None:
        """The last word of the line above that is indented as the brace, and opens no body."""
        body: list[Token] = []
        for token in reversed(self.found):
            if token.start >= closer.start:
                continue
            if token.last:
                body = [token]
            if token.first and token.indent <= closer.indent and token.text != "}" and body:
                deeper = body[0].text != "{" and token.indent == closer.indent
                return body[0] if deeper else None
        return None

    def by_count(self) -> Diagnostic:
        depth = 0
        for token in self.found:
            depth += (token.text == "{") - (token.text == "}")
            if depth < 0:
                return _closes_nothing(self.source, token)
        raise AssertionError("the braces are in order")


def lone_error(source: Source) -> Diagnostic:
    """What is wrong with the brackets of a single expression."""
    found = tokens(source.text)
    first = next(iter([*_strings(source, found), *_pairs(source, found)]), None)
    return replace(first or _Braces(source, found).error(), fixes=())
