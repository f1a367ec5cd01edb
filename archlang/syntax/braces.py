"""Braces that are left open, or close nothing; and what is said of any bracket that is."""

from __future__ import annotations

import re
from dataclasses import replace

from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.source import Edit, Source, Span
from archlang.syntax.outline import CLOSES, OPENS, Token


def or_doubled(source: Source, opener: Token, added: tuple[Fix, ...], safe: bool) -> (
    tuple[Fix, ...]
):  # fmt: skip
    """The edits for what is left open: where it stands twice, one of the two may be too many."""
    around = source.text[max(opener.start - 1, 0) : opener.end + 1]
    if 2 * opener.text in around:
        return (
            *left_out(source, opener.start, opener.end),
            *(replace(a, safe=False) for a in added),
        )
    return tuple(replace(fix, safe=fix.safe and safe) for fix in added)


def adding(source: Source, at: int, text: str) -> tuple[Fix, ...]:
    """The edit that adds what closes something."""
    return (Fix(f"add `{text.strip()}`", (Edit(Span(source, at, at), text),), safe=True),)


def never_closed(
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


def closes_nothing(source: Source, token: Token) -> Diagnostic:
    """A closing bracket without its other half, which may be what is missing: not safe to drop."""
    message, span = f"`{token.text}` closes nothing", Span(source, token.start, token.end)
    fixes = left_out(source, token.start, token.end)
    return Diagnostic("A102", message, span, fixes=fixes)


def left_out(source: Source, start: int, end: int) -> tuple[Fix, ...]:
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


class Braces:
    """One item whose braces do not match."""

    def __init__(self, source: Source, found: list[Token]) -> None:
        self.source, self.found = source, found
        self.ends_open = False
        """Whether all that is missing, as far as indentation tells, is the last brace."""

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
        self.ends_open = len(opened) == 1 and opened[0].last and self.found[-1] is not opened[0]
        return self.left_open(opened[-1], None, self.found[-1])

    def falls_back(self, opener: Token, token: Token) -> bool:
        """Whether a line stands as far left as the one that opened the body it is in."""
        leaves = token.text in ("->", "else") or (token.broken and token.text != "|")
        return opener.last and leaves and token.indent <= opener.indent

    def left_open(self, opener: Token, noticed: Token | None, last: Token | None) -> Diagnostic:
        """A brace that is never closed, and the edit that closes it behind the word ``last``.

        One on a line of its own closes what was opened at the end of a line.
        """
        finding = never_closed(self.source, opener, noticed, last)
        text = self.source.text
        if last is None or last is opener:
            return finding
        if opener.last:
            begin = text.rfind("\n", 0, opener.start) + 1
            blank = re.match(r"[ \t]*", text[begin : opener.start])[0]  # type: ignore[index]
            end = text.find("\n", last.end)
            at, added = len(text) if end < 0 else end, f"\n{blank}}}"
            ways = adding(self.source, at, added)
            return replace(finding, fixes=or_doubled(self.source, opener, ways, True))
        line = [t for t in self.found if self.line(t) == self.line(opener)]
        fixes = adding(self.source, line[-1].end, " }")
        after = next((t for t in self.found if t.start > line[-1].start), None)
        deeper = after is not None and after.indent > opener.indent
        inside = [t.text for t in line if t.start > opener.start]
        safe = not deeper and not {"{", "}", "->", ":"}.intersection(inside)
        return replace(finding, fixes=or_doubled(self.source, opener, fixes, safe))

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
                return never_closed(self.source, pending, token)
            return self.missing_before(token)
        return None

    def line(self, token: Token) -> int:
        return self.source.position(token.start)[0]

    def missing_before(self, token: Token) -> Diagnostic:
        """A brace that closes nothing: the line that should have opened one, where one looks so."""
        header = self.header(token) if token.first else None
        if header is None:
            return closes_nothing(self.source, token)
        at = Span(self.source, header.start, header.end)
        note = Note(Span(self.source, token.start, token.end), "this closes nothing otherwise")
        fixes = adding(self.source, header.end, " {")
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
                return closes_nothing(self.source, token)
        raise AssertionError("the braces are in order")
