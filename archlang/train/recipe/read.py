"""Recipes from files and from the command line; the presets; the schema."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from archlang.spelling import nearest
from archlang.train.errors import UsageError
from archlang.train.recipe.fields import Recipe
from archlang.train.recipe.layers import GIVEN, Layer

EXTENDS = "extends"
"""The one key of a file that is no field: the recipe that it changes."""

_FOLDER = files("archlang.train.recipe").joinpath("presets")
PRESETS = tuple(sorted(f.name.removesuffix(".toml") for f in _FOLDER.iterdir()))
"""The recipes that come with archlang, by name."""


def read_recipe(name: str) -> list[Layer]:
    """The layers of a preset, or of a file that ends in ``.toml``, what it extends first.

    Raises ``UsageError`` where there is none, or it is no TOML.
    """
    return _read(name, Path(), ())


Asked: TypeAlias = Recipe | Mapping[str, Any] | Sequence[Layer] | str | Path | None
"""What a recipe may be asked for by: fields, a preset's name, a file, or layers already."""


def layers_of(recipe: Asked) -> list[Layer]:
    """What ``recipe`` says, as layers."""
    match recipe:
        case None:
            return []
        case Recipe():
            given = {name: getattr(recipe, name) for name in recipe.model_fields_set}
            return [Layer("given", given)]
        case Mapping():
            return [Layer("given", dict(recipe))]
        case str() | Path():
            return read_recipe(str(recipe))
    return list(recipe)


def _read(name: str, beside: Path, within: tuple[str, ...]) -> list[Layer]:
    if name in within:
        chain = " → ".join([*within, name])
        raise UsageError(f"recipes extend each other: {chain}")
    is_file = name.endswith(".toml") or "/" in name
    path = beside / Path(name).expanduser()
    source = str(path) if is_file else f"preset {name}"
    text = _text_of_file(path) if is_file else _text_of_preset(name)
    fields = _parse(source, text)
    base = fields.pop(EXTENDS, None)
    layer = Layer(source, fields, partial(_place, source, text))
    if base is None:
        return [layer]
    if not isinstance(base, str):
        raise UsageError(f'{source}: `{EXTENDS}` is {base!r}, and should be a name: "resnet"')
    return [*_read(base, path.parent, (*within, name)), layer]


def _text_of_preset(name: str) -> str:
    if name not in PRESETS:
        guess = nearest(name, list(PRESETS))
        hint = f"did you mean `{guess}`? " if guess else ""
        known = f"known are {', '.join(PRESETS)}; a file ends in .toml"
        raise UsageError(f"there is no recipe named `{name}`", f"{hint}{known}")
    return _FOLDER.joinpath(f"{name}.toml").read_text("utf-8")


def _text_of_file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        beside = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        guess = nearest(path.name, beside)
        hint = f"did you mean {path.parent / guess}?" if guess else ""
        raise UsageError(f"there is no file {path}", hint) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or 'it fails').lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8") from None


def _parse(source: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        what, line = (found[1], found[2]) if found else (str(error), None)
        last = max(1, text.rstrip("\n").count("\n") + 1)
        raise UsageError(
            f"{source}:{line or last}: this is no TOML: {what[:1].lower()}{what[1:]}",
            'a line is `name = value`, a text stands in quotes: dtype = "bfloat16"',
        ) from None


def _place(source: str, text: str, path: str) -> str:
    """``FILE:LINE`` of a field; the file alone where it is not found."""
    table, key = "", path.rpartition(".")[2]
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\]]+)\]", line):
            table = header[1].strip()
        elif (found := re.match(r"\s*([\w.\-\"]+)\s*=", line)) is not None:
            here = f"{table}.{found[1]}" if table else found[1]
            if here == path or (path.startswith(f"{here}.") and key in line):
                return f"{source}:{number}"
    return source


def split_settings(
    given: Mapping[str, str], parameters: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """``--set`` values told apart: fields of the recipe, and parameters of the network.

    A name with a dot in it, or of a field, is the recipe's; ``model.`` and ``recipe.`` in
    front of a name say which is meant. ``parameters`` are those that the network has. Raises
    ``UsageError`` for a name that both have, or neither.
    """
    fields: dict[str, str] = {}
    settings: dict[str, str] = {}
    known = list(Recipe.model_fields)
    for name, value in given.items():
        head, _, rest = name.partition(".")
        if head in ("recipe", "model") and rest:
            (fields if head == "recipe" else settings)[rest] = value
        elif name in known and name in parameters:
            raise UsageError(
                f"`{name}` is a field of the recipe and a parameter of the network",
                f"write --set recipe.{name}={value} or --set model.{name}={value}",
            )
        elif head in known or rest:
            fields[name] = value
        elif name in parameters:
            settings[name] = value
        else:
            raise _unknown(name, value, parameters)
    return fields, settings


def _unknown(name: str, value: str, parameters: Collection[str]) -> UsageError:
    guess = nearest(name, [*parameters, *Recipe.model_fields])
    has = f"the network has {', '.join(parameters)}" if parameters else "the network has none"
    hint = f"did you mean --set {guess}={value}?" if guess else f"{has}; --explain lists the fields"
    return UsageError(f"`{name}` is no parameter of the network and no field of the recipe", hint)


def from_values(values: Iterable[tuple[str, Any]]) -> Layer:
    """The layer of the command line: paths and values."""
    nested: dict[str, Any] = {}
    for path, value in values:
        *above, last = path.split(".")
        here = nested
        for name in above:
            below = here.get(name)
            # `optimizer=sgd` before `optimizer.lr=0.1` names the table that the second is in.
            if not isinstance(below, dict):
                below = here[name] = {"name": below} if isinstance(below, str) else {}
            here = below
        if isinstance(here.get(last), dict) and isinstance(value, str):
            here[last]["name"] = value
        else:
            here[last] = value
    return Layer(GIVEN, nested)


def value_of(text: str) -> Any:
    """A value as TOML has it; a text needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def schema() -> dict[str, Any]:
    """The JSON schema of a recipe's file."""
    made = Recipe.model_json_schema()
    extends = {"type": "string", "description": "A preset, or a file: the recipe to change."}
    made["properties"] = {EXTENDS: extends, **made["properties"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
