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


@pytest.mark.parametrize("layer", sorted(Op.registry))
def test_each_argument_of_a_wrong_kind_is_there(layer: str) -> None:
    """Of every layer and merge, every parameter: those of merges may be wrong for the tensor."""
    said = [m for n in NAMES for _, m in HEAD.findall(kept(n))]
    for parameter in Op.registry[layer].parameters():
        of_layer = any(f"`{parameter.name}` of `{layer}` " in message for message in said)
        assert of_layer or (Op.registry[layer].merges and any(
            f"no {parameter.name} " in m for _, m in HEAD.findall(kept(f"merge-{layer}")))
        ), parameter.name  # fmt: skip


@pytest.mark.parametrize("merge", sorted(n for n, op in Op.registry.items() if op.merges))
def test_every_merge_is_there(merge: str) -> None:
    """Branches of other shapes; and too many or too few, where it does not take any number."""
    found = HEAD.findall(kept(f"merge-{merge}"))
    assert any(code in ("A203", "A204") and f"`{merge}`" in message for code, message in found)
    op = Op.registry[merge]
    takes = [message for code, message in found if code == "A110"]
    assert len(takes) >= (op.most is not None) + (op.least > 1)


LEVELS = {
    # what stands open, and the specs that show it
    "{": ("model", "block", "merge", "for", "nested", "if"),
    "(": ("chain", "head", "line"),
    "[": ("input", "let", "index", "shape"),
    '"': ("use", "require", "label", "block"),
}


@pytest.mark.parametrize("opener", LEVELS)
def test_what_is_left_open_is_there_at_every_level(opener: str) -> None:
    said = "a string is not closed" if opener == '"' else f"`{opener}` is "
    names = [n for n in NAMES if any(said in m for _, m in HEAD.findall(kept(n)))]
    for level in LEVELS[opener]:
        assert any(level in name for name in names), level


def test_spans_are_of_the_text() -> None:
    """As data, a finding points at a place that is there."""
    for name in ("line-tabs", "line-not-ascii-behind", "syntax-several", "line-windows"):
        text = (FOLDER / f"{name}.arch").read_bytes().decode().replace("\r\n", "\n")
        for found in findings(name):
            first, last = found["bytes"]
            start = text.split("\n")[found["start"]["line"] - 1][found["start"]["column"] - 1 :]
            assert text.encode()[first:].decode().startswith(start)
            assert first < last
