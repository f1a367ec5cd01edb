"""How the elaborator says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NoReturn

from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.graph import Missing
from archlang.limits import advice
from archlang.source import Edit, Source, Span
from archlang.spelling import nearest
from archlang.syntax import ast

CLEAR = 0.75
"""How alike two names are, at most 1, where one can be a slip of the other: `conf` of `conv`."""


COMPARED = 20_000
"""With how many names those of a spec that mean nothing are compared."""


class Asked:
    """What is spent to tell which names are meant: a spec may have thousands that mean nothing."""

    def __init__(self) -> None:
        self.left = COMPARED
        self.names: set[str] = set()
        self.places: set[tuple[str, Span]] = set()

    def takes(self, name: str, span: Span, among: int, declared: int) -> bool:
        """Whether what is meant by a name may be looked for: at the same place again it may.

        It is looked for ``among`` so many names, and as what so many that are ``declared`` are a
        slip of.
        """
        if (name, span) not in self.places and self.left > 0:
            self.left -= declared + (0 if name in self.names else among)
            self.places.add((name, span))
            self.names.add(name)
        return (name, span) in self.places


_ASKED = [Asked()]


def asking(asked: Asked) -> Asked:
    """Count what is spent from here on for one spec."""
    _ASKED[0] = asked
    return asked


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
    written: Span | None = None,
) -> NoReturn:
    """Raise a ``Problem``. Its ``fixes`` are proposals: those that hold are kept."""
    related, notes = tuple(related), tuple(notes)
    made = Diagnostic(code, message, span, label, related, notes, help, fixes=fixes)
    raise Problem(replace(made, written=written))


def unknown(
    what: str,
    name: str,
    known: Iterable[str],
    span: Span,
    code: str = "A103",
    owner: str = "",
    file: ast.File | None = None,
    own: Collection[str] = (),
    meant: str | None = None,
    note: str = "",
    otherwise: str = "",
    fixes: tuple[Fix, ...] = (),
    related: Iterable[Note] = (),
) -> NoReturn:
    """Raise for a name that means nothing, with the nearest one that does.

    ``owner`` is what should have had it, as in "`conv` has no parameter `kernal`". The nearest one
    is shown where ``file`` declares it; of those equally near it is the first, and one of the
    spec's ``own`` comes before. What ``file`` names further below is told to be there. ``meant`` is
    what others call so, and comes before what is near; ``note`` says how that is used.
    ``otherwise`` is said where no name is near, and ``fixes`` come instead of another name.
    """
    if file is not None:
        _not_yet(name, span, file)
    names = list(dict.fromkeys(known))
    looks = _looks(name, span, len(names), file)
    guess = meant or (nearest(name, names, own) if looks else None)
    names = sorted(names) if looks else []
    listed = f"known: {', '.join(names)}" if names and len(names) <= 12 else ""
    notes = [text for text in (listed, note) if text]
    help = f"did you mean `{guess}`?" if guess else otherwise
    message = f"`{owner}` has no {what} `{name}`" if owner else f"unknown {what} `{name}`"
    related = list(related)
    if file is not None and looks:
        from archlang.elaborate.declared import slip

        if place := slip(file, name, guess, span.start):
            _misnamed(message, name, place.text, span, place)
    if guess and file is not None:
        from archlang.elaborate.declared import declared  # only where something is wrong

        place = declared(file, guess, span.start)
        related += [Note(place, f"`{guess}` is here")] if place else []
    fail(
        code,
        message,
        span,
        related=related,
        notes=notes,
        help=help,
        fixes=fixes or renamed(name, guess, names, span, safe=bool(meant) and not note),
    )


def _looks(name: str, span: Span, among: int, file: ast.File | None) -> bool:
    """Whether what is meant by a name is looked for."""
    if file is None:
        return _ASKED[0].takes(name, span, among, 0)
    from archlang.elaborate.declared import names

    return _ASKED[0].takes(name, span, among, names(file))


def _not_yet(name: str, span: Span, file: ast.File) -> None:
    """Raise where a name is given a meaning further below, as nothing else can be meant by it."""
    from archlang.elaborate.declared import named_below

    place = named_below(file, name, span.start)
    if place is not None and place.line >= span.line:
        fail(
            "A103",
            f"`{name}` is used before line {place.line}, which names it",
            span,
            "not known yet",
            related=[Note(place, "it is named here")],
            help="a name can be used below the statement that gives it; move that up",
        )


def _misnamed(message: str, name: str, guess: str, span: Span, place: Span) -> NoReturn:
    """Raise for a name that is likely right where it is used, and wrong where it is declared."""
    label = f"likely wrong here: nothing uses `{guess}`"
    fixes = (Fix(f"name it `{name}`", (Edit(place, name),), safe=plain(guess, name, ())),)
    note = Note(at_name(span, name), "used here")
    made = Diagnostic("A103", message, place, label, (note,), fixes=fixes)
    raise Problem(replace(made, shows=(span,)))


def at_name(span: Span, name: str) -> Span:
    """Where a name first stands in a stretch of text; all of that where it does not."""
    text, at = span.text, -1
    while (at := text.find(name, at + 1)) >= 0:
        end = at + len(name)
        if not re.match(r"\w", text[at - 1 : at]) and not re.match(r"\w", text[end : end + 1]):
            return Span(span.source, span.start + at, span.start + end)
    return span


def renamed(
    name: str, guess: str | None, known: Iterable[str], span: Span, safe: bool = False
) -> tuple[Fix, ...]:
    """The edit that puts the nearest name where the unknown one first stands."""
    at = at_name(span, name)
    if guess is None or at.text != name:
        return ()
    safe = safe or plain(name, guess, tuple(known))
    return (Fix(f"write `{guess}`", (Edit(at, guess),), safe=safe),)


@lru_cache(maxsize=64)  # one mistake is met each time that its place is run
def plain(name: str, guess: str, known: tuple[str, ...]) -> bool:
    """Whether a name can be nothing but a slip of another: no other name is as near to it.

    Names that differ in a digit are no slips: `skip1` and `skip2` are both meant somewhere.
    """

    def likeness(other: str) -> float:
        return SequenceMatcher(None, name.lower(), other.lower()).ratio()

    digits = [re.sub(r"\D", "", text) for text in (name, guess)]
    near = likeness(guess)
    others = (likeness(other) for other in known if other.lower() != guess.lower())
    return digits[0] == digits[1] and near >= CLEAR and all(other < near for other in others)
