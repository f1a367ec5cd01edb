"""What differs between what was recorded of a run and what is asked for, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from archlang.diagnostic import ArchError
from archlang.source import Source
from archlang.syntax.parser import parse
from archlang.syntax.printer import print_file

FILES = "files"
"""Under what name the texts of a spec are, by the names of its files; its own is the first."""
MOST = 8
"""How many changes are told, and how many lines of a file."""


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What stands behind "holds a run that differs", a change a line; "" where nothing does.

    Comments, layout and what the spec's own file is called are no difference.
    """
    changes = list(_changes(_renamed(old, new), new, ""))
    if not changes:
        return ""
    if len(changes) == 1 and "\n" not in changes[0]:
        return f": {changes[0]}"
    left = [f"{len(changes) - MOST} more"] if len(changes) > MOST else []
    return ":\n" + "\n".join(f"  {change}" for change in (*changes[:MOST], *left))


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """``old`` with the spec's own file named as it is in ``new``."""
    was, now = old.get(FILES), new.get(FILES)
    if not was or not now:
        return old
    (_, text), *used = was.items()
    return {**old, FILES: {next(iter(now)): text, **dict(used)}}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[str]:
    """Each change by itself, as ``recipe.epochs was 20 and is 30``."""
    for key in [*old, *(k for k in new if k not in old)]:
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _changes(was, now, f"{at}{key}.")
        elif at != f"{FILES}.":
            yield f"{at}{key} was {_shown(was)} and is {_shown(now)}"
        elif was is None or now is None:
            yield f"{key} is {'used now' if was is None else 'no longer used'}"
        elif _meaning(was) != _meaning(now):
            yield _edited(key, was, now)


def _meaning(text: str) -> str:
    """A spec in one style without comments; as it is where it cannot be read."""
    try:
        return print_file(parse(Source("", text)))
    except ArchError:
        return text


def _edited(name: str, was: str, now: str) -> str:
    """The lines that changed, below the place of the first."""
    before, after = ([line.strip() for line in text.splitlines()] for text in (was, now))
    first, lines = 0, list[str]()
    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        first = first or c + 1
        lines += [f"- {line}" for line in before[a:b] if line]
        lines += [f"+ {line}" for line in after[c:d] if line]
    left = [f"{len(lines) - MOST} lines more"] if len(lines) > MOST else []
    return "\n".join((f"{name}, line {first}:", *(f"    {x}" for x in (*lines[:MOST], *left))))


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)
