"""What ``check --format json`` prints, as a JSON schema: docs/check.schema.json.

``json-lines`` prints a ``Finding`` a line. The fields are written where they are made, in the
``to_json`` of what they tell of; a test holds that all that is printed is as it says here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, with_config

from archlang.analyses import cost


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Point(_Told):
    """A place as people count: from 1, a column is one character."""

    line: int
    column: int


class Unit(_Told):
    """A place as editors count: from 0, a character is one unit of UTF-16."""

    line: int
    character: int


class Range(_Told):
    """A stretch of a file as editors count."""

    start: Unit
    end: Unit


class Stretch(_Told):
    """A stretch of a file: its end is the place behind its last character."""

    file: str
    start: Point
    end: Point
    range: Range
    bytes: tuple[int, int]
    """The first byte, and the one behind the last, of the file as UTF-8."""


class Related(Stretch):
    """Another place, and what it has to do with the finding."""

    message: str


class Replacement(Stretch):
    """An edit: the text to put in place of the stretch."""

    replacement: str


class Way(_Told):
    """A way out that is known to work: all of its edits are made at once."""

    text: str
    safe: bool
    """Whether ``--fix`` makes it."""
    edits: list[Replacement]


class Finding(Stretch):
    """A finding, and the place that it is about."""

    code: str
    severity: Literal["error", "warning", "hint"]
    message: str
    """Stands alone."""
    label: str
    """What is said below the marked place."""
    related: list[Related]
    notes: list[str]
    help: str
    fixes: list[Way]


class Value(_Told):
    """The value that was found for a ``?``."""

    file: str
    line: int
    column: int
    parameter: str
    value: int


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Totals(cost.Totals):
    """Figures of a network, for one sample."""


class Sizes(_Told):
    """A set of sizes: from ``start`` on those that leave one of ``residues`` by ``period``."""

    words: str
    intervals: list[tuple[int, int]]
    start: int
    period: int
    residues: list[int]


class Legal(_Told):
    """The input's legal sizes: a union of boxes, each with a set for every name."""

    words: str
    names: list[str]
    defaults: dict[str, int]
    exact: bool
    boxes: list[dict[str, Sizes]]
    fully_convolutional: bool
    least: int | None
    unstated: list[str]


class Model(_Told):
    """A model that is right."""

    file: str
    model: str
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    totals: Totals
    sizes: Legal


class Check(_Told):
    """What ``archlang check --format json`` prints."""

    version: str
    diagnostics: list[Finding]
    solved: list[Value]
    models: list[Model]


def schema() -> dict[str, Any]:
    """The JSON schema of ``check --format json``; of ``json-lines`` it is ``$defs/Finding``."""
    made = Check.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
