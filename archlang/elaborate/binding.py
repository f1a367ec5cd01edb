"""The names that a head or a loop gives: each one thing, and each only once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archlang.diagnostic import Note
from archlang.elaborate.problem import fail
from archlang.elaborate.values import Value, describe
from archlang.source import Span
from archlang.syntax import ast
from archlang.wording import count

if TYPE_CHECKING:
    from archlang.elaborate.scope import Env


def distinct_parameters(item: ast.Block | ast.Model | ast.Let, env: Env) -> None:
    """Raise where two parameters have one name."""
    params = item.params or []
    if len(params) > 1:
        _distinct(f"parameters of `{item.name}`", [(p.name, env.span(p)) for p in params])


def distinct_targets(targets: list[str], loop: Span) -> None:
    """Raise where a loop gives two items one name; ``_`` stands for any that are not used."""
    used = [name for name in targets if name != "_"]
    if len(set(used)) < len(used):
        between = r"(?:\s|#[^\n]*)*,(?:\s|#[^\n]*)*".join(rf"({name})" for name in targets)
        head = re.search(rf"\bfor\s+{between}\s+in\b", loop.text)
        at = [head.span(number) if head else (0, 0) for number in range(1, len(targets) + 1)]
        places = [loop._replace(start=loop.start + a, end=loop.start + b) for a, b in at]
        named = zip(targets, places, strict=True)
        _distinct("names of this loop", [(n, place) for n, place in named if n != "_"])


def unpack(targets: list[str], item: Value, span: Span) -> dict[str, Value]:
    """The names of a loop, with what they stand for in one turn."""
    if len(targets) == 1:
        return {targets[0]: item}
    if not isinstance(item, (list, tuple)) or len(item) != len(targets):
        listed = isinstance(item, (list, tuple))
        shown = count(len(item), "value") if listed else describe(item)
        fail("A108", f"{count(len(targets), 'name')} for {shown}", span)
    return dict(zip(targets, item, strict=True))


def _distinct(what: str, named: Sequence[tuple[str, Span]]) -> None:
    seen: dict[str, Span] = {}
    for name, place in named:
        if name in seen:
            first = Note(seen[name], "the first is here")
            fail("A106", f"two {what} are named `{name}`", place, related=[first])
        seen[name] = place
