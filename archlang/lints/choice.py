"""Which lints are wanted: chosen for a project, for a run, and for a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from archlang.diagnostic import CODES, Diagnostic
from archlang.source import Source, Span
from archlang.syntax import ast

COMMENT = re.compile(r"\s*archlang:\s*ignore\b\s*(\[(?P<codes>[^\]]*)\])?")
LINTS = tuple(code for code in CODES if code.startswith("A3"))
"""The code of every lint."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The lints that are wanted: codes or what they begin with, as in ``A3``, or ``all``.

    Where two fit a code the longer decides, and of equal ones ``ignore``.
    """

    select: tuple[str, ...] = ("all",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for given in (*self.select, *self.ignore):
            if not any(_fit(given, code) for code in LINTS):
                raise ValueError(f"no lint has a code like `{given}`; they are {', '.join(LINTS)}")

    def __contains__(self, code: str) -> bool:
        wanted = max((_fit(given, code) for given in self.select), default=0)
        unwanted = max((_fit(given, code) for given in self.ignore), default=0)
        return wanted > unwanted


def _fit(given: str, code: str) -> int:
    """How closely a code is meant; 0 where it is not."""
    return 1 if given == "all" else 1 + len(given) if given and code.startswith(given) else 0


class Ignored:
    """What a file's comments ignore: ``# archlang: ignore[A301]`` speaks of its own line."""

    def __init__(self, file: ast.File) -> None:
        self.source = file.source
        self.said: dict[int, dict[str, Span]] = {}
        self.used: set[tuple[int, str]] = set()
        self.wrong: list[Span] = []
        for comment in file.comments:
            found = COMMENT.match(comment.text)
            if found:
                self._read(file, comment, found)

    def _read(self, file: ast.File, comment: ast.Comment, found: re.Match[str]) -> None:
        line = file.source.position(comment.start)[0]
        here = self.said.setdefault(line, {})
        start = comment.end - len(comment.text)
        if not (found["codes"] or "").strip(" ,"):
            self.wrong.append(file.span(comment))
            return
        for word in re.finditer(r"[^\s,]+", found["codes"]):
            at = start + found.start("codes") + word.start()
            here[word[0]] = Span(file.source, at, at + len(word[0]))

    def covers(self, finding: Diagnostic) -> bool:
        """Whether a finding is ignored by a comment on the line where it starts."""
        span = finding.span
        if span.source != self.source or finding.code not in self.said.get(span.line, ()):
            return False
        self.used.add((span.line, finding.code))
        return True

    def findings(self, choice: Choice) -> Iterator[Diagnostic]:
        """The comments that ignore nothing: a code that is none, or that its line does not have."""
        for span in self.wrong:
            yield Diagnostic(
                "A308",
                "an `ignore` names no lint, so it ignores nothing",
                span,
                severity="warning",
                help="name what it is about: `# archlang: ignore[A301]`",
            )
        for line, codes in self.said.items():
            for code, span in codes.items():
                if code not in LINTS:
                    yield _useless(span, f"there is no lint `{code}`")
                elif code in choice and (line, code) not in self.used:
                    yield _useless(span, f"nothing on this line is {code}")


def _useless(span: Span, message: str) -> Diagnostic:
    return Diagnostic("A308", f"{message}: it is ignored for nothing", span, severity="warning")


def ignored(source: Source, file: ast.File) -> Ignored:
    """What the comments of a file ignore; nothing where it has none of the kind."""
    return Ignored(file if "archlang:" in source.text else ast.File(0, 0, source, None, [], []))
