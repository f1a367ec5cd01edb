"""Settings of a model's parameters, and other sizes of its inputs."""

from __future__ import annotations

from typing import Any

import pytest

import archlang
from tests.elaborate.checks import codes, error, model, shape

NET = """
block a(c) { conv(1x1, c) }
block b(c) { conv(3x3, c) -> relu }
let base = 4
model net(c = base, depths = [1, 2], block = a, act = relu, deep = false, width = 1.0) {
    input image: [3, H=8, W=8]
    block(c) x sum(depths)
    act
    if deep { maxpool(2) }
    conv(1x1, round(10*width))
}
"""

SETTINGS: list[tuple[dict[str, Any], tuple[int, ...], int]] = [
    ({}, (10, 8, 8), 16 + 2 * 20 + 50),
    ({"c": 5}, (10, 8, 8), 20 + 2 * 30 + 60),
    ({"c": "5"}, (10, 8, 8), 20 + 2 * 30 + 60),
    ({"c": "base + 1"}, (10, 8, 8), 20 + 2 * 30 + 60),
    ({"depths": [1]}, (10, 8, 8), 16 + 50),
    ({"depths": "[1, 0]"}, (10, 8, 8), 16 + 50),
    ({"depths": "[d for d in range(2)]"}, (10, 8, 8), 16 + 50),
    ({"block": "b", "depths": [1]}, (10, 8, 8), 112 + 50),
    ({"act": "maxpool(2)", "depths": [1]}, (10, 4, 4), 16 + 50),
    ({"deep": True, "depths": [1]}, (10, 4, 4), 16 + 50),
    ({"deep": "true", "depths": [1]}, (10, 4, 4), 16 + 50),
    ({"width": 1.15, "depths": [1]}, (12, 8, 8), 16 + 60),
    ({"width": "0.5", "depths": [1]}, (5, 8, 8), 16 + 25),
]


@pytest.mark.parametrize(("settings", "expected", "params"), SETTINGS, ids=lambda v: str(v)[:40])
def test_settings(settings: dict[str, Any], expected: tuple[int, ...], params: int) -> None:
    network = archlang.loads(NET, settings=settings)
    assert network.outputs == {"output": expected}
    assert network.totals.params == params
    assert network.settings == settings


def test_decimals_in_settings_are_exact() -> None:
    text = model("linear(100*w)", "[3]").replace("model m", "model m(w = 1)")
    assert shape(text, settings={"w": 1.15}) == (115,)
    assert shape(text, settings={"w": "1.15"}) == (115,)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"d": 3}, "A104"),
    ({"c": "undefined"}, "A103"),
    ({"c": "3 +"}, "A101"),
    ({"c": "("}, "A102"),
    ({"c": "1/0"}, "A108"),
    ({"c": 0}, "A105"),
    ({"c": "[1]"}, "A105"),
    ({"deep": 1}, "A105"),
    ({"block": "relu"}, "A105"),
]


@pytest.mark.parametrize(("settings", "code"), WRONG)
def test_settings_that_are_wrong(settings: dict[str, Any], code: str) -> None:
    found = codes(NET, settings=settings)
    assert set(found) == {code}


def test_a_setting_replaces_what_the_spec_gave() -> None:
    text = NET.replace("model net", "model general") + "model net = general(6, [1])\n"
    assert archlang.loads(text, "net").totals.params == 24 + 70
    assert archlang.loads(text, "net", {"c": 5}).totals.params == 20 + 60
    assert archlang.loads(text, "net", {"depths": [2]}).totals.params == 24 + 42 + 70


def test_a_model_that_needs_a_value_gets_it() -> None:
    text = model("linear(n)", "[3]").replace("model m", "model m(n)")
    assert shape(text, model="m", settings={"n": 4}) == (4,)
    assert codes(text, model="m") == ["A104"]


# Other input sizes

ASSERTED = """
model net {
    input image: [3, H=64, W=64]
    conv(3x3, 4, stride=2)      : [4, 32, 32]
    maxpool(2)                  : [4, ceil(H/2) // 2, ceil(W/2) // 2]
    conv(1x1, 8)                : [8, 16, _]
    global_avgpool              : [8]
}
"""


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (64, 96), (32, 32)])
def test_plain_numbers_state_the_default_size_only(size: tuple[int, int]) -> None:
    network = archlang.loads(ASSERTED, inputs={"image": (3, *size)})
    assert network.inputs == {"image": (3, *size)}
    assert network.outputs == {"output": (8,)}
    assert network.totals.macs == (27 * 4 * size[0] * size[1] // 4) + 32 * size[0] * size[1] // 16


BROKEN = [
    ("[4, ceil(H/2) // 2, ceil(W/2) // 2]", "[4, ceil(H/2), _]"),
    (": [8]", ": [9]"),
    ("[8, 16, _]", "[9, 16, _]"),
    ("[4, 32, 32]", "[5, 32, 32]"),
]


@pytest.mark.parametrize(("old", "new"), BROKEN)
def test_what_does_not_depend_on_the_size_is_checked_still(old: str, new: str) -> None:
    assert codes(ASSERTED.replace(old, new), inputs={"image": (3, 128, 128)}) == ["A201"]


def test_an_axis_that_did_not_change_is_checked_still() -> None:
    text = ASSERTED.replace("[4, 32, 32]", "[4, 33, 32]")
    assert codes(text, inputs={"image": (3, 64, 128)}) == ["A201"]
    archlang.loads(ASSERTED.replace("[4, 32, 32]", "[4, 32, 33]"), inputs={"image": (3, 64, 128)})


def test_symbolic_assertions_are_checked_at_the_size_given() -> None:
    text = model("require W % 2 == 0\nmaxpool(2) : [3, _, W/2]", "[3, H=8, W=8]")
    assert shape(text, inputs={"image": (3, 10, 8)}) == (3, 5, 4)
    found = error(text.replace("W/2", "H/2"), inputs={"image": (3, 9, 8)})
    assert (found.code, found.label) == ("A201", "specified H/2 (4.5); inferred W//2 (4)")


def test_requirements_are_checked_at_the_size_given() -> None:
    text = model('require H % 4 == 0 : "two poolings"\nmaxpool(2) x 2', "[3, H=8, W=8]")
    assert shape(text, inputs={"image": (3, 12, 9)}) == (3, 3, 2)
    assert codes(text, inputs={"image": (3, 10, 8)}) == ["A205"]


def test_weights_follow_the_size_given() -> None:
    text = model("flatten -> linear(5)", "[3, H=8, W=8]")
    assert archlang.loads(text, inputs={"image": (3, 4, 4)}).totals.params == 48 * 5 + 5


def test_several_inputs_are_changed_by_name() -> None:
    text = "model m {\n input a: [3, L=8]\n input b: [4, L=8]\n concat { a | b }\n}"
    assert shape(text, inputs={"a": (3, 9), "b": (4, 9)}) == (7, 9)
    assert codes(text, inputs={"a": (3, 9)}) == ["A203"]


WRONG_INPUTS: list[tuple[dict[str, tuple[int, ...]], str]] = [
    ({"picture": (3, 8, 8)}, "A103"),
    ({"image": (3, 8)}, "A105"),
    ({"image": (3, 8, 8, 8)}, "A105"),
    ({"image": (3, 0, 8)}, "A208"),
    ({"image": (3, -1, 8)}, "A208"),
    ({"image": (3, 1, 8)}, "A202"),
]


@pytest.mark.parametrize(("inputs", "code"), WRONG_INPUTS)
def test_inputs_that_are_wrong(inputs: dict[str, tuple[int, ...]], code: str) -> None:
    text = model("conv(3x3, 4, pad=0) -> relu", "[3, H=8, W=8]")
    assert error(text, inputs=inputs).code == code


def test_sizes_that_the_spec_ties_stay_tied() -> None:
    text = model("conv(3x3, 4)", "[3, H=8, 2*H]")
    assert shape(text, inputs={"image": (3, 6, 12)}) == (4, 6, 12)
    assert error(text, inputs={"image": (3, 6, 16)}).code == "A105"


def test_a_plain_size_may_be_changed_too() -> None:
    assert shape(model("maxpool(2)"), inputs={"image": (5, 12, 12)}) == (5, 6, 6)
