"""What a sweep goes over: every combination of the values of its axes."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from typing import Any

from archlang.train.errors import UsageError
from archlang.train.recipe.read import split_settings, value_of

MOST = 10_000
"""How many combinations are looked at, and how many values an axis may have."""
SEED = "seed"
_RANGE = re.compile(r"(-?\d{1,18}):(-?\d{1,18})(?::(-?\d{1,18}))?")
_OPENS, _CLOSES = "([{", ")]}"
_FOLDER = 120
"""The longest name of a run's folder, without what tells two long ones apart."""


@dataclass(frozen=True)
class Axis:
    """A parameter of the network (``of_network``) or a field of the recipe, and its values.

    ``name`` is as it was given, ``path`` without the `model.` or `recipe.` in front of it.
    """

    name: str
    path: str
    of_network: bool
    texts: tuple[str, ...]
    values: tuple[Any, ...] = field(compare=False)

    @property
    def varies(self) -> bool:
        """Whether it has several values."""
        return len(self.texts) > 1

    def given(self, index: int) -> tuple[str, Any]:
        """The field of the recipe that a value is, and the value."""
        if self.of_network:
            return f"model.{self.path}", self.texts[index]
        return self.path, self.values[index]


@dataclass(frozen=True)
class Combination:
    """One value of each axis. ``texts`` are the values as they were given, by the axes' names."""

    model: str
    texts: Mapping[str, str]
    given: tuple[tuple[str, Any], ...] = field(compare=False)
    """Fields of the recipe, those of the network below `model`."""

    def folder(self, seed: int) -> str:
        """The name of the folder of its run with a seed."""
        parts = [f"{n}={t}" for n, t in sorted(self.texts.items()) if not is_seed(n)]
        whole = ",".join([self.model, *parts, f"{SEED}={seed}"])
        plain = re.sub(r"[^A-Za-z0-9.,=+_-]", "_", whole)
        if plain == whole and len(whole) <= _FOLDER:
            return whole
        return f"{plain[:_FOLDER]}-{sha256(whole.encode()).hexdigest()[:8]}"

    def words(self, names: Collection[str]) -> str:
        """The values of some axes, for people: ``width=16, optimizer.lr=0.1``."""
        said = [f"{name}={text}" for name, text in self.texts.items() if name in names]
        return ", ".join([self.model] * ("model" in names) + said)


def is_seed(name: str) -> bool:
    """Whether the axis of this name is the seed of the training."""
    return name in (SEED, f"recipe.{SEED}")


@dataclass(frozen=True)
class Grid:
    """All combinations: the last axis changes fastest, the model slowest."""

    models: tuple[str, ...]
    axes: tuple[Axis, ...]

    @property
    def varying(self) -> tuple[str, ...]:
        """The names of what has several values, `model` among them."""
        several = ("model",) if len(self.models) > 1 else ()
        return (*several, *(axis.name for axis in self.axes if axis.varies))

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return len(self.models) * prod(len(axis.texts) for axis in self.axes)

    def at(self, index: int) -> Combination:
        """The combination with a number, from 0."""
        rest, places = index, []
        for axis in reversed(self.axes):
            rest, place = divmod(rest, len(axis.texts))
            places.append(place)
        chosen = list(zip(self.axes, reversed(places), strict=True))
        texts = {axis.name: axis.texts[i] for axis, i in chosen}
        given = tuple(axis.given(i) for axis, i in chosen)
        return Combination(self.models[rest], texts, given)

    def all(self) -> Iterator[Combination]:
        """Its combinations; raises ``UsageError`` where these are too many to look at."""
        if self.size > MOST:
            raise UsageError(
                f"these are {self.size:,} combinations, and at most {MOST:,} are looked at",
                "leave out values, or draw some at random with --random 100",
            )
        yield from map(self.at, range(self.size))

    def drawn(self, seed: int) -> Iterator[Combination]:
        """Its combinations in an order drawn at random, ``MOST`` at most."""
        drawn = random.Random(seed)
        if self.size <= MOST:
            yield from map(self.at, drawn.sample(range(self.size), self.size))
            return
        seen: set[int] = set()
        while len(seen) < MOST:
            if (index := drawn.randrange(self.size)) not in seen:
                seen.add(index)
                yield self.at(index)


def axes_of(given: Mapping[str, Any], parameters: Collection[str]) -> tuple[Axis, ...]:
    """The axes that ``given`` names: a text as on the command line, a value, or several in a list.

    ``parameters`` are those of the network. Raises ``UsageError``.
    """
    axes = tuple(_axis(name, values, parameters) for name, values in given.items())
    paths = [(axis.of_network, axis.path) for axis in axes]
    for number, axis in enumerate(axes):
        if paths.index(paths[number]) != number:
            other = axes[paths.index(paths[number])].name
            raise UsageError(f"`{other}` and `{axis.name}` are the same", "give it once")
    return axes


def _axis(name: str, given: Any, parameters: Collection[str]) -> Axis:
    if isinstance(given, str):
        texts = values_in(name, given)
    else:
        listed = given if isinstance(given, Sequence) else [given]
        texts = [_text(value) for value in listed]
    fields, settings = split_settings({name: ",".join(texts)}, parameters)
    path = next(iter([*fields, *settings]))
    if not texts:
        raise UsageError(f"`{name}` has no values", f"for example --set {name}=16,32")
    if twice := next((t for i, t in enumerate(texts) if t in texts[:i]), None):
        raise UsageError(f"`{name}` has the value {twice} twice", "each combination is run once")
    return Axis(name, path, bool(settings), tuple(texts), tuple(map(value_of, texts)))


def _text(value: Any) -> str:
    """A value of Python as it stands on the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def values_in(name: str, text: str) -> list[str]:
    """The values that ``16,32,64``, ``1:4`` or ``16:64:16`` lists; a range has both its ends.

    Commas inside brackets and quotes are a value's own. Raises ``UsageError``.
    """
    found: list[str] = []
    for part in _split(text):
        if not part:
            raise UsageError(
                f"--set {name}={text} has a value that is empty", f"for example {name}=16,32"
            )
        found += _range(name, part)
    return found


def _range(name: str, part: str) -> list[str]:
    if re.fullmatch(r"-?\d+\.\.+-?\d+", part):
        low, high = re.split(r"\.\.+", part)
        raise UsageError(
            f"`{part}` is no value of `{name}`", f"a range is --set {name}={low}:{high}"
        )
    match = _RANGE.fullmatch(part)
    if match is None:
        return [part]
    low, high, step = int(match[1]), int(match[2]), int(match[3] or 1)
    numbers = range(low, high + (1 if step > 0 else -1), step) if step else range(0)
    if not numbers or len(numbers) > MOST:
        raise UsageError(
            f"the range {part} of `{name}` has {len(numbers):,} values",
            f"a range is FIRST:LAST or FIRST:LAST:STEP, of at most {MOST:,}: 16:64:16",
        )
    return [str(n) for n in numbers]


def _split(text: str) -> list[str]:
    """A text at its commas, but those inside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for mark in text:
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "\"'":
            quote = mark
        elif mark in _OPENS + _CLOSES:
            depth += 1 if mark in _OPENS else -1
        if mark == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += mark
    return [part.strip() for part in parts]
