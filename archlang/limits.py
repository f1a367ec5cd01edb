"""What a spec may ask for: every check ends soon and fits into memory.

``current()`` are the limits that hold. They are the defaults, with what ``ARCHLANG_LIMITS`` says in
the environment (``ARCHLANG_LIMITS=layers=100000,steps=1000000``), and within ``using(layers=…)``
what that says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import Any

ENVIRONMENT = "ARCHLANG_LIMITS"
_SAID = "what"
_MOST = "most"


def _limit(default: int, what: str, most: int | None = None) -> Any:
    return field(default=default, metadata={_SAID: what, _MOST: most})


class LimitError(ValueError):
    """A limit that there is not, or one that cannot be set so; its text says why."""


@dataclass(frozen=True)
class Limits:
    """Each limit by its name. Those that Python's own stack bounds can be raised a little only."""

    characters: int = _limit(4_000_000, "characters of a spec")
    line: int = _limit(20_000, "characters of a line")
    nesting: int = _limit(64, "brackets inside each other in the text", 80)
    depth: int = _limit(64, "blocks and braces inside each other as they run", 80)
    calls: int = _limit(40, "functions inside each other", 60)
    layers: int = _limit(50_000, "layers of a network")
    steps: int = _limit(200_000, "steps to work a spec out")
    list: int = _limit(100_000, "items of a list that `range` or `+` makes")
    items: int = _limit(4_000_000, "items of all lists that `range` and `+` make")
    bits: int = _limit(256, "bits of a number that arithmetic makes")
    findings: int = _limit(100, "findings about a spec that are shown")

    def __post_init__(self) -> None:
        for limit in fields(self):
            value, most = getattr(self, limit.name), limit.metadata[_MOST]
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise LimitError(f"the limit `{limit.name}` is a whole number, not {value!r}")
            if most is not None and value > most:
                raise LimitError(f"the limit `{limit.name}` can be at most {most}, not {value:,}")

    def having(self, values: Mapping[str, Any]) -> Limits:
        """These limits, some of them set; raises ``LimitError``."""
        known = NAMES
        for name in values:
            if name not in known:
                raise LimitError(f"there is no limit `{name}`: there are {', '.join(known)}")
        return replace(self, **values)


NAMES = {f.name: str(f.metadata[_SAID]) for f in fields(Limits)}
"""Every limit by name, and what it is of."""
_here: ContextVar[Limits | None] = ContextVar("limits", default=None)


def current() -> Limits:
    """The limits that hold; raises ``LimitError`` where the environment has none that can."""
    known = _here.get()
    return known if known is not None else _environment(os.environ.get(ENVIRONMENT, ""))


@contextmanager
def using(**values: int) -> Iterator[Limits]:
    """Within it, other limits hold; raises ``LimitError``."""
    made = current().having(values)
    token = _here.set(made)
    try:
        yield made
    finally:
        _here.reset(token)


def _environment(text: str) -> Limits:
    values: dict[str, int] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = item.partition("=")
        try:
            values[name.strip()] = int(number.replace("_", ""))
        except ValueError:
            raise LimitError(f"{ENVIRONMENT} takes NAME=NUMBER, not {item}") from None
    return Limits().having(values) if values else _DEFAULT


_DEFAULT = Limits()


def advice(name: str) -> str:
    """How a limit is raised, in words."""
    limit = next(f for f in fields(Limits) if f.name == name)
    now, most = getattr(current(), name), limit.metadata[_MOST]
    if most is not None and now >= most:
        return ""
    more = 2 * now if most is None else most
    return f"the limit is `{name}`; `{ENVIRONMENT}={name}={more}` in the environment raises it"
