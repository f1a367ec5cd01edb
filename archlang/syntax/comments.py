"""Comments of C over several lines: one finding each, and the edit that makes one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span

_NEXT = re.compile(r'"[^"\n]*"|#[^\n]*|/\*')


def over_lines(source: Source) -> list[Diagnostic]:
    """The comments between `/*` and `*/` that have a line break in them."""
    return list(_findings(source)) if "/*" in source.text else []


def _findings(source: Source) -> Iterator[Diagnostic]:
    at = 0
    while (opens := _next(source.text, at)) >= 0:
        closes = source.text.find("*/", opens + 2)
        if closes < 0:
            return
        at = closes + 2
        if "\n" in source.text[opens:at]:
            yield _finding(source, opens, at)


def _next(text: str, at: int) -> int:
    """Where the next `/*` stands that is in no string and no comment."""
    for match in _NEXT.finditer(text, at):
        if match[0] == "/*":
            return match.start()
    return -1


def _finding(source: Source, start: int, end: int) -> Diagnostic:
    text = source.text
    begin = text.rfind("\n", 0, start) + 1
    before = text[begin:start]
    blank = before[: len(before) - len(before.lstrip(" \t"))]
    lines = [_bare(line) for line in text[start + 2 : end - 2].split("\n")]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    while len(lines) > 1 and not lines[0]:
        lines.pop(0)
    written = f"\n{blank}".join(f"# {line}".rstrip() for line in lines)
    rest = re.compile(r"[ \t]*(?=\S)").match(text, end)
    stop = rest.end() if rest else end
    edit = Edit(Span(source, start, stop), written + (f"\n{blank}" if rest else ""))
    fix = Fix("write `#` before each line", (edit,), safe=True)
    here, label = Span(source, start, start + 2), "a comment begins with `#`"
    return Diagnostic("A101", "`/*` cannot stand here", here, label, fixes=(fix,))


def _bare(line: str) -> str:
    """A line of a comment without the stars that some begin with."""
    return re.sub(r"^[ \t]*\*+(?:[ \t]|$)", "", line).strip(" \t\r*")


def blanked(text: str, found: list[Diagnostic]) -> str:
    """A text with spaces for the comments that are found in it, line for line."""
    parts, at = [], 0
    for finding in found:
        start = finding.span.start
        end = text.index("*/", start + 2) + 2
        parts += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = end
    return "".join([*parts, text[at:]])
