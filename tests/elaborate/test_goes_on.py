"""After a mistake the rest is still checked, as far as it is known; no mistake is said twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.cli.check import check_file
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.source import Source
from tests.elaborate.checks import errors, model

BLOCK = "block b(n) : [C, H, W] -> [n, H, W] {{ {} }}"
TWO = [
    # the first mistake, and a second one behind it that is one by itself
    ("stated shape", "conf(3x3, 4) : [4, 8, 8]; conv(3x3, 4, groups=3)", ["A103", "A202"]),
    ("a signature", "b(4); conv(3x3, 4, groups=3)", ["A103", "A202"]),
    ("a residual keeps its shape", "residual { conf(3x3, 4) }; conv(3x3, 4, groups=2)",
     ["A103", "A202"]),
    ("a gate too", "gate { conf }; conv(3x3, 4, groups=2)", ["A103", "A202"]),
    ("another branch", "concat { conf(3x3, 4) | conv(3x3, 4, groups=2) }", ["A103", "A202"]),
    ("names behind what is lost", "conf -> relu(inplce=true) -> conv(3x3)",
     ["A103", "A104", "A104"]),
    ("a block behind what is lost", "conv(2x2, 4) -> b(4)", ["A207", "A103"]),
    ("a block's own path", "conv(2x2, 4) -> b(nn=4)", ["A207", "A104"]),
    ("two assertions, both wrong", "conv(3x3, 4) : [5, 8, 8]; conv(3x3, 4) : [6, 8, 8]",
     ["A201", "A201"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), [t[1:] for t in TWO], ids=[t[0] for t in TWO])
def test_the_rest_is_still_checked(body: str, expected: list[str]) -> None:
    found = errors(model(body, before=BLOCK.format("conv(3x3, n) -> unknwn")))
    assert sorted(d.code for d in found) == sorted(expected), [d.message for d in found]


ONE = [
    # either the assertion is wrong or what comes before it: what follows from it is not said
    "maxpool(2, stride=1) : [3, 4, 4]; relu : [3, 4, 4]; maxpool(2) : [3, 2, 2]",
    "maxpool(2) : [3, 5, 5]; relu : [3, 4, 4]; maxpool(2) : [3, 2, 2]",
    "conv(3x3, 5) : [4, 8, 8]; conv(3x3, 4, groups=4) : [4, 8, 8]",
    "b(4) : [4, 8, 8]; conv(3x3, 4, groups=4)",
    "if nothing == 3 { d1 = relu; let k = 3 }; concat { d1 | identity }; conv(k, 4)",
    "for i, j in nothing { d1 = relu }; concat { d1 | identity }; linear(i, axis=0)",
    "let k = nothing; conv(k, 4) x k",
    "conv(nothing, 4) -> conv(nothing, 4); conv(nothing, nothing)",
    "residual { conf(3x3, 4) -> bn } x 3 : [3, 8, 8]",
    "add { conf(3x3, 4) | conf(3x3, 4) }",
]


@pytest.mark.parametrize("body", ONE)
def test_one_mistake_is_one_error(body: str) -> None:
    found = errors(model(body, before=BLOCK.format("conv(3x3, n + 1)")))
    assert len(found) == 1, [d.message for d in found]


def test_an_input_that_is_wrong_hides_its_sizes() -> None:
    found = errors(
        "model m {\n input x: [3, H=0, W=8]\n require H % 2 == 0 and W % 2 == 0\n relu\n}"
    )
    assert [d.code for d in found] == ["A208"]


def test_what_stands_for_a_lost_tensor_is_told_from_inputs() -> None:
    program = Program(Source("text", model("conf(3x3, 4) : [4, 8, 8]; relu")))
    graph, _ = program.work_out("m")
    (node,) = graph.restored
    assert node.output.shape == (4, 8, 8)
    assert node not in graph.inputs.values()
    assert not graph.whole


def checked(text: str, folder: Path) -> list[Diagnostic]:
    path = folder / "net.arch"
    path.write_text(text)
    return check_file(str(path), None, None, None).found


def test_a_mistake_in_a_block_is_said_once_for_all_models(tmp_path: Path) -> None:
    text = "block b(n) : [C, H, W] { conf(3x3, n) }\n" + "\n".join(
        f"model m{n} {{ input x: [3, 8, 8]; b({n}) }}" for n in (4, 5, 6)
    )
    assert [d.code for d in checked(text, tmp_path)] == ["A103"]


def test_models_are_checked_in_spite_of_a_wrong_definition(tmp_path: Path) -> None:
    text = "let a = nothing\nmodel m { input x: [3, 8, 8]; linear(a, axis=0) -> conv(2x2) }"
    found = checked(text, tmp_path)
    assert [d.code for d in found] == ["A103", "A104"]
