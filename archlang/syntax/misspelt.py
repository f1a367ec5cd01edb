"""Words of the language with a slip in them: `lte width = 64`, `reqire params <= 5M`, `a ro b`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span
from archlang.spelling import nearest, one_slip

_NAMES = r"\w+(?:[ \t]*,[ \t]*\w+)*"
_FOLLOWS = {
    "input": re.compile(r"\w+[ \t]*:"),
    "let": re.compile(r"\w+[ \t]*(?:\([^()\n]*\)[ \t]*)?=(?!=)"),
    "shared": re.compile(r"\w+[ \t]*=(?!=)"),
    "output": re.compile(rf"{_NAMES}[ \t]*(?:[#;}}\n]|$)"),
    "aux": re.compile(r"\w+[ \t]*(?:weight\b|[#;}\n]|$)"),
    "require": re.compile(r"[^\n{}]*(?:[=!<>]=|[<>]|\bnot\b|\bin\b)"),
    "if": re.compile(r"[^\n{}]+\{"),
    "for": re.compile(rf"{_NAMES}[ \t]+in\b"),
}
"""The words that begin a statement, and what stands behind each."""
_JOINS = ("and", "or", "if", "else", "in", "for")
"""The words that stand between values."""
_OWN = frozenset({*_FOLLOWS, *_JOINS, "not", "true", "false"})
"""Words that have no slip in them."""
_FIRST = re.compile(r"(?:^|[\n;{|])[ \t]*(?P<word>[A-Za-z_]\w*)[ \t]+$")
_VALUE = re.compile(r"(?:[(\[,=]|\b(?:and|or|not|if|else|in|require))\s*(?P<word>[A-Za-z_]\w*)\s+$")
"""A word where a value begins, with another behind it."""
_WORD = re.compile(r"(?P<word>[A-Za-z_]\w*)")
_BEFORE = 100
"""How many characters before a place are looked at."""


def misspelt(source: Source, at: int) -> Diagnostic | None:
    """What is said where the text cannot be read at a place, if a word there has a slip."""
    text, begin = source.text, max(at - _BEFORE, 0)
    begins = [w for w, rest in _FOLLOWS.items() if rest.match(text, at)]
    first, value = _FIRST.search(text, begin, at), _VALUE.search(text, begin, at)
    places = ((first, begins), (_WORD.match(text, at), _JOINS), (value, ("not",)))
    ways = [(Span(source, *m.span("word")), words) for m, words in places if m]
    told = (_told(*way, likely) for likely in (_slips, _alike) for way in ways)
    return next(filter(None, told), None)


def _told(
    span: Span, words: Sequence[str], likely: Callable[[str, Sequence[str]], list[str]]
) -> Diagnostic | None:
    """What is said of a word that is like one of those that could stand in its place."""
    word = span.text
    guesses = [] if word in _OWN else likely(word, words)
    if not guesses:
        return None
    fixes = tuple(Fix(f"write `{w}`", (Edit(span, w),), safe=len(guesses) == 1) for w in guesses)
    help = f"did you mean {' or '.join(f'`{w}`' for w in guesses)}?"
    return Diagnostic("A101", f"`{word}` cannot stand here", span, help=help, fixes=fixes)


def _slips(word: str, words: Sequence[str]) -> list[str]:
    return [w for w in words if one_slip(word.lower(), w)]


def _alike(word: str, words: Sequence[str]) -> list[str]:
    near = nearest(word, words)
    return [near] if near else []
