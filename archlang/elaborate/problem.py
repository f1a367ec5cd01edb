"""How the elaborator says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.graph import Missing
from archlang.limits import advice
from archlang.op import nearest
from archlang.source import Edit, Source, Span


class Problem(Exception):  # noqa: N818 - it is a finding on its way to be recorded
    """A finding that ends the stage or statement it is about."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.missing: Missing | None = None
        """What it keeps out of the network, once that is recorded."""


class Stop(Problem):
    """A finding that ends everything: a limit is reached."""


def too_much(name: str, message: str, span: Span) -> NoReturn:
    """Raise where a limit of the language is reached: everything ends."""
    raise Stop(Diagnostic("A001", message, span, help=advice(name)))


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
    fixes: tuple[Fix, ...] = (),
) -> NoReturn:
    """Raise a ``Problem``. Its ``fixes`` are proposals: those that hold are kept."""
    related, notes = tuple(related), tuple(notes)
    raise Problem(Diagnostic(code, message, span, label, related, notes, help, fixes=fixes))


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
    fail(code, message, span, notes=notes, help=help, fixes=_renamed(name, guess, span))


def _renamed(name: str, guess: str | None, span: Span) -> tuple[Fix, ...]:
    """The edit that puts the nearest name where the unknown one first stands."""
    place = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", span.text)
    if guess is None or place is None:
        return ()
    at = Span(span.source, span.start + place.start(), span.start + place.end())
    return (Fix(f"write `{guess}`", (Edit(at, guess),)),)
