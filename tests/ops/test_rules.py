"""The rules that map sizes: what they certify is true, and what depends on the input says so."""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor
from typing import Any

import pytest

from archlang.op import Op
from archlang.types import (
    SizeRule,
    SymbolicDim,
    Tensor,
    constant_rule,
    divided_rule,
    ratio_rule,
    slice_rule,
    symbols,
    transposed_rule,
    window_rule,
)
from tests.ops import pytorch  # noqa: F401 - registers the layers

SLICES = [(s, e) for s in range(-4, 5) for e in range(-4, 5)]


def rules() -> list[SizeRule]:
    r = random.Random(5)
    made = [slice_rule(*ends) for ends in SLICES] + [constant_rule(4)]
    for _ in range(500):
        k, s, a, b, d = (
            r.randint(*low_high) for low_high in ((1, 5), (1, 4), (0, 3), (0, 3), (1, 3))
        )
        made.append(window_rule(k, s, a, b, d, r.random() < 0.5, r.randint(1, 6)))
        made.append(ratio_rule(*Fraction(k, d).as_integer_ratio()))
        made += [divided_rule(k), constant_rule(s, least=k)]
        made.append(transposed_rule(k, s, a, b, d, r.randint(0, 2)))
    return made


def test_rules_are_straight_staircases() -> None:
    for rule in rules():
        for n in range(rule.start, rule.start + 40):
            before, after = rule.of(n), rule.of(n + rule.period)
            assert after == (None if before is None else before + rule.step), (rule, n)


@pytest.mark.parametrize("ends", SLICES)
def test_slices_are_pythons(ends: tuple[int, int]) -> None:
    for n in range(1, 12):
        assert slice_rule(*ends).of(n) == (len([*range(n)][slice(*ends)]) or None)


SYMBOLIC: list[tuple[str, dict[str, Any], list[set[str]]]] = [
    ("conv", {"kernel": 3, "channels": 4}, [set(), {"H"}, {"W"}]),
    ("maxpool", {"kernel": 2}, [set(), {"H"}, {"W"}]),
    ("avgpool", {"kernel": 2, "ceil": True}, [set(), {"H"}, {"W"}]),
    ("global_avgpool", {}, [set()]),
    ("adaptive_avgpool", {"size": 2}, [set(), set(), set()]),
    ("bn", {}, [set(), {"H"}, {"W"}]),
    ("relu", {}, [set(), {"H"}, {"W"}]),
    ("flatten", {}, [{"H", "W"}]),
    ("flatten", {"start": 1}, [set(), {"H", "W"}]),
    ("permute", {"axes": (2, 0, 1)}, [{"W"}, set(), {"H"}]),
    ("slice", {"start": 1, "end": -1, "axis": 1}, [set(), {"H"}, {"W"}]),
    ("linear", {"features": 4, "axis": 1}, [set(), set(), {"W"}]),
    ("upsample", {"scale": 2}, [set(), {"H"}, {"W"}]),
    ("upsample", {"size": 2}, [set(), set(), set()]),
    ("pad", {"amount": 1}, [set(), {"H"}, {"W"}]),
    ("crop", {"amount": 1}, [set(), {"H"}, {"W"}]),
    ("pixel_unshuffle", {"factor": 1}, [set(), {"H"}, {"W"}]),
    ("locally_connected", {"kernel": 3, "channels": 4}, [set(), {"H"}, {"W"}]),
    ("split", {"parts": 2, "index": 0, "axis": 1}, [set(), {"H"}, {"W"}]),
    ("maxout", {"pieces": 3, "axis": 2}, [set(), {"H"}, {"W"}]),
    ("reshape", {"sizes": [3, -1]}, [set(), {"H", "W"}]),
]


@pytest.mark.parametrize(("name", "fields", "expected"), SYMBOLIC)
def test_sizes_say_what_they_depend_on(
    name: str, fields: dict[str, Any], expected: list[set[str]]
) -> None:
    x = Tensor((3, SymbolicDim(8, {"H"}), SymbolicDim(9, {"W"})))
    y = Op.registry[name](**fields).infer(x)
    assert [set(symbols(size)) for size in y.shape] == expected


def test_joined_and_stretched_sizes_say_so_too() -> None:
    h = SymbolicDim(8, {"H"})
    joined = Op.registry["concat"](axis=1).infer(Tensor((3, h)), Tensor((3, 2)))
    stretched = Op.registry["mul"]().infer(Tensor((3, 1)), Tensor((3, h)))
    assert symbols(joined.shape[1]) == symbols(stretched.shape[1]) == {"H"}
    assert symbols(Op.registry["attention"](heads=1).macs(Tensor((h, 4)), Tensor((h, 4)))) == {"H"}


def test_ratios_are_exact() -> None:
    for above, below in ((115, 100), (4, 3), (1, 3), (7, 10), (3, 2)):
        ratio = Fraction(above, below)
        for n in range(1, 400):
            assert ratio_rule(*ratio.as_integer_ratio()).of(n) == (floor(n * ratio) or None)
    assert ratio_rule(23, 20).of(100) == 115 != int(100 * 1.15)


def test_local_weights_say_that_they_depend_on_the_size() -> None:
    x = Tensor((3, SymbolicDim(8, {"H"}), 9))
    shapes = Op.registry["locally_connected"](kernel=3, channels=4).params(x)
    assert [set(symbols(size)) for size in shapes["weight"][:2]] == [{"H"}, set()]
