"""Bodies without braces: shown by indentation alone as in Python, or in round brackets."""

from __future__ import annotations

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span
from archlang.syntax.habits import BODIES
from archlang.syntax.outline import Token, regions, tokens

_HEADS = frozenset({"block", "model"})


def braced(source: Source, at: int) -> Fix | None:
    """The edits that put braces around every body of an item that only stands further in.

    A body begins behind a line that ends in `:`, or behind the first line of the item.
    """
    start, end = next((r for r in regions(source.text) if r[0] <= at < r[1]), (0, 0))
    lines = _lines(tokens(source.text, start, end))
    opened: list[Edit] = []
    closed: dict[int, str] = {}
    for number, line in enumerate(lines):
        inside = _inside(lines, number)
        last = line[-1]
        head = number == 0 and line[0].text in _HEADS and last.text != "{"
        if not inside or (last.text != ":" and not head):
            continue
        before = line[-2].end if last.text == ":" and len(line) > 1 else last.end
        opened.append(Edit(Span(source, before, last.end), " {"))
        stop = source.text.find("\n", inside[-1][-1].end)
        stop = len(source.text) if stop < 0 else stop
        begin = source.text.rfind("\n", 0, line[0].start) + 1
        closed[stop] = f"\n{source.text[begin : line[0].start]}}}" + closed.get(stop, "")
    edits = [*opened, *(Edit(Span(source, stop, stop), text) for stop, text in closed.items())]
    return Fix("put it in `{ … }`", tuple(edits), safe=True) if edits else None


def rounded(source: Source, found: list[Token], opener: Token) -> Diagnostic | None:
    """What is said of layers in round brackets, where these are closed; None where they are not."""
    depth = 0
    for token in found[found.index(opener) :]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            lead = " " * (not source.text[: opener.start].endswith(" "))
            edits = ((opener, lead + "{" + " " * (not opener.last)), (token, " }"[token.first :]))
            made = tuple(Edit(Span(source, t.start, t.end), text) for t, text in edits)
            span, fix = Span(source, opener.start, opener.end), Fix("write `{ … }`", made)
            return Diagnostic("A101", "`(` cannot stand here", span, BODIES, fixes=(fix,))
    return None


def _lines(found: list[Token]) -> list[list[Token]]:
    lines: list[list[Token]] = []
    for token in found:
        if token.first or not lines:
            lines.append([])
        lines[-1].append(token)
    return lines


def _inside(lines: list[list[Token]], head: int) -> list[list[Token]]:
    """The lines right below one that stand further in."""
    inside = []
    for line in lines[head + 1 :]:
        if line[0].indent <= lines[head][0].indent:
            break
        inside.append(line)
    return inside
