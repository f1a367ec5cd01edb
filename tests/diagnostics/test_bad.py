"""Bad specs: what `check` says of each is as it was read through, and there is one for everything.

``python -m tests.diagnostics.bad`` writes it anew.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

from archlang import ops  # noqa: F401 - the layers register themselves
from archlang.diagnostic import CODES
from archlang.op import Op
from tests.diagnostics.bad.snapshot import FOLDER, NAMES, findings, snapshot
from tests.ops.refused import REFUSED

ELSEWHERE = {"A401": "only `convolutionize` finds it, in a spec that is right"}
"""Codes that no spec can show to `check`, and why."""
HEAD = re.compile(r"^(?:error|warning|hint)\[(A\d{3})\]: (.*)$", re.MULTILINE)


@cache
def kept(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said(name: str) -> None:
    assert snapshot(name) == kept(name)


def test_there_are_many() -> None:
    assert len(NAMES) >= 120
    assert {p.stem for p in FOLDER.glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_something_is_found_and_told_once(name: str) -> None:
    heads = HEAD.findall(kept(name))
    assert heads
    places = re.findall(r"^(\w+\[A\d{3}\]: .*\n +--> .*)$", kept(name), re.MULTILINE)
    assert len(places) == len(set(places))


def test_every_code_is_there() -> None:
    seen = {code for name in NAMES for code, _ in HEAD.findall(kept(name))}
    assert seen == set(CODES) - set(ELSEWHERE)


@pytest.mark.parametrize("layer", sorted(Op.registry))
def test_what_a_layer_wants_is_there(layer: str) -> None:
    """Its arguments, and each of the things that it refuses."""
    refuses = [r for r in REFUSED if re.match(r"\w+", r.spec)[0] == layer]  # type: ignore[index]
    if not refuses and not Op.registry[layer].parameters():
        return
    file = next(f"{k}-{layer.replace('_', '-')}" for k in ("layer", "merge")
                if f"{k}-{layer.replace('_', '-')}" in NAMES)  # fmt: skip
    said = [message for _, message in HEAD.findall(kept(file))]
    assert said
    for refused in refuses:
        assert any(refused.says in message for message in said), refused


def test_spans_are_of_the_text() -> None:
    """As data, a finding points at a place that is there."""
    for name in ("line-tabs", "line-not-ascii-behind", "syntax-several", "line-windows"):
        text = (FOLDER / f"{name}.arch").read_bytes().decode().replace("\r\n", "\n")
        for found in findings(name):
            first, last = found["bytes"]
            start = text.split("\n")[found["start"]["line"] - 1][found["start"]["column"] - 1 :]
            assert text.encode()[first:].decode().startswith(start)
            assert first < last
