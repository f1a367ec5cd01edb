"""How the elaborator says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from archlang.diagnostic import Diagnostic, Note
from archlang.graph import Missing
from archlang.op import nearest
from archlang.source import Source, Span


class Problem(Exception):  # noqa: N818 - it is a finding on its way to be recorded
    """A finding that ends the stage or statement it is about."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.missing: Missing | None = None
        """What it keeps out of the network, once that is recorded."""


class Stop(Problem):
    """A finding that ends everything: a limit is reached."""


SAID = Diagnostic("A101", "said already", Span(Source("", ""), 0, 0))
"""Stands for a finding that is reported elsewhere: what it made unknown is not reported again."""


def fail(
    code: str,
    message: str,
    span: Span,
    label: str = "",
    *,
    related: Iterable[Note] = (),
    notes: Iterable[str] = (),
    help: str = "",
) -> NoReturn:
    """Raise a ``Problem``."""
    raise Problem(Diagnostic(code, message, span, label, tuple(related), tuple(notes), help))


def unknown(
    what: str, name: str, known: Iterable[str], span: Span, code: str = "A103", owner: str = ""
) -> NoReturn:
    """Raise for a name that means nothing, with the nearest one that does.

    ``owner`` is what should have had it, as in "`conv` has no parameter `kernal`".
    """
    names = sorted(set(known))
    guess = nearest(name, names)
    notes = [f"known: {', '.join(names)}"] if names and len(names) <= 12 else []
    help = f"did you mean `{guess}`?" if guess else ""
    message = f"`{owner}` has no {what} `{name}`" if owner else f"unknown {what} `{name}`"
    fail(code, message, span, notes=notes, help=help)
