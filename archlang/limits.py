"""What a spec may ask for: every check ends soon and fits into memory.

``current()`` are the limits that hold. They are the defaults, with what the project of a spec says
for the commands (``projects(…)``, from ``[tool.archlang.limits]`` of its pyproject.toml), with what
``ARCHLANG_LIMITS`` says in the environment (``ARCHLANG_LIMITS=layers=100000,steps=1000000``), and
within ``using(layers=…)`` what that says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from archlang.spelling import nearest

ENVIRONMENT = "ARCHLANG_LIMITS"
TABLE = "tool.archlang.limits"
"""The table of a project's pyproject.toml that sets limits."""
_SAID = "what"
_MOST = "most"


def _limit(default: int, what: str, most: int | None = None) -> Any:
    return field(default=default, metadata={_SAID: what, _MOST: most})


class LimitError(ValueError):
    """A limit that there is not, or one that cannot be set so: its text says why, ``hint`` what to
    do, and ``name`` which one it is about."""

    def __init__(self, message: str, name: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.name, self.hint = name, hint


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
                message = f"the limit `{limit.name}` is a whole number from 1, not {_shown(value)}"
                raise LimitError(message, limit.name)
            if most is not None and value > most:
                message = f"the limit `{limit.name}` can be at most {most}, not {value:,}"
                raise LimitError(message, limit.name, "Python's own stack holds no more")

    def having(self, values: Mapping[str, Any]) -> Limits:
        """These limits, some of them set; raises ``LimitError``."""
        for name in values:
            if name not in NAMES:
                close = nearest(name, list(NAMES))
                hint = f"did you mean `{close}`?" if close else f"there are {', '.join(NAMES)}"
                raise LimitError(f"there is no limit `{name}`", name, hint)
        return replace(self, **values)


def _shown(value: object) -> str:
    """A value as TOML has it."""
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


NAMES = {f.name: str(f.metadata[_SAID]) for f in fields(Limits)}
"""Every limit by name, and what it is of."""
_here: ContextVar[Limits | None] = ContextVar("limits", default=None)
_project: ContextVar[Limits | None] = ContextVar("project", default=None)


def current() -> Limits:
    """The limits that hold; raises ``LimitError`` where the environment has none that can."""
    known = _here.get()
    if known is not None:
        return known
    return _environment(os.environ.get(ENVIRONMENT, ""), _project.get() or _DEFAULT)


def projects(values: Mapping[str, Any]) -> None:
    """From now on, within ``apart()``, a project's limits hold; raises ``LimitError``."""
    _project.set(_DEFAULT.having(values) if values else None)


@contextmanager
def apart() -> Iterator[None]:
    """Behind it, the project's limits are again those that were before it."""
    token = _project.set(_project.get())
    try:
        yield
    finally:
        _project.reset(token)


@contextmanager
def using(**values: int) -> Iterator[Limits]:
    """Within it, other limits hold; raises ``LimitError``."""
    made = current().having(values)
    token = _here.set(made)
    try:
        yield made
    finally:
        _here.reset(token)


@lru_cache(maxsize=8)
def _environment(text: str, base: Limits) -> Limits:
    values: dict[str, int] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = item.partition("=")
        try:
            values[name.strip()] = int(number.replace("_", ""))
        except ValueError:
            hint = f"as in {ENVIRONMENT}=layers=100000,steps=1000000"
            raise LimitError(f"{ENVIRONMENT} takes NAME=NUMBER, not {item}", hint=hint) from None
    try:
        return base.having(values) if values else base
    except LimitError as error:
        raise LimitError(f"{ENVIRONMENT}: {error}", error.name, error.hint) from None


_DEFAULT = Limits()


def advice(name: str, wanted: int = 0) -> str:
    """How a limit is raised, in words: to what is ``wanted``, where that is known."""
    limit = next(f for f in fields(Limits) if f.name == name)
    now, most = getattr(current(), name), limit.metadata[_MOST]
    if most is not None and now >= most:
        return ""
    if most is not None and wanted > most:
        return ""
    more = max(2 * now, wanted) if most is None else most
    return (
        f"the limit is `{name}`; `{ENVIRONMENT}={name}={more}` in the environment raises it, "
        f"or `{name} = {more}` in `[{TABLE}]` of pyproject.toml"
    )
