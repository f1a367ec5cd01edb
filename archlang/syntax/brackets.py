"""Brackets and strings that are left open, or close nothing: one finding for one of them.

Where brackets do not match, indentation says which of them is missing: that is how its author saw
the text. Each item of the file is looked at by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice, pairwise

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span
from archlang.syntax.braces import (
    Braces,
    adding,
    closes_nothing,
    left_out,
    never_closed,
    or_doubled,
)
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
    closed: list[Edit] = field(default_factory=list)
    """What closes items that can be read with it."""


def damage(source: Source, most: int) -> Damage:
    """What is wrong with brackets and strings, up to so many findings; raises nothing."""
    out = Damage()
    for start, end in regions(source.text):
        if len(out.found) >= most:
            break
        found = _read(source.text, start, end)
        if not balanced(found, "{}"):
            braces = Braces(source, found)
            out.found.append(braces.error())
            if braces.ends_open and not any(chain(_strings(source, found), _pairs(source, found))):
                out.closed += out.found[-1].fixes[0].edits
            else:
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
    made, whole = statements(found, trust=False), statements(found, trust=True)
    for diagnostic in islice(chain(_strings(source, found), _pairs(source, found)), EACH * most):
        matched = diagnostic.code == "A101"  # the brackets are right, not what is in them
        stretch = innermost(whole if matched else made, diagnostic.span.start)
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
        return left_out(source, start, end)
    stops = re.finditer(r"\s*[])},]|\s*->", source.text[start:end])
    places = [end, *(start + m.start() for m in islice(stops, PLACES))] if lone else []
    first, last = found[0].start, max(found[-1].end, end)
    before = source.text[first:last]
    fits = (p for p in places if matches(f'{before[: p - first]}"{before[p - first :]}'))
    fit = list(islice(fits, 2))
    added = (fix for place in fit or [end] for fix in adding(source, place, '"'))
    ways = (replace(fix, safe=len(fit) < 2) for fix in added)
    return (*ways, *left_out(source, start, start + 1))


def _pairs(source: Source, found: list[Token]) -> Iterator[Diagnostic]:
    opened: list[Token] = []
    before: Token | None = None
    count, whole = Counter(t.text for t in found), _nested(found)
    for number, token in enumerate(found):
        body = token.text in ("{", "}") and not whole  # one in brackets that match is no body
        ends = body or token.text in ("->", "|") or token.broken or token.parted
        if opened and (odd := _within(source, found, opened, number)):
            yield odd
            opened = opened if token.parted or opened[-1].text == "[" else []
        elif opened and ends:
            yield _left_open(source, found, opened, token, before)
            opened = []
        if token.text in "([":
            opened.append(token)
        elif token.text in (")", "]"):
            wanted = CLOSES[token.text]
            if _outdented(opened, token):
                yield never_closed(source, opened.pop(), token)
            if opened and opened[-1].text == wanted:
                opened.pop()
            elif any(t.text == wanted for t in opened):
                last = max(n for n, t in enumerate(opened) if t.text == wanted)
                yield _left_open(source, found, opened[last + 1 :], token, before)
                del opened[last:]
            elif opened and one_more(count, token):
                yield closes_nothing(source, token)
            elif opened:
                right = (Edit(Span(source, token.start, token.end), OPENS[opened[-1].text]),)
                fixes = (Fix(f"write `{right[0].text}`", right, safe=True),)
                yield replace(never_closed(source, opened.pop(), token), fixes=fixes)
            else:
                yield closes_nothing(source, token)
        before = token
    if opened:
        yield _left_open(source, found, opened, None, before)


def _nested(found: list[Token]) -> bool:
    """Whether every bracket is closed by its other half, those inside of it before."""
    opened: list[str] = []
    for token in found:
        if token.text in OPENS:
            opened.append(token.text)
        elif token.text in CLOSES and (not opened or opened.pop() != CLOSES[token.text]):
            return False
    return not opened


def _within(
    source: Source, found: list[Token], opened: list[Token], number: int
) -> Diagnostic | None:
    """What is said of a word that cannot stand in brackets which are closed behind it."""
    token = found[number]
    if token.parted and number and _closed_later(islice(found, number, None), opened[-1]):
        return _semicolon(source, found[number - 1], token)
    if token.broken and opened[-1].text == "[":
        return _rows(source, found, number)
    body = [t.text for t in opened] == ["("] and (token.text == "->" or token.broken)
    return rounded(source, found, opened[0]) if body else None


def _rows(source: Source, found: list[Token], number: int) -> Diagnostic | None:
    """What is said of a line in a list that is closed below it, where no comma stands before it."""
    depth, edits = 1, []
    for before, token in pairwise(islice(found, number - 1, None)):
        if token.text in "{}|;" or token.text == "->":
            return None
        if token.broken:
            edits.append(Edit(Span(source, before.end, before.end), ","))
        depth += (token.text in "([") - (token.text in ")]")
        if depth == 0:
            break
    if depth:
        return None
    here = Span(source, found[number].start, found[number].end)
    fix = Fix("add `,`", tuple(edits), safe=True)
    label = "a `,` is missing before this"
    return Diagnostic("A101", f"`{here.text}` cannot stand here", here, label, fixes=(fix,))


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
    finding = never_closed(source, opened[-1], noticed)
    if before is None:
        return finding
    closing = "".join(OPENS[t.text] for t in reversed(opened))
    added = adding(source, before.end, closing)
    inside = [t for t in found if opened[0].start <= t.start <= before.start]
    safe = not any(map(_may_end, inside, inside[1:]))
    return replace(finding, fixes=or_doubled(source, opened[-1], added, safe))


def _may_end(token: Token, after: Token) -> bool:
    """Whether brackets that are left open at a word could be meant to end before its neighbour."""
    return after.text in OPENS or bool(re.fullmatch(r"[-+*/%<>=!]=?|\*\*|//", after.text))


def lone_error(source: Source) -> Diagnostic:
    """What is wrong with the brackets of a single expression."""
    found = tokens(source.text)
    first = next(iter([*_strings(source, found), *_pairs(source, found)]), None)
    return replace(first or Braces(source, found).error(), fixes=())
