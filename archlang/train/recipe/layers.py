"""What a recipe is put together from, and where each of its values came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from archlang.train.errors import UsageError
from archlang.train.recipe.fields import TAGS, Recipe
from archlang.train.recipe.mistakes import explain

DEFAULT, GIVEN = "default", "command line"


def _nowhere(path: str) -> str:
    return ""


@dataclass(frozen=True)
class Layer:
    """Fields of a recipe, from one ``source``; ``place`` tells where in it a field stands."""

    source: str
    fields: Mapping[str, Any]
    place: Callable[[str], str] = field(default=_nowhere, repr=False)


@dataclass(frozen=True)
class Resolved:
    """A recipe, and by the path of each field what gave it its value."""

    recipe: Recipe
    sources: Mapping[str, str]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """The path, the value and the source of every field, in the order of the recipe."""
        for path, value in leaves(self.recipe):
            yield path, shown(value), self.source(path)

    def source(self, path: str) -> str:
        """What gave the field at ``path`` its value."""
        while path not in self.sources and "." in path:
            path = path.rpartition(".")[0]
        return self.sources.get(path, DEFAULT)


def resolve(layers: Sequence[Layer]) -> Resolved:
    """The recipe of ``layers``, of which a later one has the last word.

    Where a layer names another optimizer or schedule than those below, what they say of theirs
    is void. Raises ``UsageError`` for the first mistake, with its place.
    """
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        _over(merged, sources, layer)
    try:
        return Resolved(Recipe.model_validate(merged), sources)
    except ValidationError as error:
        path, message, hint = explain(Recipe, error.errors()[0])
        raise UsageError(_placed(message, path, layers, sources), hint) from None


def model_settings(layers: Sequence[Layer]) -> dict[str, str]:
    """What a recipe says of the network's parameters, each as the text of an expression."""
    found: dict[str, Any] = {}
    for layer in layers:
        given = layer.fields.get("model", {})
        found.update(given if isinstance(given, Mapping) else {})
    return {name: in_text(value) for name, value in found.items()}


def in_text(value: Any) -> str:
    """A value of a network's parameter as an expression; a string is one already."""
    return value if isinstance(value, str) else shown(value)


def _over(merged: dict[str, Any], sources: dict[str, str], layer: Layer) -> None:
    """Put a layer on top of ``merged``."""
    for name, given in layer.fields.items():
        value = {"name": given} if name in TAGS and isinstance(given, str) else given
        below = merged.get(name)
        if value is True and isinstance(below, Mapping):
            continue  # it is switched on already
        if not _speak_of_one(name, below, value):
            _forget(sources, name)
            below = None
        merged[name] = _merge(below, value, name, sources, layer.source)


def _merge(below: Any, value: Any, path: str, sources: dict[str, str], source: str) -> Any:
    """``value`` on top of what is ``below``, and in ``sources`` where each part is from."""
    if value is True and isinstance(below, Mapping):
        return below
    if not isinstance(value, Mapping) or not value:
        sources[path] = source
        return value
    held = below if isinstance(below, Mapping) else {}
    inner = {
        key: _merge(held.get(key), one, f"{path}.{key}", sources, source)
        for key, one in value.items()
    }
    return {**held, **inner}


def _speak_of_one(name: str, below: Any, value: Any) -> bool:
    """Whether two layers speak of one table, and of the same optimizer or schedule."""
    if not (isinstance(below, Mapping) and isinstance(value, Mapping)):
        return False
    here = below.get("name", TAGS.get(name))
    return name not in TAGS or bool(value.get("name", here) == here)


def _forget(sources: dict[str, str], name: str) -> None:
    for path in [p for p in sources if p == name or p.startswith(f"{name}.")]:
        del sources[path]


def _placed(message: str, path: str, layers: Sequence[Layer], sources: Mapping[str, str]) -> str:
    """A message with the place of the field that it is about, where that is a file."""
    source = sources.get(path) or sources.get(path.partition(".")[0])
    for layer in reversed(layers):
        if layer.source == source and source != GIVEN:
            return f"{layer.place(path) or layer.source}: {message}"
    return message


def leaves(part: BaseModel, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a recipe that is no part of its own, by its path; a part's name first."""
    names = sorted(type(part).model_fields, key=lambda n: n != "name")
    for name in names:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{at}{name}.")
        elif isinstance(value, Mapping) and value:
            yield from ((f"{at}{name}.{key}", inner) for key, inner in value.items())
        else:
            yield f"{at}{name}", value


def shown(value: Any) -> str:
    """A value as TOML writes it; what is not there is ``none``."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case tuple() | list():
            return f"[{', '.join(map(shown, value))}]"
        case Mapping():
            return "{}" if not value else str(dict(value))
        case str():
            return f'"{value}"'
    return str(value)
