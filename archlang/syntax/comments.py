"""Comments as other languages have them: one finding each, and the edit that makes one of ours.

They are told by their marks, before a text is read: nothing else is known of what they say. A `//`
behind a value may divide; where it does not, the parser knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span

COMMENT = "a comment begins with `#`"
_ENDS = {"/*": "*/", '"""': '"""', "'''": "'''", "<!--": "-->"}
_MARK = r"//+|--+(?!-{0,9}>)|%+|''(?!')"
_NEXT = re.compile(
    rf"""(?P<block>/\*|\"{{3}}|'{{3}}|<!--)|"[^"\n]*"|\#[^\n]*"""
    rf"""|(?:^|[;{{}}|])[ \t]*(?P<mark>{_MARK})|[,(\[][ \t]*(?P<then>//+)""",
    re.MULTILINE,
)
"""What begins a comment, or is a string or a comment of ours."""
_BELOW = re.compile(rf"\n[ \t]*(?P<mark>{_MARK})")


class Apart(NamedTuple):
    """A comment of another language, and where it stands."""

    start: int
    end: int
    finding: Diagnostic


def apart(source: Source) -> Iterator[Apart]:
    """The comments of other languages, in order."""
    text, at = source.text, 0
    last = {opens: text.rfind(closes) for opens, closes in _ENDS.items()}
    while match := _NEXT.search(text, at):
        at = match.end()
        if (opens := match["block"]) and at <= last[opens]:
            at = text.index(_ENDS[opens], at) + len(_ENDS[opens])
            yield Apart(match.start(), at, _block(source, opens, match.start(), at))
        elif match.lastgroup and not opens:
            made = _lines(source, match.start(match.lastgroup), match[match.lastgroup])
            at = made.end
            yield made


def blanked(text: str, found: list[Apart]) -> str:
    """A text with spaces for the comments that are found in it, line for line."""
    parts, at = [], 0
    for start, end, _ in found:
        parts += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = end
    return "".join([*parts, text[at:]])


def _lines(source: Source, start: int, mark: str) -> Apart:
    """A comment up to its line's end, with those that begin the lines right below."""
    text = source.text
    here = Span(source, start, start + len(mark))
    edits, end = [Edit(here, "#")], _line_end(text, start)
    while below := _BELOW.match(text, end):
        edits.append(Edit(Span(source, *below.span("mark")), "#"))
        end = _line_end(text, below.end())
    said = "write `#` before each line" if len(edits) > 1 else "write `#`"
    return Apart(start, end, _finding(here, said, *edits))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _block(source: Source, opens: str, start: int, end: int) -> Diagnostic:
    """A comment between two marks."""
    text = source.text
    begin = text.rfind("\n", 0, start) + 1
    blank = re.match(r"[ \t]*", text[begin:start])[0]  # type: ignore[index]
    inside = text[start + len(opens) : end - len(_ENDS[opens])]
    lines = [_bare(line, opens) for line in inside.split("\n")]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    while len(lines) > 1 and not lines[0]:
        lines.pop(0)
    written = f"\n{blank}".join(f"# {line}".rstrip() for line in lines)
    rest = re.compile(r"[ \t]*(?=\S)").match(text, end)
    stop = rest.end() if rest else end
    edit = Edit(Span(source, start, stop), written + (f"\n{blank}" if rest else ""))
    said = f"write `{written}`" if len(lines) == 1 else "write `#` before each line"
    return _finding(Span(source, start, start + len(opens)), said, edit)


def _bare(line: str, opens: str) -> str:
    """A line of a comment without the stars that some begin with."""
    if opens == "/*":
        line = re.sub(r"^[ \t]*\*+(?:[ \t]|$)", "", line).strip(" \t\r*")
    return line.strip()


def _finding(span: Span, said: str, *edits: Edit) -> Diagnostic:
    fix = Fix(said, edits, safe=True)
    return Diagnostic("A101", f"`{span.text}` cannot stand here", span, COMMENT, fixes=(fix,))
