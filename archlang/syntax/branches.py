"""Branches of a merge that are divided by commas, and lines of a body that end in them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span
from archlang.syntax.outline import CLOSES, OPENS, Token, regions, tokens

_MERGES = frozenset({"add", "mul", "sub", "concat"})
"""What takes branches only: the layers in others may be what commas divide."""
_BODIES = frozenset({"model", "block", "for", "if", "}"})
"""What begins the line of a body that is a pipeline."""


def divided(source: Source, at: int) -> Diagnostic | None:
    """What is said of a comma right in braces, with what to write for each that is there."""
    if not source.text.startswith(",", at):
        return None
    start, end = next(r for r in regions(source.text) if r[0] <= at < r[1])
    found = tokens(source.text, start, end)
    number = next((n for n, t in enumerate(found) if t.start == at), 0)
    opener = _opener(found, number)
    if opener is None:
        return None
    if _of_merge(found, opener):
        edits = tuple(_barred(source, found, opener))
        said, label = "write `|` between them", "branches stand side by side by `|`"
    else:
        edits = tuple(_dropped(source, found, opener))
        said, label = "leave `,` out", "a statement ends with its line"
    if not edits:
        return None
    fixes = (Fix(said, edits, safe=True),)
    return Diagnostic("A101", "`,` cannot stand here", Span(source, at, at + 1), label, fixes=fixes)


def _barred(source: Source, found: list[Token], opener: int) -> Iterator[Edit]:
    """The edits that write `|` for the commas right in a pair of braces, and in merges inside."""
    inside = _inside(found, opener)
    for (n, token), (_, after) in pairwise(inside):
        if token.text == "{" and _of_merge(found, n):
            yield from _barred(source, found, n)
        if token.text == ",":
            bar = "" if after.text in "|}" else " |" if after.first else " | "
            stop = token.end if after.first or not bar else after.start
            yield Edit(Span(source, _blank(source.text, token.start), stop), bar)


def _dropped(source: Source, found: list[Token], opener: int) -> list[Edit]:
    """The edits that leave commas out where each ends its line, in a body that is no merge's."""
    head = next(t.text for t in reversed(found[: opener + 1]) if t.first)
    first, edits = "", []
    for (_, token), (_, after) in pairwise(_inside(found, opener)):
        first = token.text if token.first else first
        if token.text == "," and (not after.first or first == "output"):
            return []
        if token.text == ",":
            edits.append(Edit(Span(source, token.start, token.end), ""))
    return edits if head in _BODIES else []


def _opener(found: list[Token], number: int) -> int | None:
    """The number of the brace that a word stands in, if it stands in no other bracket of it."""
    depth = 0
    for n in range(number - 1, -1, -1):
        text = found[n].text
        depth += (text in CLOSES) - (text in OPENS)
        if depth < 0:
            return n if text == "{" else None
    return None


def _of_merge(found: list[Token], opener: int) -> bool:
    """Whether a brace opens the branches of a merge, behind its arguments if it has some."""
    n, depth = opener - 1, 0
    while n > 0 and (depth or found[n].text == ")"):
        depth += (found[n].text == ")") - (found[n].text == "(")
        n -= 1
    return n >= 0 and found[n].text in _MERGES


def _inside(found: list[Token], opener: int) -> list[tuple[int, Token]]:
    """The words right in a pair of braces, the brackets in it, and what closes it; numbered."""
    inside, depth = [], 0
    for n, token in enumerate(islice(found, opener + 1, None), opener + 1):
        depth -= token.text in CLOSES
        if depth <= 0:
            inside.append((n, token))
        if depth < 0:
            break
        depth += token.text in OPENS
    return inside


def _blank(text: str, at: int) -> int:
    """Where the blanks begin that stand before a place on its line."""
    while at and text[at - 1] in " \t":
        at -= 1
    return at
