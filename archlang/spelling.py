"""Which name a word that means nothing most likely meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache

ALIKE = 0.66
"""How much of two words must be alike for one to be taken for the other, from 0 to 1."""
SHORTEST = 3
"""The letters of a word that may be another one with a slip in it; in fewer any could be."""


def nearest(word: str, known: Sequence[str], own: Collection[str] = ()) -> str | None:
    """The known name that ``word`` most likely meant; the first of those that are equally near.

    Its case aside, one slip of the fingers comes first: a letter too many, too few, another, or
    two that changed places; and of slips those of the user's ``own`` names. Then what is alike,
    then what it starts with.
    """
    return _nearest(word, tuple(known), frozenset(own))


@lru_cache(maxsize=64)  # one mistake is met each time that its place is run
def _nearest(word: str, known: Sequence[str], own: Collection[str]) -> str | None:
    word, folded = word.lower(), {k.lower(): k for k in reversed(known)}
    names = list(reversed(folded))
    slips = [k for k in names if len(word) >= SHORTEST and one_slip(word, k)]
    if slips := [k for k in slips if folded[k] in own] or slips:
        return folded[max(slips, key=lambda k: (sorted(k) == sorted(word), _likeness(word, k)))]
    starts = sorted(k for k in names if len(k) > 2 and word.startswith(k))
    if len(word) < SHORTEST:
        return folded.get(word)
    close = get_close_matches(word, names, n=1, cutoff=ALIKE) or starts[-1:]
    return folded[close[0]] if close else None


def one_slip(a: str, b: str) -> bool:
    """Whether one letter more, less or other, or two that changed places, make ``b`` of ``a``."""
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if same is None:
        return abs(len(a) - len(b)) <= 1
    left, right = a[same:], b[same:]
    swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return swapped or right[1:] == left[1:] or left[1:] == right or left == right[1:]


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio()
