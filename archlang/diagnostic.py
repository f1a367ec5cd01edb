"""What archlang tells a user about a spec, and the one renderer of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal, NamedTuple, TypeAlias

from archlang.source import Edit, Source, Span, edited
from archlang.terminal import cells, in_ascii

CODES: dict[str, str] = {
    "A001": "a limit of the language is exceeded",
    "A002": "the file is not text",
    "A101": "syntax error",
    "A102": "a bracket or brace is not closed, or closes nothing",
    "A103": "unknown name",
    "A104": "wrong arguments",
    "A105": "a value of the wrong kind",
    "A106": "a name is taken",
    "A107": "a file cannot be used",
    "A108": "an expression has no value",
    "A109": "a block uses itself",
    "A110": "a statement stands where it has no meaning",
    "A111": "two parts have one path, or a path PyTorch cannot carry",
    "A112": "there is no tensor to work on",
    "A113": "an unknown version of the language",
    "A114": "a spec defines nothing",
    "A201": "shape assertion failed",
    "A202": "a layer cannot take this tensor",
    "A203": "branches have different shapes",
    "A204": "branches would broadcast",
    "A205": "a requirement is not met",
    "A206": "`linear` on three or more axes",
    "A207": "`same` padding with an even kernel",
    "A208": "a tensor with a size below 1",
    "A209": "a tensor does not fit a block's signature",
    "A210": "one shared network, two sets of weights",
    "A211": "branches agree for some input sizes only",
    "A212": "a `?` that the spec does not determine",
    "A213": "no value of a `?` meets what the spec states",
    "A301": "a bias before a norm that takes it away",
    "A302": "a name that nothing uses",
    "A303": "dropout before batch norm",
    "A304": "probabilities where cross entropy takes logits",
    "A305": "a stride larger than the kernel",
    "A306": "places of the input that no output sees",
    "A307": "`inplace` where nothing can be written over",
    "A308": "an ignore that ignores nothing",
    "A309": "a merge of one branch",
    "A310": "an `eps` of 1 or more",
    "A401": "a head cannot become a convolution",
}
"""Every code, with what it is about."""


@dataclass(frozen=True, slots=True)
class Note:
    """A secondary place, and what it has to do with the matter."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits after which a finding is gone, and what they come to in words."""

    text: str
    edits: tuple[Edit, ...]
    safe: bool = False
    """Whether it has one plain reading, or leaves all models, their weights too, as they are."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        edits = [{**_place(e.span), "replacement": e.text} for e in self.edits]
        return {"text": self.text, "safe": self.safe, "edits": edits}


class Turn(NamedTuple):
    """One step on the way into a network: a use of a block, or a turn of a loop.

    ``item`` says which turn, of the list at ``span``; ``place`` is where that item is written, or
    the list where it is made by arithmetic.
    """

    span: Span
    item: int | None
    place: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: its message stands alone; the spans show the user's own lines."""

    code: str
    message: str
    span: Span
    label: str = ""
    related: tuple[Note, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    severity: Literal["error", "warning", "hint"] = "error"
    fixes: tuple[Fix, ...] = ()
    """Ways out that are known to work, the best first: the text has been edited so, and checked."""
    uses: tuple[Span, ...] = ()
    """Where the blocks that it is in are used, the innermost first; ``notes`` say so in words."""
    turns: tuple[Turn, ...] = ()
    """The uses and items of loops that it is in, the outermost first."""
    written: Span | None = None
    """Where the value is written that it is about, where it can be nothing but that value."""
    shows: tuple[Span, ...] = ()
    """Where the spec does not hold, where ``span`` is another place that is to blame for it."""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"no diagnostic has the code {self.code}")

    @property
    def place(self) -> Span:
        """Where the spec does not hold, whatever is to blame for it."""
        return self.shows[0] if self.shows else self.span

    def to_json(self) -> dict[str, Any]:
        """As plain data: lines and columns from 1, columns in characters."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "label": self.label,
            **_place(self.span),
            "related": [{**_place(n.span), "message": n.text} for n in self.related],
            "notes": list(self.notes),
            "help": self.help or "; or ".join(f.text for f in self.fixes),
            "fixes": [f.to_json() for f in self.fixes],
        }

    def render(
        self, *, color: bool = False, width: int = 100, frame: Frame = "plain", wrap: bool = False
    ) -> str:
        """For people: the message, the lines it is about, and what to do.

        Lines of a spec are cut to ``width``, and with ``wrap`` what is said is broken there.
        """
        return _Renderer(color, width, frame, wrap).render(self)


class ArchError(Exception):
    """A spec that cannot be used, with every finding about it."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n\n".join(d.render() for d in self.diagnostics))


def _place(span: Span) -> dict[str, Any]:
    source = span.source

    def point(offset: int) -> dict[str, int]:
        line, column = source.position(offset)
        return {"line": line, "column": column}

    def unit(offset: int) -> dict[str, int]:
        line, character = source.editor_position(offset)
        return {"line": line, "character": character}

    return {
        "file": source.name,
        "start": point(span.start),
        "end": point(span.end),
        "range": {"start": unit(span.start), "end": unit(span.end)},
        "bytes": [source.byte_offset(span.start), source.byte_offset(span.end)],
    }


Frame: TypeAlias = Literal["plain", "boxes", "ascii"]
"""How lines are framed: with marks of ASCII, with lines of Unicode, or all in ASCII."""
_GLYPHS = {
    "plain": ("-->", "|", "^", "-"),
    "ascii": ("-->", "|", "^", "-"),
    "boxes": (" ┌─", "│", "━", "─"),
}


REWRITTEN = 20
"""How many of the lines that a fix changes are shown."""


@dataclass(frozen=True, slots=True)
class _Mark:
    line: int
    start: int  # columns from 0, in characters
    end: int
    text: str
    primary: bool


class _Renderer:
    def __init__(self, color: bool, width: int, frame: Frame, wrap: bool) -> None:
        self.color, self.width, self.wrap, self.frame = color, max(width, 40), wrap, frame
        self.arrow, self.bar, self.primary, self.secondary = _GLYPHS[frame]

    def paint(self, text: str, style: str) -> str:
        codes = {
            "error": "1;31", "warning": "1;33", "hint": "1;36",
            "bold": "1", "rule": "34", "help": "1;36",
        }  # fmt: skip
        return f"\033[{codes[style]}m{text}\033[0m" if self.color and text else text

    def render(self, d: Diagnostic) -> str:
        text = "\n".join(self.lines(d))
        return in_ascii(text) if self.frame == "ascii" else text

    def lines(self, d: Diagnostic) -> Iterator[str]:
        head = f"{d.severity}[{d.code}]"
        first, *rest = self.broken(d.message, len(head) + 2, 4)
        yield self.paint(head, d.severity) + self.paint(f": {first}", "bold")
        yield from (self.paint(" " * 4 + line, "bold") for line in rest)
        marks: dict[Source, list[_Mark]] = {d.span.source: [_mark(d.span, d.label, True)]}
        for note in d.related:
            marks.setdefault(note.span.source, []).append(_mark(note.span, note.text, False))
        gutter = len(str(max(m.line for group in marks.values() for m in group)))
        for source, group in marks.items():
            at = (
                d.span
                if source is d.span.source
                else next(n.span for n in d.related if n.span.source is source)
            )
            yield f"{' ' * gutter}{self.paint(self.arrow, 'rule')} {at}"
            yield from self.snippet(source, group, gutter, d.severity)
        for said in d.notes:
            lead = f"{' ' * gutter} {self.paint('=', 'rule')} "
            yield from self.said(lead, gutter + 3, said)
        for number, fix in enumerate(d.fixes):
            way = "or " if number else ""
            yield from self.said(f"{self.paint('help', 'help')}: ", 6, f"{way}{fix.text}")
            lines = list(self.rewritten(fix, gutter))
            yield from lines[:REWRITTEN]
            if more := len(lines[REWRITTEN:]):
                yield f"{' ' * gutter}   and so on: {more:,} lines more"
        if d.help:
            yield from self.said(f"{self.paint('help', 'help')}: ", 6, d.help)

    def broken(self, text: str, first: int, later: int) -> list[str]:
        """A text in lines that fit behind so many columns."""
        if not self.wrap or first + cells(text) <= self.width:
            return [text]
        out, room = [""], self.width - first
        for word in text.split(" "):
            if out[-1] and cells(out[-1]) + 1 + cells(word) > room:
                out.append(word)
                room = self.width - later
            else:
                out[-1] = f"{out[-1]} {word}" if out[-1] else word
        return out

    def said(self, lead: str, indent: int, text: str) -> Iterator[str]:
        first, *rest = self.broken(text, indent, indent)
        yield lead + first
        yield from (" " * indent + line for line in rest)

    def rewritten(self, fix: Fix, gutter: int) -> Iterable[str]:
        """The lines that a fix changes or adds, as it leaves them, and where they will stand.

        Lines that it leaves out are shown as they are.
        """
        for source in dict.fromkeys(e.span.source for e in fix.edits):
            made, moved, shown = edited(source, fix.edits), 0, 0
            for edit in sorted(fix.edits, key=lambda e: e.span.start):
                if edit.span.source != source:
                    continue
                if not edit.text and _whole_lines(edit.span):
                    moved -= edit.span.end - edit.span.start
                    last = source.position(edit.span.end - edit.span.text.endswith("\n"))[0]
                    yield from self.changed("-", source, edit.span.line, last, gutter)
                    continue
                first = made.position(edit.span.start + moved)[0]
                moved += len(edit.text) - (edit.span.end - edit.span.start)
                end = edit.span.end + moved - edit.text.endswith("\n")
                last = made.position(max(end, 0))[0]
                first += edit.text.startswith("\n")
                column = made.position(max(end - len(edit.text), 0))[1] - 1
                yield from self.changed("+", made, max(first, shown + 1), last, gutter, column)
                shown = max(shown, last)

    def changed(
        self, sign: str, source: Source, first: int, last: int, gutter: int, column: int = 0
    ) -> Iterable[str]:
        """Lines of a source behind a sign; of long ones what stands around a column."""
        bar, room = self.paint(sign, "help"), self.width - gutter - 3
        for number in range(first, last + 1):
            text = source.line(number)
            mark = _Mark(number, min(column, len(text)), len(text), "", True)
            line = _within(text[_window(text, [mark], room) :], room)
            shown = "".join(map(_visible, line)).rstrip()
            yield f"{self.paint(f'{number:>{gutter}}', 'rule')} {bar} {shown}"

    def snippet(
        self, source: Source, marks: list[_Mark], gutter: int, severity: str
    ) -> Iterable[str]:
        bar = self.paint(self.bar, "rule")
        for number in sorted({m.line for m in marks}):
            here = sorted((m for m in marks if m.line == number), key=lambda m: (-m.start, m.end))
            text, room = source.line(number), self.width - gutter - 3
            if self.frame == "ascii":
                text, here = _spelled(text, here)
            left = _window(text, here, room)
            shown = "".join(map(_visible, _within(text[left:], room))).rstrip()
            yield f"{self.paint(f'{number:>{gutter}}', 'rule')} {bar} {shown}"
            for mark in here:
                indent = min(cells(text[left : mark.start]), room - 1)
                length = max(1, min(cells(text[mark.start : mark.end]), room - indent))
                line = (self.primary if mark.primary else self.secondary) * length
                style = severity if mark.primary else "rule"
                margin = f"{' ' * gutter} {bar} "
                used = indent + length + 1
                behind = not self.wrap or room - used >= min(24, cells(mark.text))
                under = indent if room - indent >= 24 else 2
                start = used if behind else under
                words = self.broken(mark.text, gutter + 3 + start, gutter + 3 + start)
                first = f" {words.pop(0)}" if behind and mark.text else ""
                yield f"{margin}{' ' * indent}{self.paint(line + first, style)}"
                rest = words if mark.text else []
                yield from (f"{margin}{' ' * start}{self.paint(w, style)}" for w in rest)


def _whole_lines(span: Span) -> bool:
    """Whether a stretch is lines from their first character to their last."""
    text = span.source.text
    begins = span.start == 0 or text[span.start - 1] == "\n"
    return begins and (text[span.end - 1 : span.end + 1].find("\n") >= 0 or span.end == len(text))


def _mark(span: Span, text: str, primary: bool) -> _Mark:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    whole = len(span.source.line(line).rstrip())
    end = end_column - 1 if end_line == line else whole
    return _Mark(line, column - 1, max(end, column), text, primary)


def _spelled(text: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """A line in ASCII, and its marks where they then stand."""
    spelled = [in_ascii(c if c == "\t" else _visible(c)) for c in text]
    starts = [0, *accumulate(map(len, spelled))]

    def moved(mark: _Mark) -> _Mark:
        start, end = (starts[min(at, len(text))] for at in (mark.start, mark.end))
        return replace(mark, start=start, end=end)

    return "".join(spelled), [moved(mark) for mark in marks]


def _visible(character: str) -> str:
    """A character as a terminal can show it."""
    if character == "\t":
        return "    "
    return character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _within(text: str, room: int) -> str:
    """As much of a text as so many columns hold."""
    if len(text) <= room // 4 or cells(text[: room + 1]) <= room:
        return text[:room]
    used = 0
    for place, character in enumerate(text):
        used += cells(character)
        if used > room:
            return text[:place]
    return text


def _window(text: str, marks: list[_Mark], room: int) -> int:
    """The first character to show of a line too long to show whole."""
    if cells(text) <= room:
        return 0
    first = min(m.start for m in marks)
    return max(0, min(first - room // 4, len(text) - (room if text.isascii() else room // 2)))
