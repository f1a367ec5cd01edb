"""Each kind of mistake that has a way out: it is offered, it holds, and the safe ones are made."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from archlang.elaborate import Program
from archlang.inspection import inspect
from archlang.source import Source

HEAD = "model m {\n    input x: [3, H=32, W=32]\n    "


class Kind(NamedTuple):
    """A mistake, its code, and what is to be written, of which the first is offered first."""

    code: str
    body: str
    ways: tuple[str, ...]
    safe: bool = False


KINDS = {
    "a failed assertion": Kind(
        "A201", "conv(5x5, 6, pad=0) : [6, 32, 32]",
        ("conv(5x5, 6, pad=2) : [6, 32, 32]", "conv(5x5, 6, pad=0) : [6, 28, 28]"),
    ),
    "a bad merge": Kind(
        "A203", "concat { conv(3x3, 4, stride=2, pad=0) | maxpool(3x3, stride=2, pad=1) }",
        ("concat { conv(3x3, 4, stride=2, pad=1) | maxpool(3x3, stride=2, pad=1) }",),
    ),
    "a merge of other channels": Kind(
        "A203", "conv(3x3, 8) -> add { identity | conv(1x1, 16) }",
        ("conv(3x3, 8) -> add { identity | conv(1x1, 8) }",
         "conv(3x3, 16) -> add { identity | conv(1x1, 16) }"),
    ),
    "a wrong name": Kind("A103", "conf(3x3, 8)", ("conv(3x3, 8)",), safe=True),
    "a wrong parameter": Kind(
        "A104", "conv(3x3, 8, strid=2)", ("conv(3x3, 8, stride=2)",), safe=True
    ),
    "an even kernel with `same`": Kind("A207", "conv(4x4, 8)", ("conv(3x3, 8)",)),
    "a kernel larger than its input": Kind(
        "A202", "conv(40x40, 8, pad=0)", ("conv(32x32, 8, pad=0)",)
    ),
    "groups that do not divide": Kind(
        "A202", "conv(3x3, 8, groups=2)", ("conv(3x3, 8, groups=1)",)
    ),
    "a flatten that is missing": Kind("A206", "linear(10)", ("flatten -> linear(10)",)),
    "a bias before a norm": Kind(
        "A301", "conv(3x3, 8) -> bn", ("conv(3x3, 8, bias=false) -> bn",)
    ),
}  # fmt: skip


def text_of(body: str) -> str:
    return f"{HEAD}{body}\n}}\n"


@pytest.mark.parametrize("what", KINDS)
def test_a_way_out_is_offered_and_holds(what: str, run, tmp_path) -> None:
    kind = KINDS[what]
    file = tmp_path / "m.arch"
    file.write_text(text_of(kind.body))
    data = json.loads(run("check", file, "--format", "json").out)
    (finding,) = data["diagnostics"]
    assert finding["code"] == kind.code
    source = Source("m.arch", text_of(kind.body))
    made = [_made(source.text, fix["edits"]) for fix in finding["fixes"]]
    assert made == [text_of(way) for way in kind.ways]
    assert [fix["safe"] for fix in finding["fixes"]] == [kind.safe] * len(made)
    for text in made:
        assert inspect(Program(Source("m.arch", text)), "m")[1] == []


def _made(text: str, edits: list[dict]) -> str:
    for edit in sorted(edits, key=lambda e: -e["bytes"][0]):
        first, last = edit["bytes"]
        text = text[:first] + edit["replacement"] + text[last:]
    return text


@pytest.mark.parametrize("what", KINDS)
def test_what_is_safe_is_made(what: str, run, tmp_path) -> None:
    kind = KINDS[what]
    file = tmp_path / "m.arch"
    file.write_text(text_of(kind.body))
    shown = run("check", file, "--diff").out
    assert (f"+    {kind.ways[0]}\n" in shown) == kind.safe
    assert file.read_text() == text_of(kind.body)
    run("check", file, "--fix")
    assert file.read_text() == text_of(kind.ways[0] if kind.safe else kind.body)
    run("check", file, "--fix", "--unsafe-fixes")
    assert file.read_text() == text_of(kind.ways[0])
    assert run("check", file).code == 0
